"""Payments through FlexPay, the card gateway of the DR Congo.

    from flexpay import Client, Expected, State

    with Client(merchant="ZANDO", token=token, api="v1.1") as client:
        payment = client.pay(reference="MLO-1", amount="25.50", currency="USD", ...)
        if payment.redirect_url is not None:
            ...  # redirect the customer's browser there
        else:
            ...  # answer the browser with this HTML: payment.page
        asked_for = Expected(reference="MLO-1", amount="25.50", currency="USD")
        transaction = client.wait(payment.order_number, expected=asked_for)
        if transaction.state is State.PAID:
            ...

A callback is a hint: ANYONE can post one. Take `Client.verify_callback`'s word, not the callback's.
"""

from ._client import CancelToken, Client, Expected, library_path, library_version, parse_callback
from ._models import Callback, Payment, Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._async import AsyncClient
    from ._enums import Api, Environment, State
    from ._errors import (
        CallbackError,
        ConnectError,
        ConnectionLostError,
        FlexPayError,
        GatewayError,
        InternalError,
        InvalidError,
        InvalidTypeError,
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
    "Expected",
    "FlexPayError",
    "GatewayError",
    "InternalError",
    "InvalidError",
    "InvalidTypeError",
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

if not TYPE_CHECKING:
    # A script is a new process each time, and asyncio and enum take longer to import than a check
    # does: they are imported with the first name that needs them.
    def __getattr__(name):
        import sys

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = {
            "AsyncClient": "._async",
            "Api": "._enums",
            "Environment": "._enums",
            "State": "._enums",
        }.get(name, "._errors")
        # In an `except` clause, a name may be asked for when no file can be opened any more.
        sys.modules[__name__ + "._abi"].load(__name__ + module)
        found = globals()[name] = getattr(sys.modules[__name__ + module], name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
