"""The client for asyncio: each call runs in its own thread."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Type, TypeVar

from ._client import CancelToken, Client, Expected, NotCopyable
from ._interrupted import payment_interrupted
from ._log import print_exception
from ._models import Payment, Reconciliation, Settlement, Transaction

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")

_log = logging.getLogger("flexpay")


def _signature_of(
    method: Callable[Concatenate[Client, P], Any],
) -> Callable[[Callable[..., T]], Callable[Concatenate[AsyncClient, P], T]]:
    """Gives a method the signature of a `Client` method, for `help`, `inspect` and mypy."""
    return functools.wraps(method, assigned=(), updated=())


class AsyncClient(NotCopyable):
    """`Client` for asyncio, with the same settings, arguments, results and errors."""

    @_signature_of(Client.__init__)
    def __init__(self, **settings: Any) -> None:
        try:
            self._client = Client(**settings)
        finally:
            # As in `Client`: an error keeps this frame alive, and error trackers show its locals.
            settings.clear()

    @classmethod
    def from_env(cls) -> AsyncClient:
        """See `Client.from_env`."""
        client = cls.__new__(cls)
        client._client = Client.from_env()
        return client

    def close(self) -> None:
        """See `Client.close`. Does not block."""
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
        # Error trackers also show an object whose `__init__` failed.
        client = getattr(self, "_client", None)
        return "<flexpay.AsyncClient, closed>" if client is None else client._repr("AsyncClient")

    @_signature_of(Client.pay)
    async def pay(self, *, reference: str, **request: Any) -> Payment:
        """See `Client.pay`.

        If the task is cancelled during the call, the payment is not aborted. `pay` waits for its
        end, at most timeout_ms, and then raises CancelledError; the cause is a PaymentInterrupted,
        which has the result. A second cancellation ends the call at once; then the outcome is
        unknown.

        `asyncio.gather` and `asyncio.TaskGroup` drop the CancelledError of a task and its cause. So
        the result is also logged as a warning to `logging.getLogger("flexpay")`; after a second
        cancellation, as soon as it is known.
        """
        return await _send(
            lambda: self._client.pay(reference=reference, **request), "payment request", reference
        )

    @_signature_of(Client.pay_mobile)
    async def pay_mobile(self, *, reference: str, **request: Any) -> Payment:
        """See `Client.pay_mobile`, and `pay` for a task that is cancelled."""
        return await _send(
            lambda: self._client.pay_mobile(reference=reference, **request),
            "payment request",
            reference,
        )

    @_signature_of(Client.payout)
    async def payout(self, *, reference: str, **request: Any) -> Payment:
        """See `Client.payout`, and `pay` for a task that is cancelled."""
        return await _send(
            lambda: self._client.payout(reference=reference, **request), "payout request", reference
        )

    @_signature_of(Client.check)
    async def check(self, *order: Any, **named: Any) -> Transaction:
        """See `Client.check`. Cancelling the task ends it at once."""
        return await _in_thread(lambda: self._client.check(*order, **named))

    # `Client.wait` has a `cancel` in addition, so its signature cannot be used here.
    async def wait(
        self,
        order_number: Optional[str],
        *,
        timeout_ms: Optional[int] = None,
        interval_ms: Optional[int] = None,
        max_interval_ms: Optional[int] = None,
        failed_grace_ms: Optional[int] = None,
        expected: Optional[Expected] = None,
        correlation_id: Optional[str] = None,
    ) -> Transaction:
        """See `Client.wait`. Cancelling the task ends it and stops the library's checks."""
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
                    correlation_id=correlation_id,
                )
            )
        finally:
            token.cancel()

    @_signature_of(Client.verify_callback)
    async def verify_callback(self, *body: Any, **payment: Any) -> Transaction:
        """See `Client.verify_callback`. Cancelling the task ends it at once."""
        return await _in_thread(lambda: self._client.verify_callback(*body, **payment))

    @_signature_of(Client.verify_order)
    async def verify_order(self, **payment: Any) -> Transaction:
        """See `Client.verify_order`. Cancelling the task ends it at once."""
        return await _in_thread(lambda: self._client.verify_order(**payment))

    # As `wait`: without a `cancel`.
    async def settle(
        self,
        reference: str,
        *,
        wait: bool = False,
        timeout_ms: Optional[int] = None,
        interval_ms: Optional[int] = None,
        max_interval_ms: Optional[int] = None,
        failed_grace_ms: Optional[int] = None,
        correlation_id: Optional[str] = None,
    ) -> Settlement:
        """See `Client.settle`. Cancelling the task ends it and stops the library's checks."""
        token = CancelToken()
        try:
            return await _in_thread(
                lambda: self._client.settle(
                    reference,
                    wait=wait,
                    timeout_ms=timeout_ms,
                    interval_ms=interval_ms,
                    max_interval_ms=max_interval_ms,
                    failed_grace_ms=failed_grace_ms,
                    cancel=token if wait else None,
                    correlation_id=correlation_id,
                )
            )
        finally:
            token.cancel()

    @_signature_of(Client.settle_callback)
    async def settle_callback(self, *body: Any, **query: Any) -> Settlement:
        """See `Client.settle_callback`. Cancelling the task ends it at once."""
        return await _in_thread(lambda: self._client.settle_callback(*body, **query))

    async def reconcile(self, *, timeout_ms: Optional[int] = None) -> Reconciliation:
        """See `Client.reconcile`. Cancelling the task ends it at once; the library asks about no
        further order."""
        token = CancelToken()
        try:
            return await _in_thread(
                lambda: self._client.reconcile(timeout_ms=timeout_ms, cancel=token)
            )
        finally:
            token.cancel()

    @_signature_of(Client.journal_get)
    async def journal_get(self, *reference: Any, **named: Any) -> Settlement:
        """See `Client.journal_get`."""
        return await _in_thread(lambda: self._client.journal_get(*reference, **named))

    @_signature_of(Client.journal_list)
    async def journal_list(self, *filter: Any, **query: Any) -> List[Settlement]:
        """See `Client.journal_list`."""
        return await _in_thread(lambda: self._client.journal_list(*filter, **query))

    @_signature_of(Client.journal_acknowledge)
    async def journal_acknowledge(self, *reference: Any, **named: Any) -> Settlement:
        """See `Client.journal_acknowledge`. If the task is cancelled during the call, the delivery
        may have been recorded: see `journal_get`."""
        return await _in_thread(lambda: self._client.journal_acknowledge(*reference, **named))

    @_signature_of(Client.journal_resolve)
    async def journal_resolve(self, *reference: Any, **resolution: Any) -> Settlement:
        """See `Client.journal_resolve`."""
        return await _in_thread(lambda: self._client.journal_resolve(*reference, **resolution))

    @_signature_of(Client.journal_prune)
    async def journal_prune(self, *days: Any, **named: Any) -> int:
        """See `Client.journal_prune`."""
        return await _in_thread(lambda: self._client.journal_prune(*days, **named))


async def _send(call: Callable[[], Payment], request: str, reference: str) -> Payment:
    """Sends a request that moves money. Its result is not lost if the task is cancelled."""
    future: Future[Payment] = Future()
    wrapped = asyncio.wrap_future(future)
    # Reads the exception. Otherwise, if the task is cancelled, asyncio would log that it was never
    # retrieved.
    wrapped.add_done_callback(lambda done: done.cancelled() or done.exception())
    _start(call, future)
    try:
        await asyncio.wait([wrapped])
    except asyncio.CancelledError as cancelled:
        never_started = future.cancel()
        if never_started:
            _log_not_sent(request, reference)
            raise
        try:
            await asyncio.wait([wrapped])
        except BaseException:
            _log_when_finished(request, reference, future)
            raise
        result = payment_interrupted(request, reference, future.result)
        _warn("%s", result)
        raise cancelled from result
    except GeneratorExit:
        # The coroutine was closed without a result: no caller can receive an exception.
        if future.cancel():
            _log_not_sent(request, reference)
        else:
            _log_when_finished(request, reference, future)
        raise
    return wrapped.result()


def _log_not_sent(request: str, reference: str) -> None:
    _warn(
        "interrupted before the %s for %r: nothing was sent (outcome NOT_SENT)", request, reference
    )


def _log_when_finished(request: str, reference: str, future: Future[Payment]) -> None:
    """Logs that the outcome of a request is not known yet and, after its end, the result."""
    _warn(
        "interrupted during the %s for %r: it is still in progress (outcome UNKNOWN)",
        request,
        reference,
    )
    future.add_done_callback(
        lambda done: _warn("%s", payment_interrupted(request, reference, done.result))
    )


def _warn(message: str, *arguments: object) -> None:
    """Logs a warning. An exception of a handler must not replace the CancelledError, whose cause
    has the result."""
    try:
        _log.warning(message, *arguments)
    except Exception:
        print_exception()


async def _in_thread(function: Callable[[], T]) -> T:
    # Not the loop's default executor: a few waits could occupy all its threads for ten minutes.
    future: Future[T] = Future()
    _start(function, future)
    return await asyncio.wrap_future(future)


def _start(function: Callable[[], T], future: Future[T]) -> None:
    """Starts a call in its own thread; `future` receives the result.

    The caller can cancel the future only before the call has started. The call then never starts.
    """

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = function()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="flexpay", daemon=True).start()
