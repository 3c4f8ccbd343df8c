"""What can go wrong, as exceptions."""

from __future__ import annotations

from typing import Dict, Optional, Type

from ._codes import Outcome, ResultCode


class FlexPayError(Exception):
    """The base of every error of this package. `str(error)` is one sentence for a person.

    Which subclass it is tells what happened, `outcome` whether the request may be repeated. The
    token is never in it.
    """

    #: Set by each subclass; `code` of an instance is the library's own word.
    code: ResultCode = ResultCode.INTERNAL
    #: May the request be repeated?
    outcome: Outcome = Outcome.UNKNOWN
    #: The HTTP status of the gateway's answer; None when there was none.
    http_status: Optional[int] = None
    #: The name of the field at fault ("amount"), where one was.
    field: Optional[str] = None
    #: The gateway's own code.
    gateway_code: Optional[str] = None
    #: The gateway's own words, in French mostly.
    gateway_message: Optional[str] = None
    #: The order number that the reply to a failed payment request gave all the same: ask about it
    #: with `Client.check` before anything is repeated.
    order_number: Optional[str] = None

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
    ) -> None:
        super().__init__(message)
        self.code = type(self).code if code is None else code
        self.outcome = outcome
        self.http_status = http_status
        self.field = field
        self.gateway_code = gateway_code
        self.gateway_message = gateway_message
        self.order_number = order_number

    @property
    def message(self) -> str:
        """One sentence for a person, in English."""
        return str(self)


class LibraryError(FlexPayError, ImportError):
    """The shared library is missing, or is not the one this package was written for: a fault of the
    installation. The message says how to mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, outcome=Outcome.UNUSABLE)


class InvalidError(FlexPayError, ValueError):
    """An argument or a setting was refused before anything was sent; `field` names it."""

    code = ResultCode.INVALID


class InvalidTypeError(InvalidError, TypeError):
    """An argument is of a type that is never right there, such as a float for an amount."""


class InternalError(FlexPayError, RuntimeError):
    """A fault inside the library."""

    code = ResultCode.INTERNAL


class ResolveError(FlexPayError, ConnectionError):
    """The host name could not be looked up."""

    code = ResultCode.RESOLVE


class ConnectError(FlexPayError, ConnectionError):
    """No connection could be made."""

    code = ResultCode.CONNECT


class ProxyError(FlexPayError, ConnectionError):
    """The proxy refused or failed."""

    code = ResultCode.PROXY


class TLSError(FlexPayError, ConnectionError):
    """The TLS handshake failed: certificate not trusted, out of its dates, or for another name."""

    code = ResultCode.TLS


class TimedOutError(FlexPayError, TimeoutError):
    """The deadline passed."""

    code = ResultCode.TIMEOUT


class WaitCancelledError(FlexPayError):
    """The wait was cancelled by its CancelToken; the payment's outcome is open."""

    code = ResultCode.CANCELLED


class ConnectionLostError(FlexPayError, ConnectionError):
    """The connection broke after the request had begun."""

    code = ResultCode.CONNECTION


# Not ValueError, here and below: no argument was wrong, and a payment may have been taken in.
class ReplyError(FlexPayError, RuntimeError):
    """A reply came that cannot be read, or that contradicts itself."""

    code = ResultCode.REPLY


class GatewayError(FlexPayError, RuntimeError):
    """The gateway failed: HTTP 5xx, 408, 429, or a status it does not document."""

    code = ResultCode.GATEWAY


class UnauthorizedError(FlexPayError, PermissionError):
    """The gateway did not accept the token (HTTP 401 or 403)."""

    code = ResultCode.UNAUTHORIZED


class RefusedError(FlexPayError, RuntimeError):
    """The gateway said no; `gateway_message` has its words."""

    code = ResultCode.REFUSED


class NotFoundError(FlexPayError, LookupError):
    """The gateway knows no such order (for a moment after a payment request, that is normal)."""

    code = ResultCode.NOT_FOUND


class CallbackError(FlexPayError, ValueError):
    """A callback body that cannot be read."""

    code = ResultCode.CALLBACK


class MismatchError(FlexPayError, ValueError):
    """A callback whose transaction is not the one that was expected; the message says in what."""

    code = ResultCode.MISMATCH


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
    )
}
