"""Takes in a payment and waits for its outcome.

    python pay.py REFERENCE AMOUNT CURRENCY

The settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1 (whose
payments have the order number that waiting needs) and what else `flexpay.Client.from_env` names;
SHOP_URL is the shop's own public address, and ORDERS the file of its orders, which
callback_server.py shares.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from contextlib import closing

from flexpay import Client, Expected, FlexPayError, Outcome, Payment, State

SHOP_URL = os.environ.get("SHOP_URL", "https://shop.example")
CALLBACK_URL = os.environ.get("CALLBACK_URL", SHOP_URL + "/callback")
ORDERS = os.environ.get("ORDERS", "orders.db")

# The amount is text: no database and no program then makes a float of it.
TABLE = """
    CREATE TABLE IF NOT EXISTS orders (
        reference TEXT PRIMARY KEY,
        amount TEXT NOT NULL,
        currency TEXT NOT NULL,
        order_number TEXT,
        state TEXT NOT NULL DEFAULT 'PENDING'
    )
"""


def main(reference: str, amount: str, currency: str) -> int:
    with closing(sqlite3.connect(ORDERS)) as orders, Client.from_env() as client:
        # Before anything is sent: whatever happens now, the shop knows that it asked.
        with orders:
            orders.execute(TABLE)
            written = orders.execute(
                "INSERT OR IGNORE INTO orders (reference, amount, currency) VALUES (?, ?, ?)",
                (reference, amount, currency),
            )
        if written.rowcount == 0:
            print(f"The reference {reference} was used before.", file=sys.stderr)
            return 1
        try:
            payment = client.pay(
                reference=reference,
                amount=amount,
                currency=currency,
                description="Order " + reference,
                callback_url=CALLBACK_URL,
                approve_url=SHOP_URL + "/thanks",
                cancel_url=SHOP_URL + "/cancelled",
                decline_url=SHOP_URL + "/declined",
            )
        except FlexPayError as error:
            print(f"{error.code.name}: {error}", file=sys.stderr)
            if error.outcome is Outcome.UNKNOWN:
                print("The payment may exist: do NOT ask again, find out first.", file=sys.stderr)
            return 1
        with orders:
            orders.execute(
                "UPDATE orders SET order_number = ? WHERE reference = ?",
                (payment.order_number, reference),
            )

        send(payment)
        if payment.order_number is None:
            print("The gateway gave no order number: the callback will bring the outcome.")
            return 0
        # Paid is only what was asked for.
        expected = Expected(
            reference=reference,
            amount=amount,
            currency=currency,
            order_number=payment.order_number,
        )
        try:
            transaction = client.wait(payment.order_number, expected=expected)
        except FlexPayError as error:
            print(f"{error.code.name}: {error}", file=sys.stderr)
            return 1
        print(f"{transaction.state.name}: {transaction.amount} {transaction.currency}")
        return 0 if transaction.state is State.PAID else 1


def send(payment: Payment) -> None:
    """Sends the customer on: to an address or, where the gateway gave none, with a page."""
    if payment.redirect_url is not None:
        print("Send the customer to", payment.redirect_url, flush=True)
        return
    # A shop answers the customer's browser with it.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="flexpay-", suffix=".html", delete=False
    ) as file:
        file.write(payment.page or "")
    print("Open this page in the customer's browser:", file.name, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
