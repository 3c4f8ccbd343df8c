"""The results of calls: read-only values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Optional, Tuple

from ._enums import EntryState, Kind, State


@dataclass(frozen=True)
class Payment:
    """A payment or a payout that the gateway accepted. The money has not moved yet."""

    #: Where to send the customer; None if there is a page instead, and for mobile money.
    redirect_url: Optional[str]
    #: The gateway's number, which `check` and `wait` need. A card payment of Api.V1 has none; a
    #: mobile payment and a payout always have one.
    order_number: Optional[str]
    #: The gateway's code, as received.
    code: Optional[str]
    #: The gateway's message.
    message: Optional[str]
    #: The HTML for the customer's browser, if the gateway's page has no URL to redirect to.
    page: Optional[str] = field(repr=False)
    #: What the call did, step by step, as JSON text; None without the setting `trace`. It is about
    #: the call, so it is not compared.
    trace: Optional[str] = field(default=None, repr=False, compare=False)
    #: Whether it comes from the journal, where an earlier call recorded it: nothing was sent now.
    #: Before you send the customer to `redirect_url`, see with `settle` whether it is paid already.
    is_recorded: bool = False


@dataclass(frozen=True)
class Settlement:
    """An entry of the journal: one payment or payout, as it is now."""

    #: Your reference.
    reference: str
    #: The way the money goes.
    kind: Kind
    #: What is known. Deliver only if it is EntryState.PAID.
    state: EntryState
    #: Whether this call changed the state, or recorded the delivery. Of several calls at once, one
    #: alone sees each change.
    changed: bool
    #: Whether it is paid and you have not acknowledged it yet.
    to_deliver: bool
    #: Whether more may be learnt: `reconcile` asks about it.
    is_open: bool
    #: The amount, as in your request.
    amount: str
    #: The currency, as in your request.
    currency: str
    #: The phone number, as the gateway receives it.
    phone: Optional[str]
    #: The gateway's number.
    order_number: Optional[str]
    #: Another order that the gateway has under the same reference. If both were paid, return one.
    other_order_number: Optional[str]
    #: Where to send the customer.
    redirect_url: Optional[str]
    #: The HTML for the customer's browser instead.
    page: Optional[str] = field(repr=False)
    #: What was learnt last: a state ("PENDING"), or the name of an error ("NOT_FOUND").
    last_answer: Optional[str]
    #: Who resolved the entry by hand.
    resolved_by: Optional[str]
    #: Why.
    resolved_why: Optional[str]
    #: When it was begun, in UTC, by this machine's clock or that of the database.
    created_at: datetime
    #: When it changed last.
    changed_at: datetime
    #: After `reconcile`: why the gateway gave no answer about this one.
    problem: Optional[str] = None


@dataclass(frozen=True)
class Reconciliation:
    """What `reconcile` found."""

    #: Each entry that was open, and each that is to be delivered, as they are now.
    settlements: Tuple[Settlement, ...]
    #: Why it did not ask about all of them: the gateway cannot be reached, or the time is over.
    #: None if it did.
    stopped: Optional[str]


@dataclass(frozen=True)
class Transaction:
    """A transaction as reported by the gateway. Absent or unreadable fields are None."""

    #: Only State.PAID means that the customer has paid or, for a payout, that the beneficiary has
    #: the money.
    state: State
    #: The gateway's status, as received.
    status: Optional[str]
    #: The gateway's number from the reply, or else the one that was checked.
    order_number: str
    #: Your reference. One live integration got the order number here instead.
    reference: Optional[str]
    #: The requested amount. Compare this one.
    amount: Optional[Decimal]
    #: What the customer pays, fees included.
    amount_customer: Optional[Decimal]
    #: The amount in hundredths: 5000.
    amount_minor: Optional[int]
    #: The customer's amount in hundredths.
    amount_customer_minor: Optional[int]
    #: "CDF" or "USD", as received.
    currency: Optional[str]
    #: Without a time zone: the gateway sends none.
    created_at: Optional[datetime]
    #: How it was paid (undocumented): "visa", "mastercard", "mpesa", ...
    channel: Optional[str]
    #: The reply's code: whether the gateway understood the check, never whether it is paid.
    code: Optional[str]
    #: The gateway's message.
    message: Optional[str]
    #: The reply as received.
    raw: Optional[str] = field(repr=False)
    #: What the call did, step by step, as JSON text; None without the setting `trace`. It is about
    #: the call, so it is not compared.
    trace: Optional[str] = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Callback:
    """The contents of a callback. ANYONE who knows the address can post one.

    Trust none of it before `Client.verify_callback`. Text is as received; None if it is absent,
    empty or null.
    """

    #: Whether it claims success. This is only a claim.
    claims_success: bool
    #: "0": success; anything else: not.
    code: str
    #: Your reference.
    reference: Optional[str]
    #: The operator's reference, on success.
    provider_reference: Optional[str]
    #: The gateway's number.
    order_number: Optional[str]
    #: The amount, as received. This and the following fields were observed, not documented.
    amount: Optional[str]
    #: What the customer paid, fees included, as received.
    amount_customer: Optional[str]
    #: The currency.
    currency: Optional[str]
    #: The customer's telephone number.
    phone: Optional[str]
    #: The date, as received.
    created_at: Optional[str]
    #: "visa", "mpesa", ...
    channel: Optional[str]
    #: The gateway's message.
    message: Optional[str]
    #: The body as received.
    raw: str = field(repr=False)
    #: Identifies a callback that is delivered again; the same for every encoding of it. Record it
    #: only AFTER the callback was verified, in one transaction with the order's state, and only if
    #: that state is PAID, REFUNDING or REFUNDED: in every other state verify a repeated callback
    #: again. Otherwise a forged callback would make the real one look like a duplicate. With
    #: `State.may_replace` you do not need the key.
    key: str = field(repr=False)
