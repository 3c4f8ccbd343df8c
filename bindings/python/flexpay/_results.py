"""What the library returns: called, copied out and freed."""

from __future__ import annotations

import ctypes
from datetime import datetime
from decimal import Decimal
from typing import Any, Callable, Optional, TypeVar

from . import _abi
from ._codes import Outcome, ResultCode
from ._enums import State
from ._errors import BY_CODE, FlexPayError
from ._library import library
from ._models import Callback, Payment, Transaction
from ._structs import STRUCTS

T = TypeVar("T")


def call(function: Any, *arguments: Any) -> int:
    """Calls one of the library's functions that give a result or an error.

    The result's address is returned, or the error raised as an exception. Nothing of this frame
    outlives the call but the error's copy.
    """
    functions = library().functions
    result, error = ctypes.c_void_p(), ctypes.c_void_p()
    code = function(*arguments, ctypes.byref(result), ctypes.byref(error))
    if code == _abi.OK:
        address: int = result.value  # type: ignore[assignment]
        return address
    # They lead to the settings, and so to the token.
    del arguments
    try:
        raise _exception(code, error.value)
    finally:
        functions.flexpay_error_free(error)


def take(address: int, free: Callable[[int], None], copy: Callable[[int], T]) -> T:
    """Copies a result, then frees it, whatever happens."""
    try:
        return copy(address)
    finally:
        free(address)


def _exception(code: int, error: Optional[int]) -> FlexPayError:
    known = ResultCode(code)
    kind = BY_CODE.get(known, FlexPayError)
    if error is None:
        return kind(f"the library gave no reason ({known.name})", code=known)
    given: Any = STRUCTS["flexpay_error"].from_address(error)
    return kind(
        given.message.decode(),
        code=known,
        outcome=Outcome(given.outcome),
        http_status=given.http_status or None,
        field=_decoded(given.field),
        gateway_code=_decoded(given.gateway_code),
        gateway_message=_decoded(given.gateway_message),
        order_number=_decoded(given.order_number),
    )


def _decoded(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode()


def payment(address: int) -> Payment:
    given: Any = STRUCTS["flexpay_payment"].from_address(address)
    return Payment(
        redirect_url=_decoded(given.redirect_url),
        order_number=_decoded(given.order_number),
        code=_decoded(given.code),
        message=_decoded(given.message),
        page=_decoded(given.page),
    )


def transaction(address: int) -> Transaction:
    given: Any = STRUCTS["flexpay_transaction"].from_address(address)
    return Transaction(
        state=State(given.state),
        status=_decoded(given.status),
        order_number=given.order_number.decode(),
        reference=_decoded(given.reference),
        amount=_decimal(given.amount),
        amount_customer=_decimal(given.amount_customer),
        amount_minor=None if given.amount_minor == -1 else given.amount_minor,
        amount_customer_minor=(
            None if given.amount_customer_minor == -1 else given.amount_customer_minor
        ),
        currency=_decoded(given.currency),
        created_at=_datetime(given.created_at),
        channel=_decoded(given.channel),
        code=_decoded(given.code),
        message=_decoded(given.message),
        raw=_decoded(given.raw),
    )


def callback(address: int) -> Callback:
    given: Any = STRUCTS["flexpay_callback"].from_address(address)
    return Callback(
        claims_success=given.claims_success != 0,
        code=given.code.decode(),
        reference=_decoded(given.reference),
        provider_reference=_decoded(given.provider_reference),
        order_number=_decoded(given.order_number),
        amount=_decoded(given.amount),
        amount_customer=_decoded(given.amount_customer),
        currency=_decoded(given.currency),
        phone=_decoded(given.phone),
        created_at=_decoded(given.created_at),
        channel=_decoded(given.channel),
        message=_decoded(given.message),
        raw=given.raw.decode(),
        key=_key(given),
    )


def _key(given: Any) -> str:
    key = ctypes.create_string_buffer(_abi.CALLBACK_KEY_SIZE)
    code = library().functions.flexpay_callback_key(
        ctypes.byref(given), key, _abi.CALLBACK_KEY_SIZE, None
    )
    if code != _abi.OK:
        raise _exception(code, None)
    return key.value.decode()


def _decimal(value: Optional[bytes]) -> Optional[Decimal]:
    return None if value is None else Decimal(value.decode())


def _datetime(value: Optional[bytes]) -> Optional[datetime]:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value.decode())
    except ValueError:
        # The year 0, which the calendar has and Python's has not.
        return None
