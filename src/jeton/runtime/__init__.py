"""Floor 2: tasks on a scheduler that an event loop drives. Knows nothing of queries or builds.

API boundary. `run(main)` runs a program of tasks on one thread; inside it, `Scope` starts tasks that fail together,
`sleep` and `checkpoint` give way, `Event` wakes, `SlotQueue` waits for the right to use a core and
`run_process` for a child. `SimulatedLoop` runs the same program in virtual time, in an order that a seed decides.
"""

from jeton.runtime.asyncio_loop import AsyncioLoop, default_loop, libuv_loop, stdlib_loop
from jeton.runtime.current import current_scheduler, current_task
from jeton.runtime.event import Event
from jeton.runtime.loop import EventLoop, Undo
from jeton.runtime.process import ProcessResult, run_process
from jeton.runtime.scheduler import Scheduler, checkpoint, run, sleep
from jeton.runtime.scope import Scope
from jeton.runtime.simulated_loop import Deadlock, SimulatedLoop
from jeton.runtime.slots import SlotQueue
from jeton.runtime.task import Cancelled, Task, TaskCancelled, TaskState

__all__ = [
    "AsyncioLoop",
    "Cancelled",
    "Deadlock",
    "Event",
    "EventLoop",
    "ProcessResult",
    "Scheduler",
    "Scope",
    "SimulatedLoop",
    "SlotQueue",
    "Task",
    "TaskCancelled",
    "TaskState",
    "Undo",
    "checkpoint",
    "current_scheduler",
    "current_task",
    "default_loop",
    "libuv_loop",
    "run",
    "run_process",
    "sleep",
    "stdlib_loop",
]
