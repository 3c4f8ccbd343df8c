"""What comes back: read-only values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Optional

from ._enums import State


@dataclass(frozen=True)
class Payment:
    """A payment that the gateway took in; the customer has yet to pay."""

    #: Where to send the customer; None when there is a page instead.
    redirect_url: Optional[str]
    #: The gateway's number, which `check` and `wait` need. Api.V1 gives none.
    order_number: Optional[str]
    #: The gateway's code, as it came.
    code: Optional[str]
    #: The gateway's words.
    message: Optional[str]
    #: Where the gateway's page cannot be told as an address: the HTML for the customer's browser.
    page: Optional[str] = field(repr=False)


@dataclass(frozen=True)
class Transaction:
    """A transaction as the gateway tells it. What is absent or unreadable is None."""

    #: Only State.PAID means that the customer has paid.
    state: State
    #: The status as the gateway wrote it.
    status: Optional[str]
    #: The gateway's number, as given, or else the one asked for.
    order_number: str
    #: Your reference. One live integration got the order number here instead.
    reference: Optional[str]
    #: The amount asked for. This is the one to compare.
    amount: Optional[Decimal]
    #: What the customer pays, fees included.
    amount_customer: Optional[Decimal]
    #: The amount in hundredths: 5000.
    amount_minor: Optional[int]
    #: The customer's amount in hundredths.
    amount_customer_minor: Optional[int]
    #: "CDF" or "USD", as the gateway wrote it.
    currency: Optional[str]
    #: Without a zone: the gateway states none.
    created_at: Optional[datetime]
    #: How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    channel: Optional[str]
    #: The reply's code: that the question was understood, never that anything was paid.
    code: Optional[str]
    #: The gateway's words.
    message: Optional[str]
    #: The reply as received.
    raw: Optional[str] = field(repr=False)


@dataclass(frozen=True)
class Callback:
    """What a callback says. ANYONE who knows the address can post one.

    Believe nothing of it before `Client.verify_callback`. Text is as received, None where it is
    absent, empty or null.
    """

    #: Whether it claims success. A claim.
    claims_success: bool
    #: "0": processed with success; anything else: not.
    code: str
    #: Your reference.
    reference: Optional[str]
    #: The operator's reference, on success.
    provider_reference: Optional[str]
    #: The gateway's number.
    order_number: Optional[str]
    #: This and the following are observed, not documented: the amount, as written.
    amount: Optional[str]
    #: What the customer paid, fees included, as written.
    amount_customer: Optional[str]
    #: The currency.
    currency: Optional[str]
    #: The customer's telephone number.
    phone: Optional[str]
    #: The date, as written.
    created_at: Optional[str]
    #: "visa", "mpesa", ...
    channel: Optional[str]
    #: The gateway's words.
    message: Optional[str]
    #: The body as received.
    raw: str = field(repr=False)
    #: By which the same notice, delivered again, is known: the same for every spelling. Record it
    #: only AFTER the notice was verified, in one step with the order's state. Recorded before, it
    #: would let a forged notice make the true one look like a repeat.
    key: str = field(repr=False)
