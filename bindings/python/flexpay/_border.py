"""The border between Python and the library: values guarded going in, copied coming out.

What a value means is the library's to judge. Here is only what C could not see: a type that is not
the one asked for, a NUL byte (C would end the text there, silently), a text that is no UTF-8, an
integer C would cut.
"""

import ctypes
import os

from . import _abi
from ._models import Callback, Payment, Transaction, later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from typing import Any, Callable, Optional, TypeVar, Union

    from ._enums import State
    from ._errors import FlexPayError, InvalidError

    Amount = Union[str, int, Decimal]
    Body = Union[bytes, bytearray, memoryview]
    T = TypeVar("T")

# Numbers with more digits than this are not written out: Decimal("1E999999999") would take a
# gigabyte.
_MOST_DIGITS = 1000


def invalid(field: str, message: str) -> "InvalidError":
    from ._errors import InvalidError, Outcome

    return InvalidError(f"{field} {message}", field=field, outcome=Outcome.NOT_SENT)


def text(value: "Any", field: str) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{field} is to be str, not {type(value).__name__}")
    try:
        encoded = value.encode("utf-8")
    except UnicodeEncodeError:
        raise invalid(field, "holds half a character (a lone surrogate)") from None
    if b"\0" in encoded:
        raise invalid(field, "holds a NUL character")
    return encoded


def optional_text(value: "Any", field: str) -> "Optional[bytes]":
    return None if value is None else text(value, field)


def optional_path(value: "Any", field: str) -> "Optional[bytes]":
    return optional_text(os.fspath(value) if isinstance(value, os.PathLike) else value, field)


def amount(value: "Any", field: str) -> bytes:
    if isinstance(value, str):
        return text(value, field)
    from decimal import Decimal

    if isinstance(value, float):
        raise TypeError(
            f"{field} is to be str, int or Decimal; a float is refused because it cannot hold most "
            "amounts exactly (0.1 is not a tenth)"
        )
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise TypeError(f"{field} is to be str, int or Decimal, not {type(value).__name__}")
    exact = Decimal(value)
    if exact.is_finite() and abs(exact.adjusted()) > _MOST_DIGITS:
        raise invalid(field, "is out of range")
    # Never with an exponent: str(Decimal(100).normalize()) is "1E+2".
    return format(exact, "f").encode("ascii")


def body(value: "Any", field: str = "body") -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{field} is to be the bytes as they came, not {type(value).__name__}")


def integer(value: "Any", field: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{field} is to be int, not {type(value).__name__}")
    if not least <= value <= most:
        raise invalid(field, f"is not between {least} and {most}")
    return int(value)


def milliseconds(value: "Any", field: str) -> int:
    if value is None:
        return 0
    number = integer(value, field, 0, 2**32 - 1)
    if number == 0:
        # To the library this is "as usual", to a reader "not at all".
        raise invalid(field, "is 0: leave it out, or None, for the usual time")
    return number


def choice(value: "Any", field: str) -> int:
    if value is None:
        return 0
    return integer(value, field, -(2**31), 2**31 - 1)


def switch(value: "Any", field: str, flag: int) -> int:
    if not isinstance(value, bool):
        raise TypeError(f"{field} is to be bool, not {type(value).__name__}")
    return flag if value else 0


def call(function: "Any", *arguments: "Any") -> int:
    """Calls one of the library's functions that give a result or an error.

    The result's address is returned, or the error raised as an exception. Nothing of this frame
    outlives the call but the error's copy.
    """
    functions = _abi.library().functions
    result, error = ctypes.c_void_p(), ctypes.c_void_p()
    code = function(*arguments, ctypes.byref(result), ctypes.byref(error))
    if code == _abi.OK:
        address: int = result.value  # type: ignore[assignment]
        return address
    try:
        raise _exception(code, error.value)
    finally:
        functions.flexpay_error_free(error)


def take(address: int, free: "Callable[[int], None]", copy: "Callable[[int], T]") -> "T":
    """Copies a result, then frees it, whatever happens."""
    try:
        return copy(address)
    finally:
        free(address)


def _exception(code: int, error: "Optional[int]") -> "FlexPayError":
    from ._errors import BY_CODE, FlexPayError, Outcome, ResultCode

    known = ResultCode(code)
    kind = BY_CODE.get(known, FlexPayError)
    if error is None:
        return kind(f"the library gave no reason ({known.name})", code=known)
    told: Any = _abi.struct("flexpay_error").from_address(error)
    return kind(
        told.message.decode(),
        code=known,
        outcome=Outcome(told.outcome),
        http_status=told.http_status or None,
        field=_decoded(told.field),
        gateway_code=_decoded(told.gateway_code),
        gateway_message=_decoded(told.gateway_message),
    )


def _decoded(value: "Optional[bytes]") -> "Optional[str]":
    return None if value is None else value.decode()


def payment(address: int) -> "Payment":
    struct: Any = _abi.struct("flexpay_payment").from_address(address)
    return Payment(
        redirect_url=_decoded(struct.redirect_url),
        order_number=_decoded(struct.order_number),
        code=_decoded(struct.code),
        message=_decoded(struct.message),
        page=_decoded(struct.page),
    )


def transaction(address: int) -> "Transaction":
    struct: Any = _abi.struct("flexpay_transaction").from_address(address)
    return Transaction(
        state=later(_state, struct.state),
        status=_decoded(struct.status),
        order_number=struct.order_number.decode(),
        reference=_decoded(struct.reference),
        amount=later(_decimal, struct.amount),
        amount_customer=later(_decimal, struct.amount_customer),
        amount_minor=None if struct.amount_minor == -1 else struct.amount_minor,
        amount_customer_minor=(
            None if struct.amount_customer_minor == -1 else struct.amount_customer_minor
        ),
        currency=_decoded(struct.currency),
        created_at=later(_moment, struct.created_at),
        channel=_decoded(struct.channel),
        code=_decoded(struct.code),
        message=_decoded(struct.message),
        raw=_decoded(struct.raw),
    )


def callback(address: int) -> "Callback":
    struct: Any = _abi.struct("flexpay_callback").from_address(address)
    return Callback(
        claims_success=struct.claims_success != 0,
        code=struct.code.decode(),
        reference=_decoded(struct.reference),
        provider_reference=_decoded(struct.provider_reference),
        order_number=_decoded(struct.order_number),
        amount=_decoded(struct.amount),
        amount_customer=_decoded(struct.amount_customer),
        currency=_decoded(struct.currency),
        phone=_decoded(struct.phone),
        created_at=_decoded(struct.created_at),
        channel=_decoded(struct.channel),
        message=_decoded(struct.message),
        raw=struct.raw.decode(),
        key=_key(struct),
    )


def _key(struct: "Any") -> str:
    key = ctypes.create_string_buffer(_abi.CALLBACK_KEY_SIZE)
    code = _abi.library().functions.flexpay_callback_key(
        ctypes.byref(struct), key, _abi.CALLBACK_KEY_SIZE, None
    )
    if code != _abi.OK:
        raise _exception(code, None)
    return key.value.decode()


def _state(number: int) -> "State":
    from ._enums import State

    return State(number)


def _decimal(value: "Optional[bytes]") -> "Optional[Decimal]":
    from decimal import Decimal

    return None if value is None else Decimal(value.decode())


def _moment(value: "Optional[bytes]") -> "Optional[datetime]":
    from datetime import datetime

    if value is None:
        return None
    try:
        return datetime.fromisoformat(value.decode())
    except ValueError:
        # The year 0, which the calendar has and Python's has not.
        return None
