"""Takes a customer who wants to pay for an order to the card page.

    python pay.py ORDER AMOUNT CURRENCY

Run it again when the customer comes again: it leads on to the same card page, or begins a new
attempt where the last one failed. What the customer is to read goes to standard output, what the
operator is to read to standard error. The exit status is 0 when there is a page to go to, or the
order is paid.

The settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1 (whose
payments have the order number that the sweep needs) and what else `flexpay.Client.from_env` names;
SHOP_URL is the shop's own public address, and ORDERS the file of its orders, which
callback_server.py and sweep.py share.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from contextlib import closing

import shop

from flexpay import Client, FlexPayError, InvalidError, Outcome, Payment, UnauthorizedError

SHOP_URL = os.environ.get("SHOP_URL", "https://shop.example")
CALLBACK_URL = os.environ.get("CALLBACK_URL", SHOP_URL + "/callback")


def main(order_id: str, amount: str, currency: str) -> int:
    try:
        with Client.from_env() as client, closing(shop.open_books()) as books:
            return pay(client, books, order_id, amount, currency)
    except FlexPayError as error:
        # There was no client yet.
        return complain(error)


def pay(
    client: Client, books: sqlite3.Connection, order_id: str, amount: str, currency: str
) -> int:
    if not shop.enter(books, order_id, amount, currency):
        log(f"Order {order_id} was asked for at another price; it keeps that one.")
        return 1
    if shop.open_attempt(books, order_id) is not None:
        settle(client, books, order_id)
    if shop.is_paid(books, order_id):
        print(f"Order {order_id} is paid.")
        return 0
    attempt = shop.open_attempt(books, order_id)
    if attempt is not None and attempt.page_url is not None:
        print("Send the customer to", attempt.page_url, flush=True)
        return 0
    try:
        # A customer who failed or cancelled tries again under a new reference.
        reference = None if attempt is not None else shop.claim(books, order_id)
    except ValueError as error:
        log(str(error))
        return 1
    if reference is None:
        # HTTP 409, in a shop on the web.
        print("A payment of this order is under way. Please wait, and do not pay again.")
        return 1
    try:
        payment = client.pay(
            reference=reference,
            amount=amount,
            currency=currency,
            description="Order " + order_id,
            callback_url=CALLBACK_URL,
            approve_url=SHOP_URL + "/thanks",
            cancel_url=SHOP_URL + "/cancelled",
            decline_url=SHOP_URL + "/declined",
        )
    except FlexPayError as error:
        # An attempt with an unknown outcome stays open: nobody knows yet, and nobody may try again.
        # Its callback may have been here already: what that recorded stays.
        state = "PENDING" if error.outcome is Outcome.UNKNOWN else "FAILED"
        with books:
            books.execute(
                "UPDATE attempts SET state = ?, why = ?, order_number = COALESCE(order_number, ?)"
                " WHERE reference = ? AND state = 'PENDING'",
                (state, str(error), error.order_number, reference),
            )
        return complain(error)
    with books:
        books.execute(
            "UPDATE attempts SET page_url = ?, order_number = COALESCE(order_number, ?)"
            " WHERE reference = ?",
            (payment.redirect_url, payment.order_number, reference),
        )
    send(payment)
    return 0


def settle(client: Client, books: sqlite3.Connection, order_id: str) -> None:
    """Asks the gateway how the open attempt stands, before the customer is told anything."""
    attempt = shop.open_attempt(books, order_id)
    if attempt is None or attempt.order_number is None:
        return
    try:
        log(shop.verify(books, client, attempt).word)
    except FlexPayError as error:
        # Then it stays open. For a moment after a payment request, "not found" is normal.
        log(f"{attempt.reference}: {error.code.name}: {error}")


def complain(error: FlexPayError) -> int:
    """Tells the customer what is known of the money, and the operator why."""
    log(f"{error.code.name} ({error.outcome.name}): {error}")
    if error.outcome is Outcome.UNKNOWN:
        print("We do not know yet whether this payment went through. Do NOT pay again: we look.")
    elif error.outcome is Outcome.UNUSABLE or isinstance(error, (InvalidError, UnauthorizedError)):
        # The shop's own fault, which no customer mends by trying again.
        print("Nothing was charged. You cannot pay by card here at the moment.")
    elif error.outcome is Outcome.NOT_SENT:
        print("Nothing was charged. Please try again in a moment.")
    else:
        print("Nothing was charged: the payment was refused. Please ask us for another way to pay.")
    return 1


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


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
