"""The end of a claim. Owns the transition out of RUNNING and the waking of those who waited for it."""

from jeton.query.node import RUNNING, Node, State, Wake


def settle(node: Node, state: State) -> None:
    """Give up the claim on a node that is in `state` now, and wake who waits for it."""
    shard = node.shard
    waiting: list[Wake] | None = None
    with shard.lock:
        node.become(state)
        node.frame = None
        if shard.waiting:
            waiting = shard.waiting.pop(node, None)
    if waiting is not None:
        for wake in waiting:
            wake()


def wait_for(node: Node, wake: Wake) -> bool:
    """Ask to be woken when a node that runs is settled. False where it is: then nobody wakes."""
    with node.shard.lock:
        if node.state is not RUNNING:
            return False
        node.shard.waiting.setdefault(node, []).append(wake)
        return True


def forget_wait(node: Node, wake: Wake) -> None:
    """Take the wish back, if it is still there."""
    with node.shard.lock:
        waiting = node.shard.waiting.get(node)
        if waiting is not None and wake in waiting:
            waiting.remove(wake)
            if not waiting:
                del node.shard.waiting[node]
