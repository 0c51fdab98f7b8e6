"""Parallel work from Python on every core of the machine, under one pool of job tokens.

This file imports nothing, so that a command pays only for what it uses. The floors are, from below:
`jeton.trace`, `jeton.store` and `jeton.jobserver`, `jeton.runtime`, `jeton.build`, `jeton.report`, `jeton.cli`.
"""

__version__ = "0.1.0"
