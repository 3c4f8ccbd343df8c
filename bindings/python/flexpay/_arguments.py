"""Converts arguments for C.

The library validates the values. This module checks only what C cannot detect: a wrong type, a NUL
byte (C would silently end the text there), text that is not UTF-8, an integer that C would
truncate.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any, Optional, Union

from . import _abi
from ._codes import Outcome
from ._errors import InvalidError, InvalidTypeError

Amount = Union[str, int, Decimal]
Body = Union[bytes, bytearray, memoryview]

# Numbers with more digits are refused: Decimal("1E999999999") would need a gigabyte as text.
_MAX_DIGITS = 1000


def invalid(field: str, message: str) -> InvalidError:
    return InvalidError(f"{field} {message}", field=field, outcome=Outcome.NOT_SENT)


def wrong_type(field: str, right: str, value: object, why: str = "") -> InvalidTypeError:
    """The error for an argument of a wrong type. It does not contain the value."""
    message = f"{field} must be {right}, not {type(value).__name__}"
    if why:
        message += "; " + why
    return InvalidTypeError(message, field=field, outcome=Outcome.NOT_SENT)


def text(value: Any, field: str) -> bytes:
    error = _text_error(value, field)
    if error is None:
        encoded: bytes = value.encode("utf-8")
        return encoded
    # The value may be the token, and error trackers show the locals of every frame.
    del value
    raise error


def optional_text(value: Any, field: str) -> Optional[bytes]:
    # This does not call `text`: this frame would still have the value as a local.
    error = None if value is None else _text_error(value, field)
    if error is None:
        return None if value is None else value.encode("utf-8")
    del value
    raise error


def _text_error(value: Any, field: str) -> Optional[Exception]:
    """The error of an invalid text; None if it is valid. The caller raises it, so that its
    traceback does not contain this frame."""
    if not isinstance(value, str):
        return wrong_type(field, "str", value)
    if "\0" in value:
        return invalid(field, "contains a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        is_utf8 = False
    else:
        is_utf8 = True
    # Not in the handler above: the error caught there contains the text, and would become the
    # context of this one.
    return None if is_utf8 else invalid(field, "contains a lone surrogate (half a character)")


def optional_path(value: Any, field: str) -> Optional[bytes]:
    return optional_text(os.fspath(value) if isinstance(value, os.PathLike) else value, field)


def amount_text(value: Any, field: str) -> bytes:
    if isinstance(value, str):
        return text(value, field)
    if isinstance(value, float):
        why = (
            "a float is refused because it cannot hold most amounts exactly (0.1 is not a tenth): "
            'write it as text, "25.50"'
        )
        raise wrong_type(field, "str, int or Decimal", value, why)
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise wrong_type(field, "str, int or Decimal", value)
    exact = Decimal(value)
    if exact.is_finite() and abs(exact.adjusted()) > _MAX_DIGITS:
        raise invalid(field, "is out of range")
    # format() never writes an exponent; str(Decimal(100).normalize()) is "1E+2".
    return format(exact, "f").encode("ascii")


def body_bytes(value: Any, field: str = "body") -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise wrong_type(field, "the bytes as received", value)


def integer(value: Any, field: str, minimum: int, maximum: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, "int", value)
    if not minimum <= value <= maximum:
        raise invalid(field, f"is not between {minimum} and {maximum}")
    return int(value)


def milliseconds(value: Any, field: str) -> int:
    if value is None:
        return 0
    number = integer(value, field, 0, 2**32 - 1)
    if number == 0:
        # The C library uses the default for 0, but a caller may mean "no time".
        raise invalid(field, "is 0: omit it or pass None for the default")
    return number


# The names of settings and arguments that are numbers in C. The environment variables use the same
# names.
CHOICES = {
    "environment": {"live": _abi.ENV_LIVE, "test": _abi.ENV_TEST},
    "api": {"v1": _abi.API_V1, "v1.1": _abi.API_V1_1},
    "kind": {"card": _abi.KIND_CARD, "mobile": _abi.KIND_MOBILE, "payout": _abi.KIND_PAYOUT},
}


def choice(value: Any, field: str) -> int:
    if value is None:
        return 0
    numbers = CHOICES[field]
    if isinstance(value, str):
        if value not in numbers:
            raise invalid(field, "is neither " + " nor ".join(f'"{name}"' for name in numbers))
        return numbers[value]
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, " or ".join(f'"{name}"' for name in numbers), value)
    return integer(value, field, -(2**31), 2**31 - 1)


def flag(value: Any, field: str, bit: int) -> int:
    if not isinstance(value, bool):
        raise wrong_type(field, "bool", value)
    return bit if value else 0
