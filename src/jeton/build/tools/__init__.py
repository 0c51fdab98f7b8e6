"""Questions to a graph, and cleaning up after it: what ninja offers behind `-t`. Owns no argv; prints nothing.

Each function takes a graph and returns lines or counts; `jeton.cli.ninja_tools` gives them their options.
"""
