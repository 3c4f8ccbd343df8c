"""The shop's database, which pay.py, mobile.py, callback_server.py and sweep.py share.

An order is what a customer buys. Each time the customer tries to pay for it, by card or by mobile
money, is an attempt. An attempt has its own reference, because the gateway accepts each reference
only once: INVOICE-0017-1, INVOICE-0017-2.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any, NamedTuple

from flexpay import Callback, Client, FlexPayError, Kind, Outcome, Payment, State, Transaction

ORDERS = os.environ.get("ORDERS", "orders.db")

# The gateway refuses longer references.
MAX_REFERENCE_LENGTH = 25

# How long a customer may still be typing on the card page, or hesitate on the phone.
SECONDS_TO_PAY = 120

# The same as examples/php/schema.sql. The amount is text, so that no database and no program turns
# it into a float. The index allows one open attempt per order: if the customer clicks "pay" twice,
# one click succeeds.
SCHEMA = """
    CREATE TABLE IF NOT EXISTS orders (
        id TEXT PRIMARY KEY,
        amount TEXT NOT NULL,
        currency TEXT NOT NULL,
        paid_by TEXT REFERENCES attempts, -- the attempt that paid it; NULL: not paid yet
        paid_at TEXT
    );
    CREATE TABLE IF NOT EXISTS attempts (
        reference TEXT PRIMARY KEY,
        order_id TEXT NOT NULL REFERENCES orders,
        kind TEXT NOT NULL, -- the name of a flexpay.Kind: CARD or MOBILE
        created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
        order_number TEXT UNIQUE, -- the gateway's; NULL until it is known
        page_url TEXT, -- where the customer pays; NULL for mobile money
        state TEXT NOT NULL DEFAULT 'PENDING', -- the name of a flexpay.State
        error TEXT -- the library's error message if the payment request failed
    );
    CREATE UNIQUE INDEX IF NOT EXISTS one_open_attempt ON attempts (order_id)
        WHERE state IN ('UNKNOWN', 'PENDING');
"""


class Attempt(NamedTuple):
    """An attempt to pay, with the amount and currency of its order."""

    reference: str
    order_id: str
    kind: str
    order_number: str | None
    state: str
    page_url: str | None
    amount: str
    currency: str
    age_s: int

    def expected(self) -> dict[str, Any]:
        """The payment that the shop requested, for `flexpay.Expected` and the verify functions."""
        return {
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "order_number": self.order_number,
            "kind": Kind[self.kind],
        }


class Result(NamedTuple):
    """What happened to a recorded attempt."""

    message: str  # for the log
    has_changed: bool
    needs_person: bool = False


def open_database() -> sqlite3.Connection:
    db = sqlite3.connect(ORDERS, timeout=30)
    db.executescript(SCHEMA)
    return db


def attempts(db: sqlite3.Connection, where: str, *values: str) -> list[Attempt]:
    rows = db.execute(
        "SELECT reference, order_id, kind, order_number, state, page_url, amount, currency,"
        " strftime('%s', 'now') - strftime('%s', created_at)"
        f" FROM attempts JOIN orders ON orders.id = order_id WHERE {where} ORDER BY attempts.rowid",
        values,
    )
    return [Attempt(*row) for row in rows.fetchall()]


def open_attempt(db: sqlite3.Connection, order_id: str) -> Attempt | None:
    found = attempts(db, "order_id = ? AND state IN ('PENDING', 'UNKNOWN')", order_id)
    return found[0] if found else None


def find_attempt(db: sqlite3.Connection, callback: Callback) -> Attempt | None:
    """The attempt that a callback names."""
    # By the gateway's number first: the gateway has been seen to send it in place of the reference.
    for column, value in (
        ("order_number", callback.order_number),
        ("order_number", callback.reference),
        ("reference", callback.reference),
    ):
        found = [] if value is None else attempts(db, column + " = ?", value)
        if found:
            return found[0]
    return None


def add_order(db: sqlite3.Connection, order_id: str, amount: str, currency: str) -> bool:
    """Adds an order, and returns whether the database has it at this price.

    The price can change until a payment was requested; refused requests do not count.
    """
    with db:
        db.execute(
            "INSERT INTO orders (id, amount, currency) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET amount = excluded.amount, currency = excluded.currency WHERE NOT EXISTS"
            " (SELECT 1 FROM attempts WHERE order_id = excluded.id"
            " AND (state <> 'FAILED' OR order_number IS NOT NULL))",
            (order_id, amount, currency),
        )
    order = db.execute("SELECT amount, currency FROM orders WHERE id = ?", (order_id,))
    return bool(order.fetchone() == (amount, currency))


def is_paid(db: sqlite3.Connection, order_id: str) -> bool:
    paid = db.execute("SELECT 1 FROM orders WHERE id = ? AND paid_by IS NOT NULL", (order_id,))
    return paid.fetchone() is not None


def start_attempt(db: sqlite3.Connection, order_id: str, kind: Kind) -> str | None:
    """Records a new attempt before anything is sent. So it is not lost, whatever happens next.

    Returns its reference; None if another attempt is open, or if the order was paid meanwhile.
    Raises ValueError if the reference would be too long.
    """
    count = len(attempts(db, "order_id = ?", order_id))
    reference = f"{order_id}-{count + 1}"
    if len(reference) > MAX_REFERENCE_LENGTH:
        raise ValueError(
            f"the reference {reference!r} has {len(reference)} characters, but the gateway accepts"
            f" at most {MAX_REFERENCE_LENGTH}: give the order a shorter name"
        )
    try:
        with db:
            inserted = db.execute(
                "INSERT INTO attempts (reference, order_id, kind)"
                " SELECT ?, id, ? FROM orders WHERE id = ? AND paid_by IS NULL",
                (reference, kind.name, order_id),
            )
    except sqlite3.IntegrityError:
        return None
    return reference if inserted.rowcount == 1 else None


def record_request(db: sqlite3.Connection, reference: str, payment: Payment) -> None:
    """Records what the gateway replied to an accepted payment request."""
    with db:
        db.execute(
            "UPDATE attempts SET page_url = ?, order_number = COALESCE(order_number, ?)"
            " WHERE reference = ?",
            (payment.redirect_url, payment.order_number, reference),
        )


def record_failed_request(db: sqlite3.Connection, reference: str, error: FlexPayError) -> None:
    """Records that a payment request failed.

    An attempt with an unknown outcome stays open, and the customer must not try again. If its
    callback was received first, the state that it recorded stays.
    """
    state = "PENDING" if error.outcome is Outcome.UNKNOWN else "FAILED"
    with db:
        db.execute(
            "UPDATE attempts SET state = ?, error = ?, order_number = COALESCE(order_number, ?)"
            " WHERE reference = ? AND state = 'PENDING'",
            (state, str(error), error.order_number, reference),
        )


def verify(db: sqlite3.Connection, client: Client, attempt: Attempt) -> Result:
    """Verifies an attempt with the gateway, and records its state.

    Raises what `Client.verify_order` raises; then nothing is recorded.
    """
    transaction = client.verify_order(**attempt.expected())
    state = transaction.state
    if state in (State.FAILED, State.CANCELLED) and attempt.age_s < SECONDS_TO_PAY:
        # The gateway has been seen to report this while the customer was still typing, and "paid"
        # later.
        message = f"{attempt.reference} is {state.name}, not final before {SECONDS_TO_PAY} s"
        return Result(message, has_changed=False)
    return record(db, attempt.reference, transaction)


def record(db: sqlite3.Connection, reference: str, transaction: Transaction) -> Result:
    """Records a verified transaction, from a callback, sweep.py, pay.py or mobile.py.

    The same callback may come twice, two may come at the same time, and sweep.py may run too: only
    one of them changes the row. If another program changed it first, this one reads the row again
    and retries: this may be the only transaction that says "paid". Raises sqlite3.IntegrityError if
    the order number belongs to another attempt.
    """
    state = transaction.state
    while True:
        order_id, recorded = db.execute(
            "SELECT order_id, state FROM attempts WHERE reference = ?", (reference,)
        ).fetchone()
        if not state.may_replace(State[recorded]):
            return Result(f"{reference} stays {recorded}", has_changed=False)
        with db:
            changed = db.execute(
                "UPDATE attempts SET state = ?, order_number = COALESCE(order_number, ?)"
                " WHERE reference = ? AND state = ?",
                (state.name, transaction.order_number, reference, recorded),
            )
            if changed.rowcount == 0:
                continue
            if state is not State.PAID:
                return Result(f"{reference} is {state.name}", has_changed=True)
            # In the same database transaction as above. A shop that must not miss a delivery reads
            # this table, not the message below.
            first = db.execute(
                "UPDATE orders SET paid_by = ?, paid_at = datetime('now')"
                " WHERE id = ? AND paid_by IS NULL",
                (reference, order_id),
            )
        if first.rowcount == 1:
            return Result(f"{reference} is PAID: deliver order {order_id}", has_changed=True)
        message = f"{reference} is PAID, but order {order_id} was already paid: refund it"
        return Result(message, has_changed=True, needs_person=True)
