"""The exceptions of this package."""

from __future__ import annotations

from typing import Dict, Optional, Type

from ._codes import Outcome, ResultCode


class FlexPayError(Exception):
    """The base class of every error of this package. `str(error)` is one sentence in English.

    The subclass says what happened; `outcome` says whether the request may be repeated. The token
    is never in the error.
    """

    #: Each subclass has a default; an instance has the code from the library.
    code: ResultCode = ResultCode.INTERNAL
    #: Whether the request may be repeated.
    outcome: Outcome = Outcome.UNKNOWN
    #: The HTTP status of the gateway's reply; None if there was none.
    http_status: Optional[int] = None
    #: The name of the invalid field ("amount"), if there is one.
    field: Optional[str] = None
    #: The gateway's code.
    gateway_code: Optional[str] = None
    #: The gateway's message, usually in French.
    gateway_message: Optional[str] = None
    #: The order number in the reply to a failed payment request. Check it with `Client.check`
    #: before you repeat anything.
    order_number: Optional[str] = None
    #: What the call did, step by step, as JSON text; None without the setting `trace`.
    trace: Optional[str] = None

    def __init__(
        self,
        message: str,
        *,
        code: Optional[ResultCode] = None,
        outcome: Outcome = Outcome.UNKNOWN,
        http_status: Optional[int] = None,
        field: Optional[str] = None,
        gateway_code: Optional[str] = None,
        gateway_message: Optional[str] = None,
        order_number: Optional[str] = None,
        trace: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.code = type(self).code if code is None else code
        self.outcome = outcome
        self.http_status = http_status
        self.field = field
        self.gateway_code = gateway_code
        self.gateway_message = gateway_message
        self.order_number = order_number
        self.trace = trace

    @property
    def message(self) -> str:
        """One sentence in English."""
        return str(self)


class LibraryError(FlexPayError, ImportError):
    """The shared library is missing or has another ABI version: the installation is broken. The
    message says how to repair it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome=Outcome.UNUSABLE)


class InvalidError(FlexPayError, ValueError):
    """An argument or a setting is invalid. Nothing was sent. The error names the field."""

    code = ResultCode.INVALID


class InvalidTypeError(InvalidError, TypeError):
    """An argument has a wrong type, such as a float for an amount."""


class InternalError(FlexPayError, RuntimeError):
    """A bug in this library."""

    code = ResultCode.INTERNAL


class ResolveError(FlexPayError, ConnectionError):
    """The host name could not be resolved."""

    code = ResultCode.RESOLVE


class ConnectError(FlexPayError, ConnectionError):
    """No connection could be made."""

    code = ResultCode.CONNECT


class ProxyError(FlexPayError, ConnectionError):
    """The proxy refused the connection, or failed."""

    code = ResultCode.PROXY


class TLSError(FlexPayError, ConnectionError):
    """The TLS handshake failed: the certificate is not trusted, is not valid now, or is for another
    host."""

    code = ResultCode.TLS


class TimedOutError(FlexPayError, TimeoutError):
    """The deadline passed."""

    code = ResultCode.TIMEOUT


class WaitCancelledError(FlexPayError):
    """The wait was cancelled. The payment's outcome is unknown."""

    code = ResultCode.CANCELLED


class ConnectionLostError(FlexPayError, ConnectionError):
    """The connection broke after the request had begun."""

    code = ResultCode.CONNECTION


# Not ValueError, here and below: no argument was wrong, and a payment may have been accepted.
class ReplyError(FlexPayError, RuntimeError):
    """The reply cannot be read, or contradicts itself."""

    code = ResultCode.REPLY


class GatewayError(FlexPayError, RuntimeError):
    """The gateway failed: HTTP 5xx, 408, 429, or a status it does not document."""

    code = ResultCode.GATEWAY


class UnauthorizedError(FlexPayError, PermissionError):
    """The gateway did not accept the token (HTTP 401 or 403)."""

    code = ResultCode.UNAUTHORIZED


class RefusedError(FlexPayError, RuntimeError):
    """The gateway refused the request. The error has the gateway's message."""

    code = ResultCode.REFUSED


class NotFoundError(FlexPayError, LookupError):
    """The gateway has no such order. For a moment after a payment request this is normal."""

    code = ResultCode.NOT_FOUND


class CallbackError(FlexPayError, ValueError):
    """The callback's body cannot be read."""

    code = ResultCode.CALLBACK


class MismatchError(FlexPayError, ValueError):
    """The transaction is not the expected one. The error's message names each field that
    differs."""

    code = ResultCode.MISMATCH


class JournalError(FlexPayError, RuntimeError):
    """The journal cannot be read or written. If nothing was recorded before a request, nothing is
    sent."""

    code = ResultCode.JOURNAL


class InProgressError(FlexPayError, RuntimeError):
    """Another call is sending the request of this reference now."""

    code = ResultCode.IN_PROGRESS


class InDoubtError(FlexPayError, RuntimeError):
    """The journal has an earlier request under this reference, and nobody knows what came of it.
    Nothing was sent now."""

    code = ResultCode.IN_DOUBT


BY_CODE: Dict[ResultCode, Type[FlexPayError]] = {
    kind.code: kind
    for kind in (
        InvalidError,
        InternalError,
        ResolveError,
        ConnectError,
        ProxyError,
        TLSError,
        TimedOutError,
        WaitCancelledError,
        ConnectionLostError,
        ReplyError,
        GatewayError,
        UnauthorizedError,
        RefusedError,
        NotFoundError,
        CallbackError,
        MismatchError,
        JournalError,
        InProgressError,
        InDoubtError,
    )
}
