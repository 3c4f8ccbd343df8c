"""What a call came to, and whether it may be repeated."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional

from . import _abi


class ResultCode(IntEnum):
    """What a call came to. A number this package does not know is kept, and named UNRECOGNIZED."""

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
    UNKNOWN = _abi.OUTCOME_UNKNOWN
    #: Nothing of the request left this machine. It may be repeated; after an InvalidError only
    #: once the argument or setting is mended.
    NOT_SENT = _abi.OUTCOME_NOT_SENT
    #: The gateway answered, and said no. Repeat it only after mending the cause.
    REFUSED = _abi.OUTCOME_REFUSED

    @classmethod
    def _missing_(cls, value: object) -> Optional[Outcome]:
        return cls.UNKNOWN if isinstance(value, int) else None
