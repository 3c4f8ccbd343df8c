"""The client for asyncio: each call in a thread of its own."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Type, TypeVar

from ._client import CancelToken, Client, Expected, Uncopied
from ._interrupted import interrupted
from ._models import Payment, Transaction

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")

_log = logging.getLogger("flexpay")


def _arguments_of(
    method: Callable[Concatenate[Client, P], Any],
) -> Callable[[Callable[..., T]], Callable[Concatenate[AsyncClient, P], T]]:
    """Gives a method the arguments of the client's, for `help`, `inspect` and type checkers."""
    return functools.wraps(method, assigned=(), updated=())


class AsyncClient(Uncopied):
    """`Client` for asyncio. Settings, arguments, results and errors are those of `Client`."""

    @_arguments_of(Client.__init__)
    def __init__(self, **settings: Any) -> None:
        try:
            self._client = Client(**settings)
        finally:
            # As in `Client`: an error keeps this frame, and error trackers show its locals.
            settings.clear()

    @classmethod
    def from_env(cls) -> AsyncClient:
        """As `Client.from_env`."""
        client = cls.__new__(cls)
        client._client = Client.from_env()
        return client

    def close(self) -> None:
        """As `Client.close`. Does not block."""
        self._client.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        # Also of one whose making failed: error trackers show it.
        client = getattr(self, "_client", None)
        return "<flexpay.AsyncClient, closed>" if client is None else client._shown("AsyncClient")

    @_arguments_of(Client.pay)
    async def pay(self, **request: Any) -> Payment:
        """As `Client.pay`.

        A task that is cancelled meanwhile does not tear the payment in two: its end is awaited,
        timeout_ms at most; the CancelledError that follows has a PaymentInterrupted for its cause,
        which says what became of it. A second cancellation ends it at once; then the outcome is
        unknown.

        `asyncio.gather` and `asyncio.TaskGroup` drop the CancelledError of a task, and its cause
        with it. So what became of the payment is also a warning of `logging.getLogger("flexpay")`,
        after a second cancellation too, once it is known.
        """
        future: Future[Payment] = Future()
        wrapped = asyncio.wrap_future(future)
        # Else asyncio would log, where the task is cancelled, that nobody looked at its exception.
        wrapped.add_done_callback(lambda done: done.cancelled() or done.exception())
        _start(lambda: self._client.pay(**request), future)
        try:
            await asyncio.wait([wrapped])
        except asyncio.CancelledError as cancelled:
            not_begun = future.cancel()
            if not_begun:
                _warn_of_nothing_sent(request["reference"])
                raise
            try:
                await asyncio.wait([wrapped])
            except BaseException:
                _warn_later(request["reference"], future)
                raise
            told = interrupted(request["reference"], future.result)
            _log.warning("%s", told)
            raise cancelled from told
        except GeneratorExit:
            # The loop was given up with this task in it: nobody is left to raise to.
            if future.cancel():
                _warn_of_nothing_sent(request["reference"])
            else:
                _warn_later(request["reference"], future)
            raise
        return wrapped.result()

    @_arguments_of(Client.check)
    async def check(self, *order: Any, **named: Any) -> Transaction:
        """As `Client.check`. To cancel the task ends it at once."""
        return await _in_thread(lambda: self._client.check(*order, **named))

    async def wait(
        self,
        order_number: Optional[str],
        *,
        timeout_ms: Optional[int] = None,
        interval_ms: Optional[int] = None,
        max_interval_ms: Optional[int] = None,
        failed_grace_ms: Optional[int] = None,
        expected: Optional[Expected] = None,
    ) -> Transaction:
        """As `Client.wait`. To cancel the task ends it, and the library's asking too."""
        token = CancelToken()
        try:
            return await _in_thread(
                lambda: self._client.wait(
                    order_number,
                    timeout_ms=timeout_ms,
                    interval_ms=interval_ms,
                    max_interval_ms=max_interval_ms,
                    failed_grace_ms=failed_grace_ms,
                    cancel=token,
                    expected=expected,
                )
            )
        finally:
            token.cancel()

    @_arguments_of(Client.verify_callback)
    async def verify_callback(self, *body: Any, **payment: Any) -> Transaction:
        """As `Client.verify_callback`. To cancel the task ends it at once."""
        return await _in_thread(lambda: self._client.verify_callback(*body, **payment))

    @_arguments_of(Client.verify_order)
    async def verify_order(self, **payment: Any) -> Transaction:
        """As `Client.verify_order`. To cancel the task ends it at once."""
        return await _in_thread(lambda: self._client.verify_order(**payment))


def _warn_of_nothing_sent(reference: str) -> None:
    _log.warning(
        "interrupted before the payment request for %r: nothing was sent (outcome NOT_SENT)",
        reference,
    )


def _warn_later(reference: str, future: Future[Payment]) -> None:
    """Says that the outcome of a payment is unknown as yet, and, once it has ended, what it was."""
    _log.warning(
        "interrupted during the payment request for %r: it is still under way (outcome UNKNOWN)",
        reference,
    )
    future.add_done_callback(lambda done: _log.warning("%s", interrupted(reference, done.result)))


async def _in_thread(ask: Callable[[], T]) -> T:
    # Not the loop's own executor: it has a handful of threads, which a few waits would take for
    # ten minutes.
    future: Future[T] = Future()
    _start(ask, future)
    return await asyncio.wrap_future(future)


def _start(ask: Callable[[], T], future: Future[T]) -> None:
    """Starts a call in a thread of its own; `future` receives what it comes to.

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

    threading.Thread(target=run, name="flexpay", daemon=True).start()
