"""The shop's books, which pay.py, callback_server.py and sweep.py share.

An order is what a customer buys. Each time the customer tries to pay for it is an attempt, under a
reference of its own, since the gateway takes no reference twice: INVOICE-0017-1, INVOICE-0017-2.
"""

from __future__ import annotations

import os
import sqlite3
from typing import NamedTuple

from flexpay import Callback, Client, State, Transaction

ORDERS = os.environ.get("ORDERS", "orders.db")

# The gateway refuses a longer one.
LONGEST_REFERENCE = 25

# A customer who was sent to the card page may still be typing there for so long.
SECONDS_TO_PAY = 120

# The same as examples/php/schema.sql. The amount is text: no database and no program then makes a
# float of it. The index claims an order: of two clicks on "pay", one gets through.
SCHEMA = """
    CREATE TABLE IF NOT EXISTS orders (
        id TEXT PRIMARY KEY,
        amount TEXT NOT NULL,
        currency TEXT NOT NULL,
        paid_by TEXT REFERENCES attempts, -- the attempt that paid it; NULL: nobody paid yet
        paid_at TEXT
    );
    CREATE TABLE IF NOT EXISTS attempts (
        reference TEXT PRIMARY KEY,
        order_id TEXT NOT NULL REFERENCES orders,
        asked_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
        order_number TEXT UNIQUE, -- the gateway's; NULL until it is known
        page_url TEXT, -- where the customer pays
        state TEXT NOT NULL DEFAULT 'PENDING', -- the name of a flexpay.State
        why TEXT -- what the library said, where no payment came about
    );
    CREATE UNIQUE INDEX IF NOT EXISTS one_open_attempt ON attempts (order_id)
        WHERE state IN ('UNKNOWN', 'PENDING');
"""


class Attempt(NamedTuple):
    """An attempt to pay, with what its order asks for."""

    reference: str
    order_id: str
    order_number: str | None
    state: str
    page_url: str | None
    amount: str
    currency: str
    age: int  # in seconds


class Recorded(NamedTuple):
    """What became of a verdict."""

    word: str  # for the log
    is_news: bool
    is_trouble: bool = False


def open_books() -> sqlite3.Connection:
    books = sqlite3.connect(ORDERS, timeout=30)
    books.executescript(SCHEMA)
    return books


def attempts(books: sqlite3.Connection, where: str, *values: str) -> list[Attempt]:
    rows = books.execute(
        "SELECT reference, order_id, order_number, state, page_url, amount, currency,"
        " strftime('%s', 'now') - strftime('%s', asked_at)"
        f" FROM attempts JOIN orders ON orders.id = order_id WHERE {where} ORDER BY attempts.rowid",
        values,
    )
    return [Attempt(*row) for row in rows.fetchall()]


def open_attempt(books: sqlite3.Connection, order_id: str) -> Attempt | None:
    found = attempts(books, "order_id = ? AND state IN ('PENDING', 'UNKNOWN')", order_id)
    return found[0] if found else None


def attempt_of(books: sqlite3.Connection, notice: Callback) -> Attempt | None:
    """The attempt that a callback says it is about."""
    # By the gateway's number first: it has been seen to write that where the reference belongs.
    for column, value in (
        ("order_number", notice.order_number),
        ("order_number", notice.reference),
        ("reference", notice.reference),
    ):
        found = [] if value is None else attempts(books, column + " = ?", value)
        if found:
            return found[0]
    return None


def enter(books: sqlite3.Connection, order_id: str, amount: str, currency: str) -> bool:
    """Enters an order, and says whether the books hold it at this price.

    The price can be changed until the gateway was asked for it; what was refused does not count.
    """
    with books:
        books.execute(
            "INSERT INTO orders (id, amount, currency) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET amount = excluded.amount, currency = excluded.currency WHERE NOT EXISTS"
            " (SELECT 1 FROM attempts WHERE order_id = excluded.id"
            " AND (state <> 'FAILED' OR order_number IS NOT NULL))",
            (order_id, amount, currency),
        )
    entered = books.execute("SELECT amount, currency FROM orders WHERE id = ?", (order_id,))
    return bool(entered.fetchone() == (amount, currency))


def is_paid(books: sqlite3.Connection, order_id: str) -> bool:
    paid = books.execute("SELECT 1 FROM orders WHERE id = ? AND paid_by IS NOT NULL", (order_id,))
    return paid.fetchone() is not None


def claim(books: sqlite3.Connection, order_id: str) -> str | None:
    """Begins an attempt, before anything is sent: whatever happens now, the shop knows it asked.

    Gives its reference; None where another is open, or the order was paid meanwhile. Raises
    ValueError where the reference would be too long.
    """
    made = len(attempts(books, "order_id = ?", order_id))
    reference = f"{order_id}-{made + 1}"
    if len(reference) > LONGEST_REFERENCE:
        raise ValueError(
            f"the reference {reference!r} has {len(reference)} characters, and the gateway takes"
            f" {LONGEST_REFERENCE}: give the order a shorter name"
        )
    try:
        with books:
            begun = books.execute(
                "INSERT INTO attempts (reference, order_id)"
                " SELECT ?, id FROM orders WHERE id = ? AND paid_by IS NULL",
                (reference, order_id),
            )
    except sqlite3.IntegrityError:
        return None
    return reference if begun.rowcount == 1 else None


def verify(books: sqlite3.Connection, client: Client, attempt: Attempt) -> Recorded:
    """Asks the gateway how an attempt ended, and records it.

    Raises what `Client.verify_order` raises; then nothing was recorded.
    """
    transaction = client.verify_order(
        reference=attempt.reference,
        amount=attempt.amount,
        currency=attempt.currency,
        order_number=attempt.order_number,
    )
    state = transaction.state
    if state in (State.FAILED, State.CANCELLED) and attempt.age < SECONDS_TO_PAY:
        # The gateway has been seen to say so while the customer was still typing, and "paid" then.
        word = f"{attempt.reference} is {state.name} as yet: this counts after {SECONDS_TO_PAY} s"
        return Recorded(word, is_news=False)
    return record(books, attempt.reference, transaction)


def record(books: sqlite3.Connection, reference: str, transaction: Transaction) -> Recorded:
    """Records a verdict of the gateway, whoever brought it.

    The same callback comes twice, and two at once, and the sweep besides: only one of them changes
    the row. Whoever was overtaken looks again at what is recorded now: this may be the only verdict
    that says "paid". Raises sqlite3.IntegrityError where the order number is another attempt's.
    """
    state = transaction.state
    while True:
        order_id, recorded = books.execute(
            "SELECT order_id, state FROM attempts WHERE reference = ?", (reference,)
        ).fetchone()
        if not state.may_replace(State[recorded]):
            return Recorded(f"{reference} stays {recorded}", is_news=False)
        with books:
            changed = books.execute(
                "UPDATE attempts SET state = ?, order_number = COALESCE(order_number, ?)"
                " WHERE reference = ? AND state = ?",
                (state.name, transaction.order_number, reference, recorded),
            )
            if changed.rowcount == 0:
                continue
            if state is not State.PAID:
                return Recorded(f"{reference} is {state.name}", is_news=True)
            # In one step with the above. A shop that is to deliver whatever happens takes what it
            # has to deliver from this table, not from the word below.
            first = books.execute(
                "UPDATE orders SET paid_by = ?, paid_at = datetime('now')"
                " WHERE id = ? AND paid_by IS NULL",
                (reference, order_id),
            )
        if first.rowcount == 1:
            return Recorded(f"{reference} is PAID: deliver order {order_id}", is_news=True)
        word = f"{reference} is PAID, and order {order_id} was before: paid twice: refund it"
        return Recorded(word, is_news=True, is_trouble=True)
