"""Calls the library's functions, and copies and frees what they return."""

from __future__ import annotations

import ctypes
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Callable, List, Optional, TypeVar

from . import _abi
from ._codes import Outcome, ResultCode
from ._enums import EntryState, Kind, State
from ._errors import BY_CODE, FlexPayError
from ._library import library
from ._models import Callback, Payment, Reconciliation, Settlement, Transaction
from ._structs import STRUCTS

T = TypeVar("T")


def call(function: Any, *arguments: Any) -> int:
    """Calls a library function that returns an object or an error.

    Returns the address of the object, or raises the error as an exception. The exception keeps a
    copy of the error and no other data of this frame.
    """
    result, error = ctypes.c_void_p(), ctypes.c_void_p()
    code = function(*arguments, ctypes.byref(result), ctypes.byref(error))
    if code == _abi.OK:
        address: int = result.value  # type: ignore[assignment]
        return address
    # They refer to the settings, and so to the token; the exception would keep them alive.
    del arguments
    raise _copy_and_free_error(code, error)


def call_for_text(function: Any, *arguments: Any, size: int) -> str:
    """Calls a library function that fills a buffer of `size` bytes with text, or returns an error.
    It is raised as by `call`."""
    buffer, error = ctypes.create_string_buffer(size), ctypes.c_void_p()
    code = function(*arguments, buffer, size, ctypes.byref(error))
    if code == _abi.OK:
        return buffer.value.decode()
    del arguments
    raise _copy_and_free_error(code, error)


def call_for_count(function: Any, *arguments: Any) -> int:
    """Calls a library function that sets a number, or returns an error. It is raised as by
    `call`."""
    count, error = ctypes.c_uint64(), ctypes.c_void_p()
    code = function(*arguments, ctypes.byref(count), ctypes.byref(error))
    if code == _abi.OK:
        return count.value
    del arguments
    raise _copy_and_free_error(code, error)


def _copy_and_free_error(code: int, error: ctypes.c_void_p) -> FlexPayError:
    try:
        return _exception(code, error.value)
    finally:
        library().functions.flexpay_error_free(error)


def copy_and_free(address: int, free: Callable[[int], None], copy: Callable[[int], T]) -> T:
    """Copies a result and frees it, also if the copy fails."""
    try:
        return copy(address)
    finally:
        free(address)


def _exception(code: int, error: Optional[int]) -> FlexPayError:
    known = ResultCode(code)
    kind = BY_CODE.get(known, FlexPayError)
    if error is None:
        return kind(f"the library returned {known.name} without a message", code=known)
    struct: Any = STRUCTS["flexpay_error"].from_address(error)
    return kind(
        struct.message.decode(),
        code=known,
        outcome=Outcome(struct.outcome),
        http_status=struct.http_status or None,
        field=_decoded(struct.field),
        gateway_code=_decoded(struct.gateway_code),
        gateway_message=_decoded(struct.gateway_message),
        order_number=_decoded(struct.order_number),
        trace=_decoded(struct.trace),
    )


def _decoded(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode()


def payment(address: int) -> Payment:
    struct: Any = STRUCTS["flexpay_payment"].from_address(address)
    return Payment(
        redirect_url=_decoded(struct.redirect_url),
        order_number=_decoded(struct.order_number),
        code=_decoded(struct.code),
        message=_decoded(struct.message),
        page=_decoded(struct.page),
        trace=_decoded(struct.trace),
        is_recorded=struct.is_recorded != 0,
    )


def settlement(address: int) -> Settlement:
    return _settlement(STRUCTS["flexpay_settlement"].from_address(address))


def settlements(address: int) -> List[Settlement]:
    return list(reconciliation(address).settlements)


def reconciliation(address: int) -> Reconciliation:
    struct: Any = STRUCTS["flexpay_settlements"].from_address(address)
    addresses = (ctypes.c_void_p * struct.count).from_address(struct.items)
    return Reconciliation(
        settlements=tuple(settlement(address) for address in addresses),
        stopped=_decoded(struct.stopped),
    )


def _settlement(struct: Any) -> Settlement:
    return Settlement(
        reference=struct.reference.decode(),
        kind=Kind(struct.kind),
        state=EntryState(struct.state),
        changed=struct.changed != 0,
        to_deliver=struct.to_deliver != 0,
        is_open=struct.is_open != 0,
        amount=struct.amount.decode(),
        currency=struct.currency.decode(),
        phone=_decoded(struct.phone),
        order_number=_decoded(struct.order_number),
        other_order_number=_decoded(struct.other_order_number),
        redirect_url=_decoded(struct.redirect_url),
        page=_decoded(struct.page),
        last_answer=_decoded(struct.last_answer),
        resolved_by=_decoded(struct.resolved_by),
        resolved_why=_decoded(struct.resolved_why),
        created_at=utc_time(struct.created_at.decode()),
        changed_at=utc_time(struct.changed_at.decode()),
        problem=_decoded(struct.problem),
    )


def utc_time(text: str) -> datetime:
    """The time of an entry: "2026-11-27T18:36:21Z"."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


def text(address: int) -> str:
    struct: Any = STRUCTS["flexpay_text"].from_address(address)
    decoded: str = struct.text.decode()
    return decoded


def transaction(address: int) -> Transaction:
    struct: Any = STRUCTS["flexpay_transaction"].from_address(address)
    return Transaction(
        state=State(struct.state),
        status=_decoded(struct.status),
        order_number=struct.order_number.decode(),
        reference=_decoded(struct.reference),
        amount=_decimal(struct.amount),
        amount_customer=_decimal(struct.amount_customer),
        amount_minor=None if struct.amount_minor == -1 else struct.amount_minor,
        amount_customer_minor=(
            None if struct.amount_customer_minor == -1 else struct.amount_customer_minor
        ),
        currency=_decoded(struct.currency),
        created_at=_datetime(struct.created_at),
        channel=_decoded(struct.channel),
        code=_decoded(struct.code),
        message=_decoded(struct.message),
        raw=_decoded(struct.raw),
        trace=_decoded(struct.trace),
    )


def callback(address: int) -> Callback:
    struct: Any = STRUCTS["flexpay_callback"].from_address(address)
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
        key=call_for_text(
            library().functions.flexpay_callback_key,
            ctypes.byref(struct),
            size=_abi.CALLBACK_KEY_SIZE,
        ),
    )


def _decimal(value: Optional[bytes]) -> Optional[Decimal]:
    return None if value is None else Decimal(value.decode())


def _datetime(value: Optional[bytes]) -> Optional[datetime]:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value.decode())
    except ValueError:
        # The year 0, which Python's datetime does not support.
        return None
