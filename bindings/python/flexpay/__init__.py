"""Payments through FlexPay, the payment gateway of the DR Congo: cards, mobile money and payouts.

    from flexpay import Client, Expected, State

    with Client(merchant="ZANDO", token=token, api="v1.1") as client:
        payment = client.pay(reference="MLO-1", amount="25.50", currency="USD", ...)
        if payment.redirect_url is not None:
            ...  # redirect the customer's browser there
        else:
            ...  # send this HTML to the customer's browser: payment.page
        expected = Expected(reference="MLO-1", amount="25.50", currency="USD")
        transaction = client.wait(payment.order_number, expected=expected)
        if transaction.state is State.PAID:
            ...

With mobile money there is no page: the customer confirms on the phone.

    payment = client.pay_mobile(reference="MLO-2", amount="575", currency="CDF", phone=phone, ...)

A callback is only a hint: ANYONE can post one. Rely on `Client.verify_callback`, not on the
callback itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from ._client import (
    CancelToken,
    Client,
    Expected,
    library_path,
    library_version,
    normalize_phone,
    parse_callback,
)
from ._codes import Outcome, ResultCode
from ._enums import Api, EntryState, Environment, JournalFilter, Kind, State
from ._errors import (
    CallbackError,
    ConnectError,
    ConnectionLostError,
    FlexPayError,
    GatewayError,
    InDoubtError,
    InProgressError,
    InternalError,
    InvalidError,
    InvalidTypeError,
    JournalError,
    LibraryError,
    MismatchError,
    NotFoundError,
    ProxyError,
    RefusedError,
    ReplyError,
    ResolveError,
    TimedOutError,
    TLSError,
    UnauthorizedError,
    WaitCancelledError,
)
from ._interrupted import PaymentInterrupted
from ._models import Callback, Payment, Reconciliation, Settlement, Transaction

if TYPE_CHECKING:
    from ._async import AsyncClient

__version__ = "1.0.0-rc.1"

__all__ = [
    "Api",
    "AsyncClient",
    "Callback",
    "CallbackError",
    "CancelToken",
    "Client",
    "ConnectError",
    "ConnectionLostError",
    "EntryState",
    "Environment",
    "Expected",
    "FlexPayError",
    "GatewayError",
    "InDoubtError",
    "InProgressError",
    "InternalError",
    "InvalidError",
    "InvalidTypeError",
    "JournalError",
    "JournalFilter",
    "Kind",
    "LibraryError",
    "MismatchError",
    "NotFoundError",
    "Outcome",
    "Payment",
    "PaymentInterrupted",
    "ProxyError",
    "Reconciliation",
    "RefusedError",
    "ReplyError",
    "ResolveError",
    "ResultCode",
    "Settlement",
    "State",
    "TLSError",
    "TimedOutError",
    "Transaction",
    "UnauthorizedError",
    "WaitCancelledError",
    "library_path",
    "library_version",
    "normalize_phone",
    "parse_callback",
]


def __getattr__(name: str) -> Any:
    # asyncio is slow to import, and most programs do not use it.
    if name == "AsyncClient":
        from ._async import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
