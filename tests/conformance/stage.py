#!/usr/bin/env python3
"""Prepares the forgery vectors so that every language can run them, in any order and at the same time.

    stage.py VECTORS_DIR STAGE_DIR

The vectors refer to orders that exist at the gateway. This script creates the orders in the sandbox, one
case after the other (cases share references, and a gateway accepts each reference once), and stores the
sandbox's replies:

    STAGE_DIR/forgery.json          the cases, with the real order numbers and signatures filled in
    STAGE_DIR/forgery/NAME.json     the gateway's replies in that case, by order number

It signs the callback addresses with its own code. The library must accept these signatures.

The sandbox's settings are read from the environment.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request

SANDBOX = os.environ["SANDBOX_URL"]
TOKEN = os.environ["FLEXPAY_TOKEN"]
SHOP = "https://zando.example/"
# The customer of a mobile payment, and the beneficiary of a payout.
PHONE = "243812345678"


def send(method, path, body=None):
    """Sends a request to the sandbox. Returns the status and the body of its reply."""
    request = urllib.request.Request(SANDBOX + path, method=method)
    request.add_header("Authorization", "Bearer " + TOKEN)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def expect_success(reply):
    status, body = reply
    if not 200 <= status < 300:
        raise SystemExit("the sandbox replied %d: %s" % (status, body))
    return body


def kind(order):
    """Most orders are card payments, and do not give it."""
    return order.get("kind", "CARD")


def signature(secret, order):
    """What the library appends to the callback address."""
    whole, _, cents = order["amount"].partition(".")
    minor = int(whole) * 100 + int((cents + "00")[:2])
    reference = order["reference"].encode()
    text = b"flexpay callback 1.\n%d:%s\n%d\n%s\n%s" % (
        len(reference), reference, minor, order["currency"].encode(), kind(order).encode(),
    )
    tag = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(tag).rstrip(b"=").decode()


def card_request(order, callback_url):
    """The path and the fields of the request, without the fields of every kind."""
    return "/v1.1/pay", {
        "authorization": "Bearer " + TOKEN,
        "amount": order["amount"],
        "description": "Deux pagnes",
        "callback_url": callback_url,
        "approve_url": SHOP + "merci",
        "cancel_url": SHOP + "annule",
        "decline_url": SHOP + "refus",
        "home_url": SHOP,
    }


def wallet_fields(order, callback_url):
    amount = order["amount"]
    if "." in amount:
        # The gateway refuses decorative decimals.
        amount = amount.rstrip("0").rstrip(".")
    return {"type": "1", "phone": PHONE, "amount": amount, "callbackUrl": callback_url}


def mobile_request(order, callback_url):
    return "/api/rest/v1/paymentService", wallet_fields(order, callback_url)


def payout_request(order, callback_url):
    return "/api/rest/v1/merchantPayOutService", wallet_fields(order, callback_url)


REQUESTS = {"CARD": card_request, "MOBILE": mobile_request, "PAYOUT": payout_request}


def create_order(order, secret):
    """Creates an order and sets its state. Returns its number and the (placeholder, value) pairs."""
    query = "panier=7"
    tag = ""
    if secret:
        tag = signature(secret, order)
        query += "&flexpay=1." + tag
    path, fields = REQUESTS[kind(order)](order, SHOP + "callback?" + query)
    fields.update(merchant=os.environ["FLEXPAY_MERCHANT"], reference=order["reference"],
                  currency=order["currency"])
    # Refusals come with HTTP 200, and without an order number.
    accepted = json.loads(expect_success(send("POST", path, fields)))
    number = accepted.get("orderNumber")
    if number is None:
        raise SystemExit("the sandbox refused an order: %s" % accepted)
    decision = order["decision"]
    if decision.startswith("status:"):
        decision = {"status": decision[len("status:"):]}
    path = "/sandbox/api/payments/%s/decide" % number
    expect_success(send("POST", path, {"decision": decision, "callback": False}))
    # Longer placeholders first, because the shortest is a prefix of the others.
    return number, [
        ("$" + order["name"] + "_address", query),
        ("$" + order["name"] + "_tag", tag),
        ("$" + order["name"], number),
    ]


def check(number):
    status, body = send("GET", "/api/rest/v1/check/" + number)
    return {"status": status, "headers": {"Content-Type": "application/json"}, "body": body}


def stage(case):
    """The case with the placeholders filled in, and the gateway's replies by order number. The key "" has
    the reply for all other orders."""
    gateway = case["gateway"]
    if "reply" in gateway:
        return case, {"": gateway["reply"]}
    expect_success(send("POST", "/sandbox/api/clear"))
    placeholders, numbers = [], []
    for order in gateway["orders"]:
        number, order_placeholders = create_order(order, order.get("secret", case.get("secret")))
        placeholders += order_placeholders
        numbers.append(number)
    replies = {number: check(number) for number in numbers}
    replies[""] = check("no-such-order")

    def fill_in(value):
        if isinstance(value, str):
            for placeholder, replacement in placeholders:
                value = value.replace(placeholder, replacement)
        return value

    staged = dict(case)
    for key in ("body", "query"):
        if key in case:
            staged[key] = fill_in(case[key])
    staged["expected"] = {key: fill_in(value) for key, value in case["expected"].items()}
    return staged, replies


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)


def main(vectors, directory):
    with open(os.path.join(vectors, "forgery.json"), encoding="utf-8") as file:
        whole = json.load(file)
    os.makedirs(os.path.join(directory, "forgery"))
    staged = []
    for case in whole["cases"]:
        one, replies = stage(case)
        staged.append(one)
        write(os.path.join(directory, "forgery", case["name"] + ".json"), replies)
    write(os.path.join(directory, "forgery.json"), dict(whole, cases=staged))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
