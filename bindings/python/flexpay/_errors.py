"""What can go wrong, as exceptions. Loaded when something does, or when a name is asked for."""

from enum import IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Type

    from ._models import Payment


class ResultCode(IntEnum):
    """What a call came to. A number this package does not know is kept, and named UNRECOGNIZED."""

    OK = 0
    INVALID = 1
    INTERNAL = 2
    RESOLVE = 3
    CONNECT = 4
    PROXY = 5
    TLS = 6
    TIMEOUT = 7
    CANCELLED = 8
    CONNECTION = 9
    REPLY = 10
    GATEWAY = 11
    UNAUTHORIZED = 12
    REFUSED = 13
    NOT_FOUND = 14
    CALLBACK = 15
    MISMATCH = 16

    @classmethod
    def _missing_(cls, value: object) -> "Optional[ResultCode]":
        if not isinstance(value, int):
            return None
        newer = int.__new__(cls, value)
        newer._name_ = "UNRECOGNIZED"
        newer._value_ = value
        return newer


class Outcome(IntEnum):
    """Whether a request that failed may be repeated. A new number counts as UNKNOWN."""

    #: Nothing was sent, and nothing can be: the library cannot be used on this machine. A fault of
    #: the installation; to try again mends nothing. (This package's own: the library has none.)
    UNUSABLE = -1
    #: Something was sent, and no usable answer came. Do NOT repeat a payment: find out first, by
    #: the callback, `Client.check` or the merchant's console.
    UNKNOWN = 0
    #: Nothing of the request left this machine. It may be repeated; after an InvalidError only
    #: once the argument or setting is mended.
    NOT_SENT = 1
    #: The gateway answered, and said no. Repeat it only after mending the cause.
    REFUSED = 2

    @classmethod
    def _missing_(cls, value: object) -> "Optional[Outcome]":
        return cls.UNKNOWN if isinstance(value, int) else None


class FlexPayError(Exception):
    """The base of every error of this package. `str(error)` is one sentence for a person.

    Which subclass it is tells what happened, `outcome` whether the request may be repeated. The
    token is never in it.
    """

    #: Set by each subclass; `code` of an instance is the library's own word.
    code: "ResultCode" = ResultCode.INTERNAL
    #: May the request be repeated?
    outcome: "Outcome" = Outcome.UNKNOWN
    #: The HTTP status of the gateway's answer; None when there was none.
    http_status: "Optional[int]" = None
    #: The name of the field at fault ("amount"), where one was.
    field: "Optional[str]" = None
    #: The gateway's own code.
    gateway_code: "Optional[str]" = None
    #: The gateway's own words, in French mostly.
    gateway_message: "Optional[str]" = None
    #: The order number that the reply to a failed payment request gave all the same: ask about it
    #: with `Client.check` before anything is repeated.
    order_number: "Optional[str]" = None

    def __init__(
        self,
        message: str,
        *,
        code: "Optional[ResultCode]" = None,
        outcome: "Outcome" = Outcome.UNKNOWN,
        http_status: "Optional[int]" = None,
        field: "Optional[str]" = None,
        gateway_code: "Optional[str]" = None,
        gateway_message: "Optional[str]" = None,
        order_number: "Optional[str]" = None,
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


BY_CODE: "Dict[ResultCode, Type[FlexPayError]]" = {
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


class PaymentInterrupted(Exception):  # noqa: N818 (what is told, not what is raised)
    """What became of a payment whose caller was interrupted while it was under way.

    Never raised by itself: it is the `__cause__` of the KeyboardInterrupt (or of what else a signal
    handler raised, or of asyncio's CancelledError) that `pay` ends with. So it stands in the
    traceback, and a program that wants it finds it:

        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt.__cause__, PaymentInterrupted):
                record(interrupt.__cause__.payment, interrupt.__cause__.error)

    Exactly one of the two is set: `payment` if the gateway took it in, `error` if not.
    """

    def __init__(
        self,
        message: str,
        payment: "Optional[Payment]" = None,
        error: "Optional[BaseException]" = None,
    ) -> None:
        super().__init__(message)
        self.payment = payment
        self.error = error
