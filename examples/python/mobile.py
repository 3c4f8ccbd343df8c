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
import sys

from shop import Shop, add_order, deliver, is_paid, is_taken, last_attempt, open_shop

from flexpay import (
    Client,
    EntryState,
    FlexPayError,
    InvalidError,
    Kind,
    Outcome,
    UnauthorizedError,
    normalize_phone,
)

SHOP_URL = os.environ.get("SHOP_URL", "https://shop.example")
CALLBACK_URL = os.environ.get("CALLBACK_URL", SHOP_URL + "/callback")

IN_PROGRESS = "Le paiement est en cours de confirmation. Ne payez PAS une deuxième fois."


def main(order_id: str, currency: str = "CDF") -> int:
    try:
        with Client.from_env() as client, open_shop() as shop:
            return take_payment(client, shop, order_id, currency)
    except FlexPayError as error:
        return report(error)
    except ValueError as error:
        log(str(error))
        return 1


def take_payment(client: Client, shop: Shop, order_id: str, currency: str) -> int:
    if is_paid(shop, order_id):
        print(f"La commande {order_id} est payée.")
        return 0
    reference, entry = last_attempt(shop, order_id)
    if entry is None or entry.state is EntryState.NOT_SENT:
        phone = ask_phone()
        amount = input(f"Montant en {currency} : ").strip()
        if not add_order(shop, order_id, amount, currency):
            log(f"Order {order_id} was requested at another price; that price stays.")
            return 1
        # If another till has sent the same meanwhile, nothing is sent.
        try:
            shop.store.pay_mobile(
                client,
                reference=reference,
                amount=amount,
                currency=currency,
                phone=phone,
                callback_url=CALLBACK_URL,
                description="Commande " + order_id,
            )
        except InvalidError as error:
            if not is_taken(shop, reference):
                raise
            # The customer is paying already: by card, with another phone or at another price.
            log_error(error)
            print(IN_PROGRESS)
            return 1
        print(f"Confirmez le paiement de {amount} {currency} sur le téléphone {phone}.", flush=True)
    return wait(client, shop, order_id, reference)


def ask_phone() -> str:
    while True:
        try:
            return normalize_phone(input("Numéro de téléphone : "))
        except InvalidError as error:
            log(str(error))
            print("Ce n'est pas un numéro de la RDC. Exemple : 081 234 56 78")


def wait(client: Client, shop: Shop, order_id: str, reference: str) -> int:
    """Waits until the customer has confirmed or refused, and returns the exit status."""
    entry = shop.store.get(reference)
    if entry.order_number is None or entry.kind is not Kind.MOBILE:
        # The outcome of its request is unknown, or the customer is paying by card.
        # callback_server.py or sweep.py records the state.
        print(IN_PROGRESS)
        return 1
    try:
        settlement = shop.store.settle(client, reference, wait=True)
    except FlexPayError as error:
        # For example, the time is up. The attempt stays open.
        log(f"{reference}: {error.code.name}: {error}")
        print(IN_PROGRESS)
        return 1
    log(deliver(shop, settlement).message)
    if settlement.state is not EntryState.PAID:
        print("Le paiement n'a pas abouti. Vous pouvez réessayer dans deux minutes.")
        return 1
    print(f"La commande {order_id} est payée. Merci !")
    return 0


def report(error: FlexPayError) -> int:
    """Tells the customer what is known about the money, and the operator why."""
    log_error(error)
    # Another till may be sending the same request (InProgressError).
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


def log_error(error: FlexPayError) -> None:
    log(f"{error.code.name} ({error.outcome.name}): {error}")


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
