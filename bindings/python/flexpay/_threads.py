"""A call in a thread of its own, so that whoever waits for it can be interrupted.

A thread each, not a pool: a wait may take ten minutes, and a pool full of waits would hold up the
payments behind it. They are daemons: a program that ends does not wait for a question to be
answered.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Callable, Generic, Optional, TypeVar

T = TypeVar("T")


def can_be_interrupted() -> bool:
    """Whether signals, Ctrl-C above all, are delivered to this thread: to the main one alone."""
    return threading.current_thread() is threading.main_thread()


def start(ask: Callable[[], T], future: Future[T]) -> None:
    """Starts a call for asyncio; `future` receives what it comes to.

    The future is the caller's: where it can still be cancelled, the call had not begun and never
    will.
    """

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = ask()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    _thread(run)


class Call(Generic[T]):
    """A call that the main thread waits for.

    Bare locks, for a signal handler may raise between any two steps here: a lock is taken or it is
    not, while a Future, interrupted in the midst of its own bookkeeping, may hang for ever.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._begun = threading.Lock()
        self._ended = threading.Lock()
        self._ended.acquire()
        self._is_over = False
        self._result: Any = None
        self.error: Optional[BaseException] = None

    def start(self) -> None:
        """Starts it."""
        try:
            _thread(self._run)
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

    def result(self) -> T:
        """What it came to, which is waited for."""
        self.wait()
        if self.error is not None:
            raise self.error
        result: T = self._result
        return result


def _thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="flexpay", daemon=True).start()
