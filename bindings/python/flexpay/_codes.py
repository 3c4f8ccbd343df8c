"""The result of a call, and whether it may be repeated."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional

from . import _abi


class ResultCode(IntEnum):
    """The result of a call. A number that this package does not know is kept, with the name
    UNRECOGNIZED."""

    OK = _abi.OK
    # written by make header: ErrorCode
    #: An argument or a setting is invalid. Nothing was sent. The error names the field.
    INVALID = _abi.ERROR_INVALID
    #: A bug in this library.
    INTERNAL = _abi.ERROR_INTERNAL
    #: The host name could not be resolved.
    RESOLVE = _abi.ERROR_RESOLVE
    #: No connection could be made.
    CONNECT = _abi.ERROR_CONNECT
    #: The proxy refused the connection, or failed.
    PROXY = _abi.ERROR_PROXY
    #: The TLS handshake failed: the certificate is not trusted, is not valid now, or is for another
    #: host.
    TLS = _abi.ERROR_TLS
    #: The deadline passed.
    TIMEOUT = _abi.ERROR_TIMEOUT
    #: The wait was cancelled.
    CANCELLED = _abi.ERROR_CANCELLED
    #: The connection broke after the request had begun.
    CONNECTION = _abi.ERROR_CONNECTION
    #: The reply cannot be read, or contradicts itself.
    REPLY = _abi.ERROR_REPLY
    #: The gateway failed: HTTP 5xx, 408, 429, or a status it does not document.
    GATEWAY = _abi.ERROR_GATEWAY
    #: The gateway did not accept the token (HTTP 401 or 403).
    UNAUTHORIZED = _abi.ERROR_UNAUTHORIZED
    #: The gateway refused the request. The error has the gateway's message.
    REFUSED = _abi.ERROR_REFUSED
    #: The gateway has no such order. For a moment after a payment request this is normal.
    NOT_FOUND = _abi.ERROR_NOT_FOUND
    #: The callback's body cannot be read.
    CALLBACK = _abi.ERROR_CALLBACK
    #: The transaction is not the expected one. The error's message names each field that differs.
    MISMATCH = _abi.ERROR_MISMATCH
    #: The journal cannot be read or written. If nothing was recorded before a request, nothing is
    #: sent.
    JOURNAL = _abi.ERROR_JOURNAL
    #: Another call is sending the request of this reference now.
    IN_PROGRESS = _abi.ERROR_IN_PROGRESS
    #: The journal has an earlier request under this reference, and nobody knows what came of it.
    #: Nothing was sent now.
    IN_DOUBT = _abi.ERROR_IN_DOUBT
    # end of ErrorCode

    @classmethod
    def _missing_(cls, value: object) -> Optional[ResultCode]:
        if not isinstance(value, int):
            return None
        unrecognized = int.__new__(cls, value)
        unrecognized._name_ = "UNRECOGNIZED"
        unrecognized._value_ = value
        return unrecognized


class Outcome(IntEnum):
    """Whether a failed request may be repeated. Unknown numbers become UNKNOWN."""

    #: Nothing was sent: the library cannot be used on this machine. The installation is broken; a
    #: retry does not help. (Only this package has this value, not the C library.)
    UNUSABLE = -1
    # written by make header: Outcome
    #: At least one byte of the request was sent, or may have been, and no usable reply was
    #: received. Do NOT repeat a payment before you know its state: verify the callback, verify the
    #: order if the error has its number, or look for the reference in the merchant's console.
    UNKNOWN = _abi.OUTCOME_UNKNOWN
    #: Nothing of the request left this machine. It may be repeated, but fix an invalid argument or
    #: setting first.
    NOT_SENT = _abi.OUTCOME_NOT_SENT
    #: The gateway refused the request. Repeat it only after fixing the cause.
    REFUSED = _abi.OUTCOME_REFUSED
    # end of Outcome

    @classmethod
    def _missing_(cls, value: object) -> Optional[Outcome]:
        return cls.UNKNOWN if isinstance(value, int) else None
