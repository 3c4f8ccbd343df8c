"""The client."""

from __future__ import annotations

import ctypes
import os
import threading
from types import TracebackType
from typing import Any, Callable, NoReturn, Optional, Type, TypeVar, Union

from . import _abi, _results
from ._arguments import (
    Amount,
    Body,
    amount_text,
    body_bytes,
    choice,
    milliseconds,
    optional_path,
    optional_text,
    switch,
    text,
    wrong_type,
)
from ._codes import Outcome
from ._enums import Api, Environment
from ._errors import InvalidError
from ._interrupted import interrupted
from ._library import library
from ._models import Callback, Payment, Transaction
from ._structs import filled

T = TypeVar("T")


class Uncopied:
    """What cannot be copied or pickled: a copy would be the same object of the library's, and
    neither another process nor a file can hold that."""

    def __reduce_ex__(self, _: object) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"a {name} cannot be copied or pickled: share it, or make another")


class _Handle(Uncopied):
    """One of the library's objects, freed when nobody holds this any more.

    Whoever calls the library holds it for as long. So an object that is closed during a call is
    freed by whoever comes out last, and there is no lock that a signal handler or a forked child
    could find taken.
    """

    def __init__(self, pointer: int, free: Callable[[int], None]) -> None:
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        self._free(self.pointer)


class Expected:
    """What you asked for, from your own records: what `Client.wait` is to hold an order against.

    reference, amount, currency: those of your payment request.
    order_number: the one the gateway gave for it. Set it where it is from your records; it must be
        the one that is waited for.

    Raises InvalidError for text that C would cut. What is missing or no amount, the wait refuses.
    """

    def __init__(
        self,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        order_number: Optional[str] = None,
    ) -> None:
        self._struct = _expected(reference, amount, currency, order_number)

    @property
    def pointer(self) -> int:
        """The library's struct, for as long as this object lives."""
        return ctypes.addressof(self._struct)


class CancelToken(Uncopied):
    """Ends a `Client.wait` from another thread or from a signal handler.

    It may be given to several waits, and stays cancelled once it is.
    """

    def __init__(self) -> None:
        functions = library().functions
        pointer = _results.call(functions.flexpay_cancel_token_new)
        self._handle = _Handle(pointer, functions.flexpay_cancel_token_free)

    @property
    def pointer(self) -> int:
        """The library's token, for as long as this object lives."""
        return self._handle.pointer

    def cancel(self) -> None:
        """Ends every wait that was given this token, within a twentieth of a second, with
        `WaitCancelledError`; and so every wait that is given it later. Never blocks."""
        library().functions.flexpay_cancel_token_cancel(self.pointer)


class Client(Uncopied):
    """A client for one merchant. Make one and share it: any number of threads may use it at once.

    It is a context manager. Without `with` and without `close()` it is freed with its last
    reference.

    merchant: the merchant code.
    token: with or without "Bearer ".
    environment: "live" or "test" (or Environment.LIVE, Environment.TEST). None: "live".
    api: "v1", or "v1.1" whose payments carry the order number that `check` and `wait` need (or
        Api.V1, Api.V1_1). None: "v1".
    pay_url: the payment service's whole address, instead of the environment's.
    check_url: the check service's address up to and without the order number (".../check").
    timeout_ms: the time for a whole call, in milliseconds. None: 30 000.
    connect_timeout_ms: the part of it for look-up, connection, proxy and TLS together. None:
        10 000.
    ca_file: a PEM file of certificates to trust instead of those built in.
    proxy: an HTTP proxy, "http://user:password@host:port". The proxy variables are not read.
    app_name: your software, for the User-Agent header: "BoutiqueZando/2.1".
    allow_plain_http: allows http to other machines than this one: the token travels in the clear.
    check_once: makes `check` ask once only.
    system_roots: trusts the system's certificates instead of those built in; not with ca_file.
    private_connections: gives it connections of its own. Otherwise the clients of a process share
        them. The token is never shared.
    callback_secret: a secret of yours, of at least 16 characters, with which every callback address
        is signed: then `verify_callback` refuses a notice that did not come to an address you gave.
    callback_secret_previous: the one before it: addresses signed with it are still good.

    Raises InvalidError (its `field` names the setting; InvalidTypeError, which is a TypeError too,
    where the type is wrong; so does every function here) and LibraryError. Nothing is sent.
    """

    _handle: Optional[_Handle] = None

    def __init__(
        self,
        *,
        merchant: str,
        token: str,
        environment: Union[Environment, str, None] = None,
        api: Union[Api, str, None] = None,
        pay_url: Optional[str] = None,
        check_url: Optional[str] = None,
        timeout_ms: Optional[int] = None,
        connect_timeout_ms: Optional[int] = None,
        ca_file: Union[str, os.PathLike[str], None] = None,
        proxy: Optional[str] = None,
        app_name: Optional[str] = None,
        allow_plain_http: bool = False,
        check_once: bool = False,
        system_roots: bool = False,
        private_connections: bool = False,
        callback_secret: Optional[str] = None,
        callback_secret_previous: Optional[str] = None,
    ) -> None:
        config: Any = filled("flexpay_config")
        try:
            config.merchant = text(merchant, "merchant")
            config.token = text(token, "token")
            config.environment = choice(environment, "environment")
            config.api = choice(api, "api")
            config.pay_url = optional_text(pay_url, "pay_url")
            config.check_url = optional_text(check_url, "check_url")
            config.timeout_ms = milliseconds(timeout_ms, "timeout_ms")
            config.connect_timeout_ms = milliseconds(connect_timeout_ms, "connect_timeout_ms")
            config.ca_file = optional_path(ca_file, "ca_file")
            config.proxy = optional_text(proxy, "proxy")
            config.app_name = optional_text(app_name, "app_name")
            config.flags = (
                switch(allow_plain_http, "allow_plain_http", _abi.FLAG_ALLOW_PLAIN_HTTP)
                | switch(check_once, "check_once", _abi.FLAG_CHECK_ONCE)
                | switch(system_roots, "system_roots", _abi.FLAG_SYSTEM_ROOTS)
                | switch(private_connections, "private_connections", _abi.FLAG_PRIVATE_CONNECTIONS)
            )
            config.callback_secret = optional_text(callback_secret, "callback_secret")
            config.callback_secret_previous = optional_text(
                callback_secret_previous, "callback_secret_previous"
            )
            new = library().functions.flexpay_client_new
            pointer = _results.call(new, ctypes.byref(config))
        finally:
            # An error keeps this frame, and error trackers show the locals of every frame.
            del config, token, proxy, callback_secret, callback_secret_previous
        self._own(pointer)

    @classmethod
    def from_env(cls) -> Client:
        """A client from FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_ENVIRONMENT ("live", "test"),
        FLEXPAY_API ("v1", "v1.1"), FLEXPAY_PAY_URL, FLEXPAY_CHECK_URL, FLEXPAY_TIMEOUT_MS,
        FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE, FLEXPAY_PROXY, FLEXPAY_APP_NAME,
        FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS, FLEXPAY_ALLOW_PLAIN_HTTP,
        FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS and FLEXPAY_PRIVATE_CONNECTIONS ("0", "1"). The
        first two are needed.

        Raises InvalidError (its `field` names the variable or setting) and LibraryError. No other
        thread may change the environment meanwhile.
        """
        client = cls.__new__(cls)
        new = library().functions.flexpay_client_from_env
        client._own(_results.call(new))
        return client

    def _own(self, pointer: int) -> None:
        self._handle = _Handle(pointer, library().functions.flexpay_client_free)

    def close(self) -> None:
        """Frees the client and wipes the library's copy of the token. Calls that are under way in
        other threads end as they would; later ones raise InvalidError. To close twice is fine."""
        self._handle = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return self._shown("Client")

    def _shown(self, name: str) -> str:
        return f"<flexpay.{name}, {'closed' if self._handle is None else 'open'}>"

    def pay(
        self,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        description: Optional[str] = None,
        callback_url: Optional[str] = None,
        approve_url: Optional[str] = None,
        cancel_url: Optional[str] = None,
        decline_url: Optional[str] = None,
        home_url: Optional[str] = None,
    ) -> Payment:
        """Asks the gateway to take in a payment. The request is sent AT MOST ONCE, whatever
        happens; when the call fails, the error's `outcome` says whether it may be repeated.

        reference: your own. Never use one twice: it is the gateway's only guard against a repeat.
        amount: greater than zero, at most two decimals: "25.50", 100, Decimal("25.50"). No float.
        currency: CDF or "USD".
        description: what is being paid for, shown to the customer.
        callback_url: where the gateway posts its notice.
        approve_url, cancel_url, decline_url: where the customer's browser goes afterwards.
        home_url: your front page (Api.V1_1 only).

        Blocks up to the client's timeout_ms. Raises InvalidError, ResolveError, ConnectError,
        ProxyError, TLSError, TimedOutError, ConnectionLostError, ReplyError, GatewayError,
        UnauthorizedError, RefusedError, InternalError.

        Ctrl-C (in the main thread) does not tear a payment in two: its end is awaited, timeout_ms
        at most; the KeyboardInterrupt that follows has a PaymentInterrupted for its cause, which
        says what became of it. A second Ctrl-C ends it at once; then the outcome is unknown.
        """
        request = filled(
            "flexpay_payment_request",
            reference=text(reference, "reference"),
            amount=amount_text(amount, "amount"),
            currency=text(currency, "currency"),
            description=optional_text(description, "description"),
            callback_url=optional_text(callback_url, "callback_url"),
            approve_url=optional_text(approve_url, "approve_url"),
            cancel_url=optional_text(cancel_url, "cancel_url"),
            decline_url=optional_text(decline_url, "decline_url"),
            home_url=optional_text(home_url, "home_url"),
        )

        def ask() -> Payment:
            functions = library().functions
            pointer = self._call(functions.flexpay_pay, ctypes.byref(request))
            return _results.take(pointer, functions.flexpay_payment_free, _results.payment)

        if not _can_be_interrupted():
            return ask()
        call = _Call(ask)
        try:
            call.start()
            payment: Payment = call.result()
            return payment
        except BaseException as interrupt:
            if call.prevent() or interrupt is call.error:
                raise
            # What a signal's handler raised. What becomes of the payment must not be lost with it.
            call.wait()
            raise interrupt from interrupted(reference, call.result)

    def check(self, order_number: Optional[str]) -> Transaction:
        """Asks the gateway where an order stands. That it was found says nothing: its `state` says
        whether it is paid.

        Asking changes nothing, so what a broken connection or a failing gateway left unanswered is
        asked again, within the deadline.

        Blocks up to the client's timeout_ms; Ctrl-C ends it at once. Raises NotFoundError and what
        `pay` raises.
        """
        order = optional_text(order_number, "order_number")
        return _interruptibly(lambda: self._ask(library().functions.flexpay_check, order))

    def wait(
        self,
        order_number: Optional[str],
        *,
        timeout_ms: Optional[int] = None,
        interval_ms: Optional[int] = None,
        max_interval_ms: Optional[int] = None,
        failed_grace_ms: Optional[int] = None,
        cancel: Optional[CancelToken] = None,
        expected: Optional[Expected] = None,
    ) -> Transaction:
        """Waits for the outcome of an order: asks again and again, less and less often, until it is
        final, the time is up, or the wait is cancelled.

        PAID is final at once; FAILED, CANCELLED, REFUNDING and REFUNDED once they have stood for
        failed_grace_ms. The wait goes on after an order not found (yet), a question refused, a
        failing gateway and broken connections; a refused token ends it.

        order_number: the gateway's number. None, which a payment by the form (Api.V1) has, is
            refused with words that say so.
        timeout_ms: how long to wait in all. None: 600 000.
        interval_ms: the pause before the second question; it grows by half each time. None: 1 000.
        max_interval_ms: the longest pause. None: 10 000.
        failed_grace_ms: how long FAILED must stand to be believed; the same for CANCELLED,
            REFUNDING and REFUNDED. None: 30 000.
        cancel: ends the wait from elsewhere.
        expected: what you asked for. Then the wait returns that payment and no other: one that
            differs in reference, amount or currency ends it with MismatchError. None: nothing is
            compared.

        Blocks up to timeout_ms. Ctrl-C in the main thread ends it at once, cancelling `cancel` if
        there is one. In another thread Python delivers no Ctrl-C: give a token, and cancel it.

        Raises InvalidError, TimedOutError (its message has the last thing seen),
        WaitCancelledError, MismatchError, UnauthorizedError, TLSError, InternalError.
        """
        order = optional_text(order_number, "order_number")
        if cancel is not None and not isinstance(cancel, CancelToken):
            raise wrong_type("cancel", "CancelToken", cancel)
        if expected is not None and not isinstance(expected, Expected):
            raise wrong_type("expected", "Expected", expected)
        token = CancelToken() if cancel is None else cancel
        timeouts = {
            "timeout_ms": milliseconds(timeout_ms, "timeout_ms"),
            "interval_ms": milliseconds(interval_ms, "interval_ms"),
            "max_interval_ms": milliseconds(max_interval_ms, "max_interval_ms"),
            "failed_grace_ms": milliseconds(failed_grace_ms, "failed_grace_ms"),
        }

        def ask() -> Transaction:
            options = filled(
                "flexpay_wait_options",
                cancel=token.pointer,
                expected=None if expected is None else expected.pointer,
                **timeouts,
            )
            return self._ask(library().functions.flexpay_wait, order, ctypes.byref(options))

        return _interruptibly(ask, token.cancel)

    def verify_callback(
        self,
        body: Body,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        order_number: Optional[str] = None,
        query: Optional[str] = None,
    ) -> Transaction:
        """Gives the verdict on a callback: reads it, asks the gateway about its order, and compares
        reference, amount and currency with what you asked for.

        A transaction that comes back IS the one you asked for. Whether it is paid, its state says:
        mark an order paid only on State.PAID.

        body: the bytes as they came.
        reference, amount, currency: those of your payment request, from your own records.
        order_number: the one the gateway gave for it. Set it whenever you recorded one: then that
            order is checked, whatever the callback says.
        query: the query string of the request that brought the callback ("flexpay=1.abc"), with or
            without its "?". Needed where the client has a callback_secret: its signature is checked
            before anything is asked.

        Blocks up to the client's timeout_ms; Ctrl-C ends it at once. Raises CallbackError (it
        cannot be read), MismatchError (it is not about this payment), and what `check` raises.
        """
        data = body_bytes(body)
        expected = _expected(reference, amount, currency, order_number, query)
        return _interruptibly(
            lambda: self._ask(
                library().functions.flexpay_verify_callback, data, len(data), ctypes.byref(expected)
            )
        )

    def verify_order(
        self,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        order_number: Optional[str],
    ) -> Transaction:
        """Gives the verdict on an order, without a callback: asks the gateway about it, and
        compares reference, amount and currency with what you asked for. For a till, or a sweep
        over open orders. The client's callback_secret is not used.

        A transaction that comes back IS the one you asked for. Whether it is paid, its state says:
        mark an order paid only on State.PAID.

        reference, amount, currency: those of your payment request, from your own records.
        order_number: the one the gateway gave for it, from your own records. None, where there is
            none, is refused.

        Blocks up to the client's timeout_ms; Ctrl-C ends it at once. Raises MismatchError (it is
        another payment), and what `check` raises.
        """
        expected = _expected(reference, amount, currency, order_number)
        return _interruptibly(
            lambda: self._ask(library().functions.flexpay_verify_order, ctypes.byref(expected))
        )

    def _ask(self, function: Any, *arguments: Any) -> Transaction:
        pointer = self._call(function, *arguments)
        return _results.take(
            pointer, library().functions.flexpay_transaction_free, _results.transaction
        )

    def _call(self, function: Any, *arguments: Any) -> int:
        handle = self._handle
        if handle is None:
            raise _closed()
        try:
            return _results.call(function, handle.pointer, *arguments)
        finally:
            # An exception keeps this frame, and must not keep the client with it.
            del handle


def parse_callback(body: Body) -> Callback:
    """Reads a callback body, JSON or form. Believes nothing; no network. Does not block.

    ANYONE who knows the address can post one: use it to find the order it is about, and take the
    word of `Client.verify_callback` for the rest.

    Raises CallbackError when it cannot be read (over 64 KiB it is refused), and LibraryError.
    """
    data = body_bytes(body)
    functions = library().functions
    pointer = _results.call(functions.flexpay_parse_callback, data, len(data))
    return _results.take(pointer, functions.flexpay_callback_free, _results.callback)


def library_version() -> str:
    """The version of the shared library, "0.1.0". Raises LibraryError."""
    version: bytes = library().functions.flexpay_version()
    return version.decode()


def library_path() -> str:
    """The full path of the shared library in use. Raises LibraryError."""
    return library().path


def _interruptibly(ask: Callable[[], T], cancel: Optional[Callable[[], None]] = None) -> T:
    """Asks so that Ctrl-C ends it at once: in a thread of its own, where this is the main one.

    With `cancel` the thread is told to end, and has ended when this returns. Without, it is left to
    end by itself: a question changes nothing.
    """
    if not _can_be_interrupted():
        return ask()
    call = _Call(ask)
    try:
        call.start()
        result: T = call.result()
        return result
    except BaseException as interrupt:
        if not call.prevent() and interrupt is not call.error and cancel is not None:
            cancel()
            call.wait()
        raise


def _can_be_interrupted() -> bool:
    """Whether signals, Ctrl-C above all, are delivered to this thread: to the main one alone."""
    return threading.current_thread() is threading.main_thread()


class _Call:
    """A call in a thread of its own: the main thread, which waits for it, can be interrupted.

    A thread each, not a pool: a wait may take ten minutes, and a pool full of waits would hold up
    the payments behind it. A program that ends does not wait for them.

    Bare locks, for a signal handler may raise between any two steps here: a lock is taken or it is
    not, while a Future, interrupted in the midst of its own bookkeeping, may hang for ever.
    """

    def __init__(self, ask: Callable[[], Any]) -> None:
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
            threading.Thread(target=self._run, name="flexpay", daemon=True).start()
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

    def result(self) -> Any:
        """What it came to, which is waited for."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self._result


def _expected(
    reference: str,
    amount: Amount,
    currency: str,
    order_number: Optional[str],
    query: Optional[str] = None,
) -> ctypes.Structure:
    return filled(
        "flexpay_expected",
        reference=text(reference, "reference"),
        amount=amount_text(amount, "amount"),
        currency=text(currency, "currency"),
        order_number=optional_text(order_number, "order_number"),
        query=optional_text(query, "query"),
    )


def _closed() -> InvalidError:
    return InvalidError("the client is closed", field="client", outcome=Outcome.NOT_SENT)
