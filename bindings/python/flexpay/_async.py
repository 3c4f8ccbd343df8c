"""The client for asyncio: each call in a thread of its own."""

import asyncio
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Callable, TypeVar

from ._client import CancelToken, Client, Expected, Uncopied, interrupted

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Optional, Type, Union

    from ._abi import Amount, Body
    from ._enums import Api, Environment
    from ._models import Payment, Transaction

T = TypeVar("T")

_log = logging.getLogger("flexpay")


class AsyncClient(Uncopied):
    """`Client` for asyncio. Settings, arguments, results and errors are those of `Client`."""

    def __init__(
        self,
        *,
        merchant: str,
        token: str,
        environment: "Union[Environment, str, None]" = None,
        api: "Union[Api, str, None]" = None,
        pay_url: "Optional[str]" = None,
        check_url: "Optional[str]" = None,
        timeout_ms: "Optional[int]" = None,
        connect_timeout_ms: "Optional[int]" = None,
        ca_file: "Union[str, os.PathLike[str], None]" = None,
        proxy: "Optional[str]" = None,
        app_name: "Optional[str]" = None,
        allow_plain_http: bool = False,
        check_once: bool = False,
        system_roots: bool = False,
        private_connections: bool = False,
        callback_secret: "Optional[str]" = None,
        callback_secret_previous: "Optional[str]" = None,
    ) -> None:
        try:
            self._client = Client(
                merchant=merchant,
                token=token,
                environment=environment,
                api=api,
                pay_url=pay_url,
                check_url=check_url,
                timeout_ms=timeout_ms,
                connect_timeout_ms=connect_timeout_ms,
                ca_file=ca_file,
                proxy=proxy,
                app_name=app_name,
                allow_plain_http=allow_plain_http,
                check_once=check_once,
                system_roots=system_roots,
                private_connections=private_connections,
                callback_secret=callback_secret,
                callback_secret_previous=callback_secret_previous,
            )
        finally:
            # As in `Client`: an error keeps this frame, and error trackers show its locals.
            del token, proxy, callback_secret, callback_secret_previous

    @classmethod
    def from_env(cls) -> "AsyncClient":
        """As `Client.from_env`."""
        client = cls.__new__(cls)
        client._client = Client.from_env()
        return client

    def close(self) -> None:
        """As `Client.close`. Does not block."""
        self._client.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: "Optional[Type[BaseException]]",
        error: "Optional[BaseException]",
        traceback: "Optional[TracebackType]",
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        # Also of one whose making failed: error trackers show it.
        client = getattr(self, "_client", None)
        return "<flexpay.AsyncClient, closed>" if client is None else client._shown("AsyncClient")

    async def pay(
        self,
        *,
        reference: str,
        amount: "Amount",
        currency: str,
        description: "Optional[str]" = None,
        callback_url: "Optional[str]" = None,
        approve_url: "Optional[str]" = None,
        cancel_url: "Optional[str]" = None,
        decline_url: "Optional[str]" = None,
        home_url: "Optional[str]" = None,
    ) -> "Payment":
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
        _start(
            lambda: self._client.pay(
                reference=reference,
                amount=amount,
                currency=currency,
                description=description,
                callback_url=callback_url,
                approve_url=approve_url,
                cancel_url=cancel_url,
                decline_url=decline_url,
                home_url=home_url,
            ),
            future,
        )
        try:
            await asyncio.wait([wrapped])
        except asyncio.CancelledError as cancelled:
            not_begun = future.cancel()
            if not_begun:
                _warn_of_nothing_sent(reference)
                raise
            try:
                await asyncio.wait([wrapped])
            except BaseException:
                _warn_later(reference, future)
                raise
            told = interrupted(reference, future.result)
            _log.warning("%s", told)
            raise cancelled from told
        except GeneratorExit:
            # The loop was given up with this task in it: nobody is left to raise to.
            if future.cancel():
                _warn_of_nothing_sent(reference)
            else:
                _warn_later(reference, future)
            raise
        return wrapped.result()

    async def check(self, order_number: "Optional[str]") -> "Transaction":
        """As `Client.check`. To cancel the task ends it at once."""
        return await _in_thread(lambda: self._client.check(order_number))

    async def wait(
        self,
        order_number: "Optional[str]",
        *,
        timeout_ms: "Optional[int]" = None,
        interval_ms: "Optional[int]" = None,
        max_interval_ms: "Optional[int]" = None,
        failed_grace_ms: "Optional[int]" = None,
        expected: "Optional[Expected]" = None,
    ) -> "Transaction":
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

    async def verify_callback(
        self,
        body: "Body",
        *,
        reference: str,
        amount: "Amount",
        currency: str,
        order_number: "Optional[str]" = None,
        query: "Optional[str]" = None,
    ) -> "Transaction":
        """As `Client.verify_callback`. To cancel the task ends it at once."""
        return await _in_thread(
            lambda: self._client.verify_callback(
                body,
                reference=reference,
                amount=amount,
                currency=currency,
                order_number=order_number,
                query=query,
            )
        )

    async def verify_order(
        self,
        *,
        reference: str,
        amount: "Amount",
        currency: str,
        order_number: "Optional[str]",
    ) -> "Transaction":
        """As `Client.verify_order`. To cancel the task ends it at once."""
        return await _in_thread(
            lambda: self._client.verify_order(
                reference=reference,
                amount=amount,
                currency=currency,
                order_number=order_number,
            )
        )


def _warn_of_nothing_sent(reference: str) -> None:
    _log.warning(
        "interrupted before the payment request for %r: nothing was sent (outcome NOT_SENT)",
        reference,
    )


def _warn_later(reference: str, future: "Future[Payment]") -> None:
    """Says that the outcome of a payment is unknown as yet, and, once it has ended, what it was."""
    _log.warning(
        "interrupted during the payment request for %r: it is still under way (outcome UNKNOWN)",
        reference,
    )
    future.add_done_callback(lambda done: _log.warning("%s", interrupted(reference, done.result)))


async def _in_thread(ask: "Callable[[], T]") -> "T":
    # Not the loop's own executor: it has a handful of threads, which a few waits would take for
    # ten minutes.
    future: Future[T] = Future()
    _start(ask, future)
    return await asyncio.wrap_future(future)


def _start(ask: "Callable[[], T]", future: "Future[T]") -> None:
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
