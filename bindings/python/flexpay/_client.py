"""The client, and the functions that need none."""

from __future__ import annotations

import _thread
import ctypes
import os
import threading
from types import TracebackType
from typing import Any, Callable, Dict, List, NoReturn, Optional, Type, TypeVar, Union

from . import _abi, _results
from ._arguments import (
    Amount,
    Body,
    amount_text,
    body_bytes,
    choice,
    flag,
    integer,
    invalid,
    milliseconds,
    optional_path,
    optional_text,
    text,
    wrong_type,
)
from ._codes import Outcome
from ._enums import Api, EntryState, Environment, JournalFilter, Kind
from ._errors import FlexPayError, InvalidError
from ._interrupted import payment_interrupted
from ._library import library
from ._log import log_call
from ._models import Callback, Payment, Reconciliation, Settlement, Transaction
from ._structs import new_struct

T = TypeVar("T")

_DEFAULT_TIMEOUT_MS = 30_000


class NotCopyable:
    """Base class of objects that own an object of the C library. A copy would share that object,
    and a pickle cannot contain it, so both are refused."""

    def __reduce_ex__(self, _: object) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"a {name} cannot be copied or pickled: share it, or create another")


class _Handle(NotCopyable):
    """Owns an object of the C library and frees it with its last reference.

    Each call holds a reference until it returns. So an object that is closed during calls is freed
    when the last of them returns. No lock is used: a signal handler or a forked child could find it
    locked.
    """

    def __init__(self, pointer: int, free: Callable[[int], None]) -> None:
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        self._free(self.pointer)


class Expected:
    """The payment you requested, from your own records. `Client.wait` compares the order with it.

    reference, amount, currency: those of your payment request.
    order_number: the gateway's order number for it. Set it if your records have it; it must be the
        one that you pass to `wait`.
    kind: "card", "mobile" or "payout" (or Kind.CARD, Kind.MOBILE, Kind.PAYOUT). None: "card".

    Raises InvalidError for text that C would truncate. `wait` refuses missing values and invalid
    amounts.
    """

    def __init__(
        self,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        order_number: Optional[str] = None,
        kind: Union[Kind, str, None] = None,
    ) -> None:
        self._struct = _expected(reference, amount, currency, order_number, kind)

    @property
    def pointer(self) -> int:
        """The address of the C struct, valid while this object exists."""
        return ctypes.addressof(self._struct)


class CancelToken(NotCopyable):
    """Cancels a `Client.wait`, `settle` or `reconcile` from another thread or a signal handler.

    Several calls may share it. Once cancelled, it stays cancelled.
    """

    def __init__(self) -> None:
        functions = library().functions
        pointer = _results.call(functions.flexpay_cancel_token_new)
        self._handle = _Handle(pointer, functions.flexpay_cancel_token_free)

    @property
    def pointer(self) -> int:
        """The address of the C token, valid while this object exists."""
        return self._handle.pointer

    def cancel(self) -> None:
        """Ends every wait that uses this token, within 50 ms, with `WaitCancelledError`. Later
        waits that use it end in the same way. A `reconcile` ends after the order that it is asking
        about. Never blocks."""
        library().functions.flexpay_cancel_token_cancel(self.pointer)


class Client(NotCopyable):
    """A client for one merchant. Create one and share it: any number of threads may use it at the
    same time.

    It is a context manager. Without `with` and without `close()` it is freed with its last
    reference.

    merchant: the merchant code.
    token: with or without "Bearer ".
    environment: "live" or "test" (or Environment.LIVE, Environment.TEST). None: "live".
    api: "v1" or "v1.1" (or Api.V1, Api.V1_1). Payments of v1.1 have the order number that `check`
        and `wait` need. None: "v1".
    pay_url: the full URL of the payment service, instead of the environment's.
    check_url: the URL of the check service without the order number (".../check").
    timeout_ms: the deadline of a whole call, in milliseconds. None: 30 000.
    connect_timeout_ms: the part of it for DNS lookup, connection, proxy and TLS together. None:
        10 000.
    ca_file: a PEM file of certificates to trust instead of the built-in ones.
    proxy: an HTTP proxy, "http://user:password@host:port". The proxy environment variables are not
        read.
    app_name: your software, for the User-Agent header: "BoutiqueZando/2.1".
    allow_plain_http: Allows plain http to other machines: the token is then sent unencrypted.
    check_once: A check does not retry after a failure of the network or the gateway: for callers
        that retry themselves.
    system_roots: Trusts the system's certificates instead of the built-in ones. Not with ca_file.
    private_connections: Gives the client its own connections and TLS sessions. Otherwise all
        clients of a process share them. The token is never shared.
    callback_secret: your secret, of at least 16 characters, which signs every callback URL.
        `verify_callback` then refuses a callback that was not sent to a signed URL.
    callback_secret_previous: the previous secret. URLs signed with it are still accepted.
    mobile_url: the full URL of the service for payments by mobile money (".../paymentService").
    payout_url: the full URL of the payout service (".../merchantPayOutService").
    allow_payout: Allows payouts. Without it, the client refuses to send money out, so that a shop
        that only sells cannot do so by mistake or after an attack.
    trace: Adds a trace to each payment, transaction and error: what the call did, step by step, as
        JSON text for your log. It never contains the token, a body, or a header other than type and
        date. Each call is then also logged to `logging.getLogger("flexpay")`: a success at level
        DEBUG, a failure at level WARNING, and at level ERROR if its outcome is unknown. The record
        has the trace as a dict, `record.trace`, and `record.correlation_id`.
    journal: a file, made if there is none. `pay`, `pay_mobile` and `payout` then go through it:
        the request is on the disk before the first byte leaves, and the result before the call
        returns. A second call with the same reference sends nothing: it returns the recorded
        payment, or raises InDoubtError or InProgressError. See `settle`. A shop with several
        machines uses `flexpay.journal.DbApiStore` instead. None: no journal.

    Raises InvalidError (its `field` names the setting) and LibraryError. For a wrong type, it and
    every function here raise InvalidTypeError, which is also a TypeError. Nothing is sent.
    """

    _handle: Optional[_Handle] = None
    # For `flexpay.journal`: the longest time of a request, and whether there is a callback secret.
    _timeout_ms: int
    _signs_callback_urls: bool

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
        mobile_url: Optional[str] = None,
        payout_url: Optional[str] = None,
        allow_payout: bool = False,
        trace: bool = False,
        journal: Union[str, os.PathLike[str], None] = None,
    ) -> None:
        config: Any = new_struct("flexpay_config")
        try:
            signs_callback_urls = isinstance(callback_secret, str) and bool(callback_secret.strip())
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
                flag(allow_plain_http, "allow_plain_http", _abi.FLAG_ALLOW_PLAIN_HTTP)
                | flag(check_once, "check_once", _abi.FLAG_CHECK_ONCE)
                | flag(system_roots, "system_roots", _abi.FLAG_SYSTEM_ROOTS)
                | flag(private_connections, "private_connections", _abi.FLAG_PRIVATE_CONNECTIONS)
                | flag(allow_payout, "allow_payout", _abi.FLAG_ALLOW_PAYOUT)
                | flag(trace, "trace", _abi.FLAG_TRACE)
            )
            config.callback_secret = optional_text(callback_secret, "callback_secret")
            config.callback_secret_previous = optional_text(
                callback_secret_previous, "callback_secret_previous"
            )
            config.mobile_url = optional_text(mobile_url, "mobile_url")
            config.payout_url = optional_text(payout_url, "payout_url")
            config.journal = optional_path(journal, "journal")
            new = library().functions.flexpay_client_new
            pointer = _results.call(new, ctypes.byref(config))
        finally:
            # An error keeps this frame alive, and error trackers show the locals of every frame.
            del config, token, proxy, callback_secret, callback_secret_previous
        self._set_handle(pointer)
        self._timeout_ms = timeout_ms or _DEFAULT_TIMEOUT_MS
        self._signs_callback_urls = signs_callback_urls

    @classmethod
    def from_env(cls) -> Client:
        """A client from FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_ENVIRONMENT ("live", "test"),
        FLEXPAY_API ("v1", "v1.1"), FLEXPAY_PAY_URL, FLEXPAY_CHECK_URL, FLEXPAY_MOBILE_URL,
        FLEXPAY_PAYOUT_URL, FLEXPAY_TIMEOUT_MS, FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE,
        FLEXPAY_PROXY, FLEXPAY_APP_NAME, FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS,
        FLEXPAY_ALLOW_PLAIN_HTTP, FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS,
        FLEXPAY_PRIVATE_CONNECTIONS, FLEXPAY_ALLOW_PAYOUT and FLEXPAY_TRACE ("0", "1"), and
        FLEXPAY_JOURNAL. The first two are required.

        Raises InvalidError (its `field` names the variable or setting) and LibraryError. No other
        thread may change the environment during the call.
        """
        client = cls.__new__(cls)
        new = library().functions.flexpay_client_from_env
        client._set_handle(_results.call(new))
        client._timeout_ms = int(_variable("FLEXPAY_TIMEOUT_MS") or 0) or _DEFAULT_TIMEOUT_MS
        client._signs_callback_urls = _variable("FLEXPAY_CALLBACK_SECRET") != ""
        return client

    def _set_handle(self, pointer: int) -> None:
        self._handle = _Handle(pointer, library().functions.flexpay_client_free)

    def close(self) -> None:
        """Frees the client and wipes the library's copy of the token. Calls in progress in other
        threads end normally; later calls raise InvalidError. A second `close` does nothing."""
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
        return self._repr("Client")

    def _repr(self, name: str) -> str:
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
        correlation_id: Optional[str] = None,
    ) -> Payment:
        """Sends a request for a payment by card to the gateway, AT MOST ONCE, whatever happens.
        When the call fails, the error's `outcome` says whether you may repeat it.

        reference: your own. Never use one twice: only the reference protects you from a second
            payment.
        amount: greater than zero, at most two decimals: "25.50", 100, Decimal("25.50"). No float.
        currency: "CDF" or "USD".
        description: what the payment is for, shown to the customer.
        callback_url: where the gateway posts its callback.
        approve_url, cancel_url, decline_url: where the customer's browser goes afterwards.
        home_url: your home page (Api.V1_1 only).
        correlation_id: an id of your own for this call, for its trace: 1 to 64 printable ASCII
            characters. It is not sent to the gateway.

        Blocks up to the client's timeout_ms. Raises InvalidError, ResolveError, ConnectError,
        ProxyError, TLSError, TimedOutError, ConnectionLostError, ReplyError, GatewayError,
        UnauthorizedError, RefusedError, InternalError; with a journal also JournalError,
        InProgressError, InDoubtError.

        Ctrl-C (in the main thread) does not abort a payment. `pay` waits for its end, at most
        timeout_ms, and then raises KeyboardInterrupt; the cause is a PaymentInterrupted, which has
        the result. A second Ctrl-C ends the call at once; then the outcome is unknown.
        """
        request = new_struct(
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
            correlation_id=optional_text(correlation_id, "correlation_id"),
        )
        return self._send(library().functions.flexpay_pay, request, "payment request", reference)

    def pay_mobile(
        self,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        phone: str,
        callback_url: str,
        description: Optional[str] = None,
        approve_url: Optional[str] = None,
        cancel_url: Optional[str] = None,
        decline_url: Optional[str] = None,
        return_url: Optional[str] = None,
        correlation_id: Optional[str] = None,
    ) -> Payment:
        """Sends a request for a payment by mobile money (M-Pesa, Orange Money, Airtel Money,
        Afrimoney) to the gateway, AT MOST ONCE, whatever happens. When the call fails, the error's
        `outcome` says whether you may repeat it.

        The customer receives a message on the phone and confirms with a PIN: there is no page. Then
        call `wait` with an Expected of kind "mobile". The payment always has an order number.

        reference: your own. Never use one twice: only the reference protects you from a second
            payment.
        amount: greater than zero, at most two decimals: "25.50", 100, Decimal("25.50"). No float.
        currency: "CDF" or "USD".
        phone: the customer's number, as people write it: "0812345678", "+243 81 234 56 78". See
            `normalize_phone`.
        callback_url: where the gateway posts its callback.
        description: what the payment is for.
        approve_url, cancel_url, decline_url: the URLs after the payment.
        return_url: the URL to return to. One guide of the gateway calls it mandatory; live requests
            without it are accepted.
        correlation_id: as for `pay`.

        Blocks up to the client's timeout_ms. Raises what `pay` raises. Ctrl-C does not abort it:
        see `pay`.
        """
        request = new_struct(
            "flexpay_mobile_request",
            reference=text(reference, "reference"),
            amount=amount_text(amount, "amount"),
            currency=text(currency, "currency"),
            phone=text(phone, "phone"),
            callback_url=text(callback_url, "callback_url"),
            description=optional_text(description, "description"),
            approve_url=optional_text(approve_url, "approve_url"),
            cancel_url=optional_text(cancel_url, "cancel_url"),
            decline_url=optional_text(decline_url, "decline_url"),
            return_url=optional_text(return_url, "return_url"),
            correlation_id=optional_text(correlation_id, "correlation_id"),
        )
        function = library().functions.flexpay_pay_mobile
        return self._send(function, request, "payment request", reference)

    def payout(
        self,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        phone: str,
        callback_url: str,
        correlation_id: Optional[str] = None,
    ) -> Payment:
        """Sends your money to a mobile money account, AT MOST ONCE, whatever happens. A repeated
        payout gives the money away: when the call fails, the error's `outcome` says whether you may
        repeat it.

        Without the client's allow_payout it is refused: InvalidError, field "allow_payout". When it
        returns, the gateway has accepted the payout. The beneficiary has the money when
        `verify_order` with the kind "payout" returns State.PAID.

        reference: your own. Never use one twice, and never that of a payment.
        amount: greater than zero, at most two decimals: "25.50", 100, Decimal("25.50"). No float.
        currency: "CDF" or "USD".
        phone: the beneficiary's number, as people write it. See `normalize_phone`.
        callback_url: where the gateway posts its callback.
        correlation_id: as for `pay`.

        Blocks up to the client's timeout_ms. Raises what `pay` raises. Ctrl-C does not abort it:
        see `pay`.
        """
        request = new_struct(
            "flexpay_payout_request",
            reference=text(reference, "reference"),
            amount=amount_text(amount, "amount"),
            currency=text(currency, "currency"),
            phone=text(phone, "phone"),
            callback_url=text(callback_url, "callback_url"),
            correlation_id=optional_text(correlation_id, "correlation_id"),
        )
        return self._send(library().functions.flexpay_payout, request, "payout request", reference)

    def check(self, order_number: Optional[str]) -> Transaction:
        """Requests the state of an order from the gateway. A transaction that was found is not
        always paid: see its `state`.

        A check changes nothing, so it is retried after a broken connection or a gateway failure,
        within the deadline.

        Blocks up to the client's timeout_ms; Ctrl-C ends it at once. Raises NotFoundError and what
        `pay` raises.
        """
        order = optional_text(order_number, "order_number")
        return _run_interruptible(
            lambda: self._call_for_transaction(library().functions.flexpay_check, order)
        )

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
        correlation_id: Optional[str] = None,
    ) -> Transaction:
        """Waits for the final state of an order. Sends checks at growing intervals until the state
        is final, the time is up, or the wait is cancelled.

        PAID ends it at once; FAILED, CANCELLED, REFUNDING and REFUNDED end it after they stayed the
        same for failed_grace_ms: the gateway can still report PAID later (see `State.FAILED`). The
        wait continues after an order that is not found (yet), a
        refused check, a gateway failure and a broken connection; a refused token ends it.

        order_number: the gateway's number. None (a payment of Api.V1 has none) is refused with an
            error that says so.
        timeout_ms: how long to wait in total. None: 600 000; 300 000 for a mobile payment.
        interval_ms: the pause before the second check; it grows by half each time. None: 1 000;
            2 000 for a mobile payment.
        max_interval_ms: the longest pause. None: 10 000; 5 000 for a mobile payment.
        failed_grace_ms: how long the state must stay FAILED to be final; the same for CANCELLED,
            REFUNDING and REFUNDED. None: 30 000; 90 000 for a mobile payment, 300 000 for a payout.
        cancel: a token that cancels the wait.
        expected: the payment you requested. A transaction with another reference, amount or
            currency ends the wait with MismatchError. If its kind is "mobile", the defaults above
            are those of a customer who confirms on the phone. None: nothing is compared.
        correlation_id: as for `pay`.

        Blocks up to timeout_ms. Ctrl-C in the main thread ends it at once and cancels `cancel`, if
        given. Python does not deliver Ctrl-C to other threads: there, pass a token and cancel it.

        Raises InvalidError, TimedOutError (its message has the last result), WaitCancelledError,
        MismatchError, UnauthorizedError, TLSError, InternalError.
        """
        order = optional_text(order_number, "order_number")
        token = _cancel_token(cancel)
        if expected is not None and not isinstance(expected, Expected):
            raise wrong_type("expected", "Expected", expected)
        correlation = optional_text(correlation_id, "correlation_id")
        timeouts = _timeouts(timeout_ms, interval_ms, max_interval_ms, failed_grace_ms)

        def run() -> Transaction:
            options = new_struct(
                "flexpay_wait_options",
                cancel=token.pointer,
                expected=None if expected is None else expected.pointer,
                correlation_id=correlation,
                **timeouts,
            )
            return self._call_for_transaction(
                library().functions.flexpay_wait, order, ctypes.byref(options)
            )

        return _run_interruptible(run, token.cancel)

    def verify_callback(
        self,
        body: Body,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        order_number: Optional[str] = None,
        query: Optional[str] = None,
        kind: Union[Kind, str, None] = None,
        correlation_id: Optional[str] = None,
    ) -> Transaction:
        """Verifies a callback: parses it, checks its order with the gateway, and compares
        reference, amount and currency with your payment request.

        The returned transaction IS the payment you requested. It is not always paid: mark an order
        as paid only on State.PAID.

        body: the bytes as received.
        reference, amount, currency: those of your payment request, from your own records.
        order_number: the gateway's order number for it. Set it whenever you recorded one: then that
            order is checked, whatever the callback contains. For a payout, it or the client's
            callback_secret is required: a callback does not say that it is about a payout.
        query: the query string of the request that delivered the callback ("flexpay=1.abc"), with
            or without its "?". Required if the client has a callback_secret: the signature in it is
            verified before a check is sent.
        kind: "card", "mobile" or "payout" (or Kind.CARD, Kind.MOBILE, Kind.PAYOUT). None: "card". A
            callback URL is signed for one kind. A transaction that was paid by card is neither a
            mobile payment nor a payout: MismatchError, field "kind".
        correlation_id: as for `pay`.

        Blocks up to the client's timeout_ms; Ctrl-C ends it at once. Raises CallbackError (it
        cannot be parsed), MismatchError (it is not about this payment), and what `check` raises.
        """
        data = body_bytes(body)
        expected = _expected(reference, amount, currency, order_number, kind, query, correlation_id)
        return _run_interruptible(
            lambda: self._call_for_transaction(
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
        kind: Union[Kind, str, None] = None,
        correlation_id: Optional[str] = None,
    ) -> Transaction:
        """Verifies an order without a callback: checks it with the gateway, and compares reference,
        amount and currency with your payment request. For a point of sale, or a periodic job over
        open orders. The client's callback_secret is not used.

        The returned transaction IS the payment you requested. It is not always paid: mark an order
        as paid only on State.PAID.

        reference, amount, currency: those of your payment request, from your own records.
        order_number: the gateway's order number for it, from your own records. None is refused.
        kind, correlation_id: as for `verify_callback`.

        Blocks up to the client's timeout_ms; Ctrl-C ends it at once. Raises MismatchError (it is
        another payment), and what `check` raises.
        """
        expected = _expected(
            reference, amount, currency, order_number, kind, correlation_id=correlation_id
        )
        return _run_interruptible(
            lambda: self._call_for_transaction(
                library().functions.flexpay_verify_order, ctypes.byref(expected)
            )
        )

    def settle(
        self,
        reference: str,
        *,
        wait: bool = False,
        timeout_ms: Optional[int] = None,
        interval_ms: Optional[int] = None,
        max_interval_ms: Optional[int] = None,
        failed_grace_ms: Optional[int] = None,
        cancel: Optional[CancelToken] = None,
        correlation_id: Optional[str] = None,
    ) -> Settlement:
        """Finds out what became of a payment or payout of the journal: asks the gateway about its
        order, compares reference, amount, currency and kind with the entry, and records the state.
        If the order number is not known, nothing can be asked: the entry is returned as it is,
        IN_DOUBT for example.

            at the start    reconcile: deliver what is to_deliver, show what is IN_DOUBT
            for each sale   pay or pay_mobile, then settle with wait=True
            to deliver      journal_acknowledge; deliver if its result has changed

        reference: yours. One that the journal does not have is an InvalidError.
        wait: whether to wait until the state is final, as `wait` does. The other arguments are
            those of `wait`, and only allowed with it. Otherwise the gateway is asked once.

        Blocks up to the client's timeout_ms, or to timeout_ms with wait, and up to 10 s if another
        program is writing to the journal. Raises JournalError, and what `verify_order` or `wait`
        raises; then the entry keeps its state. Ctrl-C ends it at once, as `wait`.
        """
        options = {
            "timeout_ms": timeout_ms,
            "interval_ms": interval_ms,
            "max_interval_ms": max_interval_ms,
            "failed_grace_ms": failed_grace_ms,
            "cancel": cancel,
            "correlation_id": correlation_id,
        }
        if not flag(wait, "wait", 1):
            for name, value in options.items():
                if value is not None:
                    raise invalid(name, "is only allowed with wait=True")
        reference_text = text(reference, "reference")
        token = _cancel_token(cancel)
        correlation = optional_text(correlation_id, "correlation_id")
        timeouts = _timeouts(timeout_ms, interval_ms, max_interval_ms, failed_grace_ms)

        def run() -> Settlement:
            wait_options = new_struct(
                "flexpay_wait_options",
                cancel=token.pointer,
                correlation_id=correlation,
                **timeouts,
            )
            return self._call_for_settlement(
                library().functions.flexpay_settle,
                reference_text,
                ctypes.byref(wait_options) if wait else None,
            )

        return _run_interruptible(run, token.cancel if wait else None)

    def settle_callback(self, body: Body, *, query: Optional[str] = None) -> Settlement:
        """Settles the payment or payout that a callback is about: finds its entry in the journal,
        asks the gateway, compares as `verify_callback` does, and records the state. The expected
        payment is the entry.

        Reply to the callback with HTTP 200 if it returns. After InvalidError with field "reference"
        the payment is not in this journal: reply with 404 and log it.

        body: the bytes as received.
        query: the query string of the request that delivered the callback. Required if the client
            has a callback_secret.

        Blocks as `settle` does; Ctrl-C ends it at once. Raises JournalError, and what
        `verify_callback` raises; then the entry keeps its state.
        """
        data = body_bytes(body)
        query_text = optional_text(query, "query")
        return _run_interruptible(
            lambda: self._call_for_settlement(
                library().functions.flexpay_settle_callback, data, len(data), query_text
            )
        )

    def reconcile(
        self, *, timeout_ms: Optional[int] = None, cancel: Optional[CancelToken] = None
    ) -> Reconciliation:
        """Settles every open entry of the journal. Call it when the program starts, and every few
        minutes. If the gateway cannot be reached, or the time is over, it returns, and the result's
        `stopped` says why.

        timeout_ms: no further order is asked about after this time. None: 300 000.
        cancel: a token that ends it.

        Blocks up to timeout_ms and the client's timeout_ms. Raises JournalError and InvalidError.
        Ctrl-C ends it after the order that it is asking about, a second Ctrl-C at once.
        """
        token = _cancel_token(cancel)
        timeout = milliseconds(timeout_ms, "timeout_ms")

        def run() -> Reconciliation:
            options = new_struct(
                "flexpay_reconcile_options", cancel=token.pointer, timeout_ms=timeout
            )
            functions = library().functions
            return self._call(
                functions.flexpay_settlements_free,
                _results.reconciliation,
                functions.flexpay_reconcile,
                ctypes.byref(options),
            )

        return _run_interruptible(run, token.cancel)

    def journal_get(self, reference: str) -> Settlement:
        """Returns the entry of a reference. Asks nobody.

        Blocks up to 10 s if another program is writing to the journal. Raises JournalError, and
        InvalidError if the journal does not have the reference.
        """
        return self._call_for_settlement(
            library().functions.flexpay_journal_get, text(reference, "reference")
        )

    def journal_list(
        self,
        filter: Optional[JournalFilter] = None,
        *,
        after: Optional[str] = None,
        limit: Optional[int] = None,
    ) -> List[Settlement]:
        """Lists entries of the journal, in the order of their references.

        filter: which entries. None: JournalFilter.ALL.
        after: only entries whose reference comes after this one, in the order of bytes. For the
            next page, the last reference of the page before. None: from the first.
        limit: how many at most. None: 100.

        Blocks up to 10 s if another program is writing to the journal. Raises JournalError and
        InvalidError.
        """
        functions = library().functions
        query = new_struct(
            "flexpay_journal_query",
            filter=0 if filter is None else integer(filter, "filter", -(2**31), 2**31 - 1),
            after=optional_text(after, "after"),
            limit=0 if limit is None else integer(limit, "limit", 1, 2**32 - 1),
        )
        return self._call(
            functions.flexpay_settlements_free,
            _results.settlements,
            functions.flexpay_journal_list,
            ctypes.byref(query),
        )

    def journal_acknowledge(self, reference: str) -> Settlement:
        """Records that you deliver what was paid. Of several calls, ever, one alone returns a
        settlement with `changed`: deliver then.

        Blocks up to 10 s if another program is writing to the journal. Raises JournalError, and
        InvalidError if the entry is not PAID.
        """
        return self._call_for_settlement(
            library().functions.flexpay_journal_acknowledge, text(reference, "reference")
        )

    def journal_resolve(
        self,
        reference: str,
        *,
        state: Optional[EntryState] = None,
        order_number: Optional[str] = None,
        who: str,
        why: str,
    ) -> Settlement:
        """Records what a person says of an entry, and who said it and why.

        state: EntryState.NOT_SENT: FlexPay's merchant console shows no such payment, and it may be
            sent again. FAILED, CANCELLED: it will not be paid. Nobody can say PAID: only the
            gateway.
        order_number: instead of a state: the order number that the console shows for it. Then call
            `settle`, which asks the gateway about that order.
        who, why: required; they are recorded.

        Blocks up to 10 s if another program is writing to the journal. Raises JournalError,
        InProgressError, and InvalidError (also if the entry's state does not allow it).
        """
        resolution = new_struct(
            "flexpay_resolution",
            reference=text(reference, "reference"),
            order_number=optional_text(order_number, "order_number"),
            who=text(who, "who"),
            why=text(why, "why"),
            state=0 if state is None else integer(state, "state", -(2**31), 2**31 - 1),
        )
        return self._call_for_settlement(
            library().functions.flexpay_journal_resolve, ctypes.byref(resolution)
        )

    def journal_prune(self, days: int) -> int:
        """Removes the entries that are closed and delivered and did not change for some days, by
        this machine's clock, and returns how many. Their references stay used: a payment with one
        of them is an InvalidError.

        Blocks until they are removed. Raises JournalError and InvalidError.
        """
        number = integer(days, "days", 0, 2**32 - 1)
        handle = self._open_handle()
        try:
            prune = library().functions.flexpay_journal_prune
            return _results.call_for_count(prune, handle.pointer, number)
        finally:
            # As in `_address`.
            del handle

    def _send(
        self, function: Any, request: ctypes.Structure, request_name: str, reference: str
    ) -> Payment:
        """Sends a request that moves money. Its result is not lost if a signal handler raises."""

        def send() -> Payment:
            free = library().functions.flexpay_payment_free
            return self._call(free, _results.payment, function, ctypes.byref(request))

        if not _can_be_interrupted():
            return send()
        call = _Call(send)
        try:
            call.start()
            payment: Payment = call.result()
            return payment
        except BaseException as interrupt:
            was_sent = not call.cancel_before_start()
            if not was_sent or interrupt is call.error:
                raise
            # A signal handler raised it.
            call.wait()
            raise interrupt from payment_interrupted(request_name, reference, call.result)

    def _call_for_transaction(self, function: Any, *arguments: Any) -> Transaction:
        free = library().functions.flexpay_transaction_free
        return self._call(free, _results.transaction, function, *arguments)

    def _call_for_settlement(self, function: Any, *arguments: Any) -> Settlement:
        free = library().functions.flexpay_settlement_free
        return self._call(free, _results.settlement, function, *arguments)

    def _call(
        self, free: Callable[[int], None], copy: Callable[[int], T], function: Any, *arguments: Any
    ) -> T:
        """Calls a function of the library with this client, and copies and logs its result."""
        try:
            result = _results.copy_and_free(self._address(function, *arguments), free, copy)
        except FlexPayError as error:
            log_call(error)
            raise
        if isinstance(result, (Payment, Transaction)):
            log_call(result)
        return result

    def _address(self, function: Any, *arguments: Any) -> int:
        handle = self._open_handle()
        try:
            return _results.call(function, handle.pointer, *arguments)
        finally:
            # An exception keeps this frame alive; it must not keep the client alive too.
            del handle

    def _open_handle(self) -> _Handle:
        handle = self._handle
        if handle is None:
            raise _closed_error()
        return handle


def parse_callback(body: Body) -> Callback:
    """Parses a callback body, JSON or form. Verifies nothing, uses no network, does not block.

    ANYONE who knows the address can post a callback. Use it only to find the order it is about, and
    rely on the result of `Client.verify_callback`.

    Raises CallbackError if it cannot be parsed or is larger than 64 KiB, and LibraryError.
    """
    data = body_bytes(body)
    functions = library().functions
    pointer = _results.call(functions.flexpay_parse_callback, data, len(data))
    return _results.copy_and_free(pointer, functions.flexpay_callback_free, _results.callback)


def normalize_phone(phone: str) -> str:
    """Converts a phone number of the DR Congo, as people write it, to "243" and nine digits, as
    `Client.pay_mobile` and `Client.payout` send it. They do it themselves: use this to check what
    somebody typed, or to compare numbers. Uses no network, does not block.

    Accepted are "+243...", "00243..." and "243..." with nine more digits, and "0" with nine more
    digits. Blanks, dots, dashes, brackets and invisible characters are removed. Anything else
    raises InvalidError, field "phone"; its message says what is wrong. Only the gateway knows which
    operator a number belongs to. Also raises LibraryError.
    """
    return _results.call_for_text(
        library().functions.flexpay_normalize_phone, text(phone, "phone"), size=_abi.PHONE_SIZE
    )


def library_version() -> str:
    """The version of the shared library, "1.0.0-rc.1". Raises LibraryError."""
    version: bytes = library().functions.flexpay_version()
    return version.decode()


def library_path() -> str:
    """The full path of the shared library in use. Raises LibraryError."""
    return library().path


def _run_interruptible(function: Callable[[], T], cancel: Optional[Callable[[], None]] = None) -> T:
    """Runs `function` so that Ctrl-C ends it at once: in the main thread, it runs in a new thread.

    After Ctrl-C, that thread is cancelled with `cancel`, and has ended when the exception leaves
    this function. Without `cancel`, it ends later by itself: a check changes nothing.
    """
    if not _can_be_interrupted():
        return function()
    call = _Call(function)
    try:
        call.start()
        result: T = call.result()
        return result
    except BaseException as interrupt:
        has_started = not call.cancel_before_start()
        if has_started and interrupt is not call.error and cancel is not None:
            cancel()
            call.wait()
        raise


def _can_be_interrupted() -> bool:
    """Whether this thread receives signals such as Ctrl-C. Only the main thread does."""
    return threading.current_thread() is threading.main_thread()


class _Call:
    """A call in a new thread, so that the main thread, which waits for it, can be interrupted.

    Each call has its own thread, not one of a pool: a wait may take ten minutes, and payments would
    queue behind a pool full of waits. They are daemon threads: a program that ends does not wait
    for them.

    Only plain locks are used, because a signal handler may raise between any two steps here. A lock
    is always either locked or not; a Future or an Event that is interrupted while it updates its
    own state may hang forever.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._start_lock = threading.Lock()
        self._end_lock = threading.Lock()
        self._end_lock.acquire()
        self._has_ended = False
        self._result: Any = None
        self.error: Optional[BaseException] = None

    def start(self) -> None:
        try:
            # Not with `threading.Thread`: it runs much Python code in this thread, and an exception
            # that a signal handler raises there is lost, or leaves a thread that never ends.
            _thread.start_new_thread(self._run, ())
        except RuntimeError as error:
            # A signal handler may raise a RuntimeError, too.
            if not str(error).startswith("can't start new thread"):
                raise
            # For example while the interpreter shuts down.
            self._run()

    def _run(self) -> None:
        if not self._start_lock.acquire(blocking=False):
            return
        try:
            self._result = self._function()
        except BaseException as error:
            self.error = error
        self._has_ended = True
        self._end_lock.release()

    def cancel_before_start(self) -> bool:
        """Prevents the call if it has not started. Returns whether it was prevented."""
        return self._start_lock.acquire(blocking=False)

    def wait(self) -> None:
        """Waits until the call has ended."""
        while not self._has_ended:
            self._end_lock.acquire()

    def result(self) -> Any:
        """Waits for the call, and returns its result or raises its error."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self._result


def _variable(name: str) -> str:
    """An environment variable, as the library reads it: "" if it is not set."""
    return os.environ.get(name, "").strip()


def _cancel_token(given: Optional[CancelToken]) -> CancelToken:
    if given is None:
        return CancelToken()
    if not isinstance(given, CancelToken):
        raise wrong_type("cancel", "CancelToken", given)
    return given


def _timeouts(
    timeout_ms: Optional[int],
    interval_ms: Optional[int],
    max_interval_ms: Optional[int],
    failed_grace_ms: Optional[int],
) -> Dict[str, int]:
    """The fields of flexpay_wait_options with these names."""
    return {
        "timeout_ms": milliseconds(timeout_ms, "timeout_ms"),
        "interval_ms": milliseconds(interval_ms, "interval_ms"),
        "max_interval_ms": milliseconds(max_interval_ms, "max_interval_ms"),
        "failed_grace_ms": milliseconds(failed_grace_ms, "failed_grace_ms"),
    }


def _expected(
    reference: str,
    amount: Amount,
    currency: str,
    order_number: Optional[str],
    kind: Union[Kind, str, None],
    query: Optional[str] = None,
    correlation_id: Optional[str] = None,
) -> ctypes.Structure:
    return new_struct(
        "flexpay_expected",
        reference=text(reference, "reference"),
        amount=amount_text(amount, "amount"),
        currency=text(currency, "currency"),
        order_number=optional_text(order_number, "order_number"),
        query=optional_text(query, "query"),
        kind=choice(kind, "kind"),
        correlation_id=optional_text(correlation_id, "correlation_id"),
    )


def _closed_error() -> InvalidError:
    return InvalidError("the client is closed", field="client", outcome=Outcome.NOT_SENT)
