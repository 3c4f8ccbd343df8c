"""Sends a customer who wants to pay for an order to the card page.

    python pay.py ORDER AMOUNT CURRENCY

Run it again when the customer returns: it shows the same card page, or starts a new attempt if the
last one failed. Messages for the customer go to standard output, messages for the operator to
standard error. The exit status is 0 if there is a page to open, or if the order is paid.

The settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1 (its
payments have the order number that sweep.py needs) and the others that `flexpay.Client.from_env`
documents, but not FLEXPAY_JOURNAL: the journal is in the shop's database. SHOP_URL is the shop's
public URL. ORDERS is the database file of the orders, which mobile.py, callback_server.py and
sweep.py share.
"""

from __future__ import annotations

import os
import sys
import tempfile

from shop import Shop, add_order, deliver, is_paid, is_taken, last_attempt, open_shop

from flexpay import (
    Client,
    FlexPayError,
    InDoubtError,
    InProgressError,
    InvalidError,
    Outcome,
    Payment,
    UnauthorizedError,
)

SHOP_URL = os.environ.get("SHOP_URL", "https://shop.example")
CALLBACK_URL = os.environ.get("CALLBACK_URL", SHOP_URL + "/callback")

# A web shop responds with HTTP 409.
IN_PROGRESS = "A payment of this order is in progress. Please wait, and do not pay again."


def main(order_id: str, amount: str, currency: str) -> int:
    try:
        with Client.from_env() as client, open_shop() as shop:
            return pay(client, shop, order_id, amount, currency)
    except FlexPayError as error:
        return report(error)
    except ValueError as error:
        log(str(error))
        return 1


def pay(client: Client, shop: Shop, order_id: str, amount: str, currency: str) -> int:
    if not add_order(shop, order_id, amount, currency):
        log(f"Order {order_id} was requested at another price; that price stays.")
        return 1
    settle(client, shop, order_id)
    if is_paid(shop, order_id):
        print(f"Order {order_id} is paid.")
        return 0
    # The journal sends a request once for a reference. Later it returns the same card page.
    reference, _ = last_attempt(shop, order_id)
    try:
        payment = shop.store.pay(
            client,
            reference=reference,
            amount=amount,
            currency=currency,
            description="Order " + order_id,
            callback_url=CALLBACK_URL,
            approve_url=SHOP_URL + "/thanks",
            cancel_url=SHOP_URL + "/cancelled",
            decline_url=SHOP_URL + "/declined",
        )
    except InvalidError as error:
        if not is_taken(shop, reference):
            raise
        # The customer is paying already, by mobile money or at another price.
        log_error(error)
        print(IN_PROGRESS)
        return 1
    show_page(payment)
    return 0


def settle(client: Client, shop: Shop, order_id: str) -> None:
    """Gets the state of the last attempt from the gateway, before the customer sees a message."""
    reference, entry = last_attempt(shop, order_id)
    if entry is None:
        return
    try:
        settlement = shop.store.settle(client, reference)
    except FlexPayError as error:
        # It keeps its state. Shortly after a payment request, "not found" is normal.
        log(f"{reference}: {error.code.name}: {error}")
        return
    if settlement.changed or settlement.to_deliver:
        log(deliver(shop, settlement).message)


def report(error: FlexPayError) -> int:
    """Tells the customer what is known about the money, and the operator why."""
    log_error(error)
    if isinstance(error, (InDoubtError, InProgressError)):
        print(IN_PROGRESS)
    elif error.outcome is Outcome.UNKNOWN:
        print("We do not know yet whether you have paid. Do NOT pay again: we are checking.")
    elif error.outcome is Outcome.UNUSABLE or isinstance(error, (InvalidError, UnauthorizedError)):
        # An error of the shop. A retry by the customer does not help.
        print("Nothing was charged. You cannot pay by card here at the moment.")
    elif error.outcome is Outcome.NOT_SENT:
        print("Nothing was charged. Please try again in a moment.")
    else:
        print("Nothing was charged: the payment was refused. Please ask us for another way to pay.")
    return 1


def show_page(payment: Payment) -> None:
    """Shows the customer the card page: a URL, or the HTML if the gateway sent no URL."""
    if payment.redirect_url is not None:
        print("Send the customer to", payment.redirect_url, flush=True)
        return
    # A web shop sends this HTML to the customer's browser.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="flexpay-", suffix=".html", delete=False
    ) as file:
        file.write(payment.page or "")
    print("Open this page in the customer's browser:", file.name, flush=True)


def log_error(error: FlexPayError) -> None:
    log(f"{error.code.name} ({error.outcome.name}): {error}")


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
