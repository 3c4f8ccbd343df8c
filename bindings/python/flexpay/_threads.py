"""A call in a thread of its own, so that whoever waits for it can be interrupted.

A thread each, not a pool: a wait may take ten minutes, and a pool full of waits would hold up the
payments behind it. A program that ends does not wait for them.
"""

import sys
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional


def can_be_interrupted() -> bool:
    """Whether signals, Ctrl-C above all, are delivered to this thread: to the main one alone."""
    if "threading" not in sys.modules:
        # It takes its time to import, and no other thread is to be expected where nobody did.
        return True
    import threading

    return threading.current_thread() is threading.main_thread()


class Call:
    """A call that the main thread waits for.

    Bare locks, for a signal handler may raise between any two steps here: a lock is taken or it is
    not, while a Future, interrupted in the midst of its own bookkeeping, may hang for ever.
    """

    def __init__(self, ask: "Callable[[], Any]") -> None:
        self._ask = ask
        self._begun = allocate_lock()
        self._ended = allocate_lock()
        self._ended.acquire()
        self._is_over = False
        self._result: Any = None
        self.error: Optional[BaseException] = None

    def start(self) -> None:
        """Starts it."""
        try:
            start_new_thread(self._run, ())
        except RuntimeError:
            # No thread is to be had, as when the interpreter is ending. Then without one.
            self._run()

    def _run(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            self._result = self._ask()
        except BaseException as error:
            self.error = error
        self._is_over = True
        self._ended.release()

    def prevent(self) -> bool:
        """Whether it had not begun. Then it never will."""
        return self._begun.acquire(blocking=False)

    def wait(self) -> None:
        """Waits for its end."""
        while not self._is_over:
            self._ended.acquire()

    def result(self) -> "Any":
        """What it came to, which is waited for."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self._result
