"""Parallel work from Python on every core of the machine, under one pool of job tokens.

This file imports nothing, so that a command pays only for what it uses. The floors are, from below:
`jeton.trace` and `jeton.sync`, `jeton.store` and `jeton.jobserver`, `jeton.runtime`, `jeton.query`, `jeton.build`,
`jeton.report`, `jeton.cli`. `jeton.testing` checks programs of threads.
"""

__version__ = "0.1.0"
