"""Takes a payment by mobile money at the till: M-Pesa, Orange Money, Airtel Money, Afrimoney.

    python mobile.py ORDER [CURRENCY]

It asks for the phone number and the amount, sends the request, and waits until the customer has
confirmed it on the phone. CURRENCY is CDF if it is not given. Run it again for the same order if
the customer refused; while an attempt is open, it waits for that one and sends nothing.

Messages for the customer go to standard output, in French, messages for the operator to standard
error. The exit status is 0 if the order is paid.

The settings are those of pay.py, without FLEXPAY_API: the reply to a mobile payment always has an
order number.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing

import shop

from flexpay import (
    Client,
    Expected,
    FlexPayError,
    InvalidError,
    Kind,
    Outcome,
    State,
    UnauthorizedError,
    normalize_phone,
)

SHOP_URL = os.environ.get("SHOP_URL", "https://shop.example")
CALLBACK_URL = os.environ.get("CALLBACK_URL", SHOP_URL + "/callback")

IN_PROGRESS = "Le paiement est en cours de confirmation. Ne payez PAS une deuxième fois."


def main(order_id: str, currency: str = "CDF") -> int:
    try:
        with Client.from_env() as client, closing(shop.open_database()) as db:
            return take_payment(client, db, order_id, currency)
    except FlexPayError as error:
        # The client could not be created, or the library cannot be used.
        return report(error)


def take_payment(client: Client, db: sqlite3.Connection, order_id: str, currency: str) -> int:
    attempt = shop.open_attempt(db, order_id)
    if attempt is None:
        if shop.is_paid(db, order_id):
            print(f"La commande {order_id} est payée.")
            return 0
        attempt = send(client, db, order_id, currency)
    return 1 if attempt is None else wait(client, db, attempt)


def ask_phone() -> str:
    while True:
        try:
            return normalize_phone(input("Numéro de téléphone : "))
        except InvalidError as error:
            log(str(error))
            print("Ce n'est pas un numéro de la RDC. Exemple : 081 234 56 78")


def send(
    client: Client, db: sqlite3.Connection, order_id: str, currency: str
) -> shop.Attempt | None:
    """Sends a payment request, at most once. Returns the attempt if the gateway accepted it."""
    phone = ask_phone()
    amount = input(f"Montant en {currency} : ").strip()
    if not shop.add_order(db, order_id, amount, currency):
        log(f"Order {order_id} was requested at another price; that price stays.")
        return None
    try:
        reference = shop.start_attempt(db, order_id, Kind.MOBILE)
    except ValueError as error:
        log(str(error))
        return None
    if reference is None:
        # Another till was faster.
        print(IN_PROGRESS)
        return None
    try:
        payment = client.pay_mobile(
            reference=reference,
            amount=amount,
            currency=currency,
            phone=phone,
            callback_url=CALLBACK_URL,
            description="Commande " + order_id,
        )
    except FlexPayError as error:
        # If the outcome is unknown, the attempt stays open: a customer who may have been asked to
        # confirm is not asked a second time.
        shop.record_failed_request(db, reference, error)
        report(error)
        return None
    shop.record_request(db, reference, payment)
    print(f"Confirmez le paiement de {amount} {currency} sur le téléphone {phone}.", flush=True)
    return shop.attempts(db, "reference = ?", reference)[0]


def wait(client: Client, db: sqlite3.Connection, attempt: shop.Attempt) -> int:
    """Waits until the customer has confirmed or refused, and returns the exit status."""
    if attempt.order_number is None or attempt.kind != Kind.MOBILE.name:
        # The outcome of its request is unknown, or the customer is paying by card.
        # callback_server.py or sweep.py records the state.
        print(IN_PROGRESS)
        return 1
    try:
        transaction = client.wait(attempt.order_number, expected=Expected(**attempt.expected()))
    except FlexPayError as error:
        # For example, the time is up. The attempt stays open.
        log(f"{attempt.reference}: {error.code.name}: {error}")
        print(IN_PROGRESS)
        return 1
    log(shop.record(db, attempt.reference, transaction).message)
    if transaction.state is not State.PAID:
        print("Le paiement n'a pas abouti. Vous pouvez réessayer.")
        return 1
    print(f"La commande {attempt.order_id} est payée. Merci !")
    return 0


def report(error: FlexPayError) -> int:
    """Tells the customer what is known about the money, and the operator why."""
    log(f"{error.code.name} ({error.outcome.name}): {error}")
    if error.outcome is Outcome.UNKNOWN:
        print(IN_PROGRESS)
    elif error.outcome is Outcome.UNUSABLE or isinstance(error, (InvalidError, UnauthorizedError)):
        # An error of the shop. A retry by the customer does not help.
        print("Rien n'a été débité. Le paiement mobile n'est pas disponible pour le moment.")
    elif error.outcome is Outcome.NOT_SENT:
        print("Rien n'a été débité. Veuillez réessayer dans un instant.")
    else:
        print(f"Rien n'a été débité. Paiement refusé : {error.gateway_message or 'sans raison'}")
    return 1


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
