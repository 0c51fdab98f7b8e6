"""A pool for a whole user: one server in the background, and the programs that join it over its socket.

Owns the socket, what is said over it, and which place belongs to whom; the tokens are the `Server`'s. `desk.py` is the
server's side, `pool.py` a client's; `protocol.py` and `wire.py` lie between them.
"""
