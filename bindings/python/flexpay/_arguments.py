"""Arguments on their way to C.

What a value means is the library's to judge. Checked here is only what C could not see: a wrong
type, a NUL byte (C would end the text there, silently), a text that is not UTF-8, an integer that C
would cut.
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

# Numbers with more digits than this are not written out: Decimal("1E999999999") would take a
# gigabyte.
_MOST_DIGITS = 1000


def invalid(field: str, message: str) -> InvalidError:
    return InvalidError(f"{field} {message}", field=field, outcome=Outcome.NOT_SENT)


def wrong_type(field: str, right: str, value: object, why: str = "") -> InvalidTypeError:
    """The error for an argument of another type than the right one. It does not hold the value."""
    message = f"{field} is to be {right}, not {type(value).__name__}"
    if why:
        message += "; " + why
    return InvalidTypeError(message, field=field, outcome=Outcome.NOT_SENT)


def text(value: Any, field: str) -> bytes:
    wrong = _wrong_text(value, field)
    if wrong is None:
        encoded: bytes = value.encode("utf-8")
        return encoded
    # The value may be the token, and error trackers show the locals of every frame.
    del value
    raise wrong


def optional_text(value: Any, field: str) -> Optional[bytes]:
    # Not by way of `text`: this frame would still hold the value.
    wrong = None if value is None else _wrong_text(value, field)
    if wrong is None:
        return None if value is None else value.encode("utf-8")
    del value
    raise wrong


def _wrong_text(value: Any, field: str) -> Optional[Exception]:
    """What is wrong with a text, as an exception to be raised. This frame is not among its own."""
    if not isinstance(value, str):
        return wrong_type(field, "str", value)
    if "\0" in value:
        return invalid(field, "holds a NUL character")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        is_whole = False
    else:
        is_whole = True
    # Not in the handler above: the error caught there holds the text, and would be the context of
    # this one.
    return None if is_whole else invalid(field, "holds half a character (a lone surrogate)")


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
    if exact.is_finite() and abs(exact.adjusted()) > _MOST_DIGITS:
        raise invalid(field, "is out of range")
    # Never with an exponent: str(Decimal(100).normalize()) is "1E+2".
    return format(exact, "f").encode("ascii")


def body_bytes(value: Any, field: str = "body") -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise wrong_type(field, "the bytes as they came", value)


def integer(value: Any, field: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, "int", value)
    if not least <= value <= most:
        raise invalid(field, f"is not between {least} and {most}")
    return int(value)


def milliseconds(value: Any, field: str) -> int:
    if value is None:
        return 0
    number = integer(value, field, 0, 2**32 - 1)
    if number == 0:
        # To the library this is "as usual", to a reader "not at all".
        raise invalid(field, "is 0: leave it out, or None, for the usual time")
    return number


# The words for the settings that are numbers to C: those of the environment variables.
CHOICES = {
    "environment": {"live": _abi.ENV_LIVE, "test": _abi.ENV_TEST},
    "api": {"v1": _abi.API_V1, "v1.1": _abi.API_V1_1},
}


def choice(value: Any, field: str) -> int:
    if value is None:
        return 0
    words = CHOICES[field]
    if isinstance(value, str):
        if value not in words:
            raise invalid(field, "is neither " + " nor ".join(f'"{word}"' for word in words))
        return words[value]
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(field, " or ".join(f'"{word}"' for word in words), value)
    return integer(value, field, -(2**31), 2**31 - 1)


def switch(value: Any, field: str, flag: int) -> int:
    if not isinstance(value, bool):
        raise wrong_type(field, "bool", value)
    return flag if value else 0
