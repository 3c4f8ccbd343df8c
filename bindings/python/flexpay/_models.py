"""What is handed in and what comes back: plain, read-only values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Optional

from . import _abi


class Environment(IntEnum):
    """Which of the gateway's hosts to talk to."""

    #: cardpayment.flexpay.cd and backend.flexpay.cd.
    LIVE = 0
    #: beta-cardpayment.flexpay.cd and beta-backend.flexpay.cd.
    TEST = 1


class Api(IntEnum):
    """Which form of the payment service to use."""

    #: /v1/pay, as documented: a form. Its reply gives no order number.
    V1 = 0
    #: /v1.1/pay: JSON, whose reply carries the order number that `check` and `wait` need. The live
    #: gateway refuses a request that lacks the addresses here.
    V1_1 = 1


class State(IntEnum):
    """Where a transaction stands. Only PAID means that the customer has paid.

    A number this package does not know counts as UNKNOWN: neither paid nor failed.
    """

    #: A status outside the gateway's table: neither paid nor failed.
    UNKNOWN = 0
    #: The customer has paid.
    PAID = 1
    #: It did not succeed. Provisional for a while: seen while the customer was still typing.
    FAILED = 2
    #: The customer has yet to act.
    PENDING = 3
    #: A refund is under way.
    REFUNDING = 4
    #: The money went back.
    REFUNDED = 5
    #: The customer cancelled.
    CANCELLED = 6

    @classmethod
    def _missing_(cls, value: object) -> Optional[State]:
        return cls.UNKNOWN if isinstance(value, int) else None

    def may_replace(self, recorded: State) -> bool:
        """Whether this state may replace the one that a shop has recorded, where callbacks and
        checks come late, twice and out of order.

        Late PAID beats FAILED and CANCELLED; after PAID only a refund follows; nothing is replaced
        by itself, by UNKNOWN, or by what came before it. The compare-and-set that goes with it:
        "UPDATE orders SET state = :now WHERE reference = :reference AND state = :recorded". Whoever
        changes no row was not the first.
        """
        return bool(_abi.library().functions.flexpay_state_may_replace(recorded, self))


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
