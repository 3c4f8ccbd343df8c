"""Numbers of the C library as enumerations."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional

from . import _abi
from ._arguments import integer, wrong_type
from ._library import library


class Environment(IntEnum):
    """Which hosts of the gateway to use. "live" and "test" are accepted instead."""

    # written by make header: Environment
    #: cardpayment.flexpay.cd and backend.flexpay.cd.
    LIVE = _abi.ENV_LIVE
    #: beta-cardpayment.flexpay.cd and beta-backend.flexpay.cd.
    TEST = _abi.ENV_TEST
    # end of Environment


class Api(IntEnum):
    """Which version of the payment API to use. "v1" and "v1.1" are accepted instead."""

    # written by make header: Api
    #: /v1/pay, as documented: a form. Its reply has no order number.
    V1 = _abi.API_V1
    #: /v1.1/pay: JSON. Its reply has the order number, which a check and a wait need. The live
    #: gateway refuses a request if the callback, approve, cancel or decline URL is missing.
    V1_1 = _abi.API_V1_1
    # end of Api


class Kind(IntEnum):
    """The way the money goes. "card", "mobile" and "payout" are accepted instead."""

    # written by make header: Kind
    #: A customer pays with a card.
    CARD = _abi.KIND_CARD
    #: A customer pays with mobile money.
    MOBILE = _abi.KIND_MOBILE
    #: The merchant sends money to a mobile money account.
    PAYOUT = _abi.KIND_PAYOUT
    # end of Kind


class State(IntEnum):
    """The state of a transaction. Only PAID means that the customer has paid.

    Numbers that this package does not know become UNKNOWN: neither paid nor failed.
    """

    # written by make header: State
    #: The status is not in the gateway's table: neither paid nor failed.
    UNKNOWN = _abi.STATE_UNKNOWN
    #: The customer has paid. For a payout: the beneficiary has the money.
    PAID = _abi.STATE_PAID
    #: The payment or the payout failed. The gateway can still report PAID later: it reports a
    #: failure while the customer is still entering the card or the PIN. Verify the order again for
    #: a day. Do not send a payout again before.
    FAILED = _abi.STATE_FAILED
    #: The customer has neither paid nor cancelled yet. For a payout: the beneficiary does not have
    #: the money yet.
    PENDING = _abi.STATE_PENDING
    #: A refund has begun.
    REFUNDING = _abi.STATE_REFUNDING
    #: The money was returned to the customer. For a payout: to you.
    REFUNDED = _abi.STATE_REFUNDED
    #: The customer cancelled.
    CANCELLED = _abi.STATE_CANCELLED
    # end of State

    @classmethod
    def _missing_(cls, value: object) -> Optional[State]:
        return cls.UNKNOWN if isinstance(value, int) else None

    def may_replace(self, recorded: State) -> bool:
        """Whether this state may replace the recorded one. Callbacks and checks may come late,
        twice and out of order.

        A late PAID replaces FAILED and CANCELLED. REFUNDING replaces only PAID; REFUNDED replaces
        PAID and REFUNDING. No state is replaced
        by itself, by UNKNOWN or by an earlier one. Use it with a compare-and-set: "UPDATE orders
        SET state = :now WHERE reference = :reference AND state = :recorded". If no row changes,
        another program changed the state first.
        """
        if isinstance(recorded, str):
            # A database usually has the name.
            why = 'State["PAID"] is the state of that name'
            raise wrong_type("recorded", "State", recorded, why)
        number = integer(recorded, "recorded", -(2**31), 2**31 - 1)
        return bool(library().functions.flexpay_state_may_replace(number, self))


class EntryState(IntEnum):
    """What the journal knows of a payment. Deliver only what is PAID."""

    # written by make header: EntryState
    #: A process is sending the request, or was sending it when it ended.
    SENDING = _abi.ENTRY_SENDING
    #: Nothing of the request left the machine. It may be sent again.
    NOT_SENT = _abi.ENTRY_NOT_SENT
    #: The gateway refused the request. It may be sent again when the cause is fixed.
    REFUSED = _abi.ENTRY_REFUSED
    #: Nobody knows whether the gateway has the request. A callback, a check or a person resolves
    #: it.
    IN_DOUBT = _abi.ENTRY_IN_DOUBT
    #: The gateway accepted the request. Nobody has paid yet.
    ACCEPTED = _abi.ENTRY_ACCEPTED
    #: The gateway says that it is paid. For a payout: the beneficiary has the money.
    PAID = _abi.ENTRY_PAID
    #: The gateway says that it failed. A late PAID still replaces this.
    FAILED = _abi.ENTRY_FAILED
    #: The gateway says that the customer cancelled. A late PAID still replaces this.
    CANCELLED = _abi.ENTRY_CANCELLED
    #: The gateway says that the money is being returned. If it was never PAID, a late PAID still
    #: replaces this.
    REFUNDING = _abi.ENTRY_REFUNDING
    #: The gateway says that the money was returned. If it was never PAID, a late PAID still
    #: replaces this.
    REFUNDED = _abi.ENTRY_REFUNDED
    # end of EntryState


class JournalFilter(IntEnum):
    """Which entries of the journal are listed."""

    # written by make header: Filter
    #: Every entry.
    ALL = _abi.JOURNAL_ALL
    #: Entries whose state may still change.
    OPEN = _abi.JOURNAL_OPEN
    #: Entries in the state IN_DOUBT.
    IN_DOUBT = _abi.JOURNAL_IN_DOUBT
    #: Payments that are paid and not acknowledged.
    TO_DELIVER = _abi.JOURNAL_TO_DELIVER
    # end of Filter
