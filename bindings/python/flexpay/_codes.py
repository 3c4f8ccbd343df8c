"""What a call came to, and whether it may be repeated."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional


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
    UNKNOWN = 0
    #: Nothing of the request left this machine. It may be repeated; after an InvalidError only
    #: once the argument or setting is mended.
    NOT_SENT = 1
    #: The gateway answered, and said no. Repeat it only after mending the cause.
    REFUSED = 2

    @classmethod
    def _missing_(cls, value: object) -> Optional[Outcome]:
        return cls.UNKNOWN if isinstance(value, int) else None
