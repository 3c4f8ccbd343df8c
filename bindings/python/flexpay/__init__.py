"""Payments through FlexPay, the card gateway of the DR Congo.

    from flexpay import Api, Client, State

    with Client(merchant="ZANDO", token=token, api=Api.V1_1) as client:
        payment = client.pay(reference="MLO-1", amount="25.50", currency="USD", ...)
        # send the customer to payment.redirect_url, then:
        transaction = client.wait(payment.order_number)
        if transaction.state is State.PAID:
            ...

A callback is a hint: ANYONE can post one. Take `Client.verify_callback`'s word, not the callback's.
"""

from ._async import AsyncClient
from ._client import CancelToken, Client, library_path, library_version, parse_callback
from ._errors import (
    CallbackError,
    ConnectError,
    ConnectionLostError,
    FlexPayError,
    GatewayError,
    InternalError,
    InvalidError,
    LibraryError,
    MismatchError,
    NotFoundError,
    Outcome,
    PaymentInterrupted,
    ProxyError,
    RefusedError,
    ReplyError,
    ResolveError,
    ResultCode,
    TimedOutError,
    TLSError,
    UnauthorizedError,
    WaitCancelledError,
)
from ._models import Api, Callback, Environment, Payment, State, Transaction

__version__ = "0.1.0"

__all__ = [
    "Api",
    "AsyncClient",
    "Callback",
    "CallbackError",
    "CancelToken",
    "Client",
    "ConnectError",
    "ConnectionLostError",
    "Environment",
    "FlexPayError",
    "GatewayError",
    "InternalError",
    "InvalidError",
    "LibraryError",
    "MismatchError",
    "NotFoundError",
    "Outcome",
    "Payment",
    "PaymentInterrupted",
    "ProxyError",
    "RefusedError",
    "ReplyError",
    "ResolveError",
    "ResultCode",
    "State",
    "TLSError",
    "TimedOutError",
    "Transaction",
    "UnauthorizedError",
    "WaitCancelledError",
    "library_path",
    "library_version",
    "parse_callback",
]
