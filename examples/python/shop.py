"""The shop's database, which pay.py, mobile.py, callback_server.py and sweep.py share.

It has the orders, and the journal of flexpay: what was sent for which reference, and what became of
it. An order is what a customer buys. Each time the customer tries to pay for it, by card or by
mobile money, is an attempt. An attempt has its own reference, because the gateway accepts each
reference only once: INVOICE-0017-1, INVOICE-0017-2.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from flexpay import EntryState, FlexPayError, InvalidError, Settlement
from flexpay.journal import DbApiStore

ORDERS = os.environ.get("ORDERS", "orders.db")

# The gateway refuses longer references.
MAX_REFERENCE_LENGTH = 25

# How long a customer may still be typing on the card page, or hesitate on the phone. The gateway
# has been seen to say "failed" in that time, and "paid" later.
TIME_TO_PAY = timedelta(minutes=2)

# The amount is text, so that no database and no program turns it into a float.
SCHEMA = """
    CREATE TABLE IF NOT EXISTS orders (
        id TEXT PRIMARY KEY,
        amount TEXT NOT NULL,
        currency TEXT NOT NULL,
        paid_by TEXT, -- the reference that paid it; NULL: not paid yet
        paid_at TEXT
    )
"""


class Shop(NamedTuple):
    """The database of the shop. MariaDB and PostgreSQL are used in the same way.

    Its client has no journal of its own: FLEXPAY_JOURNAL is not set.
    """

    db: sqlite3.Connection
    store: DbApiStore


@contextmanager
def open_shop() -> Iterator[Shop]:
    with closing(sqlite3.connect(ORDERS, timeout=30)) as db:
        db.execute(SCHEMA)
        store = DbApiStore(db)
        store.create_tables()
        yield Shop(db, store)


def add_order(shop: Shop, order_id: str, amount: str, currency: str) -> bool:
    """Adds an order, and returns whether the database has it at this price.

    The price can change until the gateway has a request.
    """
    not_taken = (EntryState.NOT_SENT, EntryState.REFUSED)
    if all(entry.state in not_taken for entry in attempts(shop, order_id)):
        change = "DO UPDATE SET amount = excluded.amount, currency = excluded.currency"
    else:
        change = "DO NOTHING"
    with shop.db as db:
        db.execute(
            f"INSERT INTO orders (id, amount, currency) VALUES (?, ?, ?) ON CONFLICT (id) {change}",
            (order_id, amount, currency),
        )
    order = shop.db.execute("SELECT amount, currency FROM orders WHERE id = ?", (order_id,))
    return bool(order.fetchone() == (amount, currency))


def is_paid(shop: Shop, order_id: str) -> bool:
    paid = shop.db.execute("SELECT 1 FROM orders WHERE id = ? AND paid_by IS NOT NULL", (order_id,))
    return paid.fetchone() is not None


def attempts(shop: Shop, order_id: str) -> list[Settlement]:
    """The entries of an order in the journal, in their order."""
    found: list[Settlement] = []
    while True:
        try:
            found.append(shop.store.get(f"{order_id}-{len(found) + 1}"))
        except InvalidError:
            return found


def last_attempt(shop: Shop, order_id: str) -> tuple[str, Settlement | None]:
    """The reference to pay the order with, and its entry in the journal if there is one.

    Two programs that ask at the same time get the same reference, and the journal sends it once.
    Raises ValueError if the reference would be too long.
    """
    found = attempts(shop, order_id)
    if found and not is_over(found[-1]):
        return found[-1].reference, found[-1]
    reference = f"{order_id}-{len(found) + 1}"
    if len(reference) > MAX_REFERENCE_LENGTH:
        raise ValueError(
            f"the reference {reference!r} has {len(reference)} characters, but the gateway accepts"
            f" at most {MAX_REFERENCE_LENGTH}: give the order a shorter name"
        )
    return reference, None


def is_over(entry: Settlement) -> bool:
    """Whether the customer may try again, with another reference."""
    if entry.state in (EntryState.FAILED, EntryState.CANCELLED):
        return datetime.now(timezone.utc) - entry.created_at >= TIME_TO_PAY
    return entry.state is EntryState.REFUSED


def is_taken(shop: Shop, reference: str) -> bool:
    """Whether the gateway has, or may have, a payment with this reference."""
    try:
        return shop.store.get(reference).state not in (EntryState.NOT_SENT, EntryState.REFUSED)
    except InvalidError:
        return False
    except FlexPayError:
        # Nobody knows: then nothing may be said about the customer's money.
        return True


class Result(NamedTuple):
    """What happened to an attempt."""

    message: str  # for the log
    needs_person: bool = False


def deliver(shop: Shop, settlement: Settlement) -> Result:
    """Delivers what was paid, once.

    A callback, sweep.py, pay.py and mobile.py may all come here with the same payment: one of them
    acknowledges it. The order and the journal change in one commit. A program that ends before it
    leaves the payment to be delivered, and the next sweep comes here.
    """
    reference, state = settlement.reference, settlement.state.name
    if not settlement.to_deliver:
        return Result(f"{reference} {'is' if settlement.changed else 'stays'} {state}")
    order_id = reference.rpartition("-")[0]
    with shop.db as db:
        if not shop.store.acknowledge(reference, commit=False).changed:
            return Result(f"{reference} stays {state}")
        first = db.execute(
            "UPDATE orders SET paid_by = ?, paid_at = datetime('now')"
            " WHERE id = ? AND paid_by IS NULL",
            (reference, order_id),
        )
    if first.rowcount == 0:
        message = f"{reference} is PAID, but order {order_id} was already paid: refund it"
        return Result(message, needs_person=True)
    return Result(f"{reference} is PAID: deliver order {order_id}")
