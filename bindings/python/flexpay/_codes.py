"""The result of a call, and whether it may be repeated."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional

from . import _abi


class ResultCode(IntEnum):
    """The result of a call. A number that this package does not know is kept, with the name
    UNRECOGNIZED."""

    OK = _abi.OK
    INVALID = _abi.ERROR_INVALID
    INTERNAL = _abi.ERROR_INTERNAL
    RESOLVE = _abi.ERROR_RESOLVE
    CONNECT = _abi.ERROR_CONNECT
    PROXY = _abi.ERROR_PROXY
    TLS = _abi.ERROR_TLS
    TIMEOUT = _abi.ERROR_TIMEOUT
    CANCELLED = _abi.ERROR_CANCELLED
    CONNECTION = _abi.ERROR_CONNECTION
    REPLY = _abi.ERROR_REPLY
    GATEWAY = _abi.ERROR_GATEWAY
    UNAUTHORIZED = _abi.ERROR_UNAUTHORIZED
    REFUSED = _abi.ERROR_REFUSED
    NOT_FOUND = _abi.ERROR_NOT_FOUND
    CALLBACK = _abi.ERROR_CALLBACK
    MISMATCH = _abi.ERROR_MISMATCH

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
    #: Something was sent, and no usable reply was received. Do NOT repeat a payment: first find
    #: out its state from the callback, `Client.check` or the merchant console.
    UNKNOWN = _abi.OUTCOME_UNKNOWN
    #: Nothing of the request left this machine. You may repeat it; after an InvalidError, correct
    #: the argument or setting first.
    NOT_SENT = _abi.OUTCOME_NOT_SENT
    #: The gateway refused the request. Repeat it only after correcting the cause.
    REFUSED = _abi.OUTCOME_REFUSED

    @classmethod
    def _missing_(cls, value: object) -> Optional[Outcome]:
        return cls.UNKNOWN if isinstance(value, int) else None
