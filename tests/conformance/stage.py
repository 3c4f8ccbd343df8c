#!/usr/bin/env python3
"""Writes the forgery vectors so that every language can run them, in any order and all at once.

    stage.py VECTORS_DIR STAGE_DIR

The vectors speak of orders that a gateway has. Here the orders are made in the sandbox, one case after
the other (cases share references, and a gateway takes each once), and what it says of them is kept:

    STAGE_DIR/forgery.json          the cases, with the orders' own numbers and signatures in place
    STAGE_DIR/forgery/NAME.json     what the gateway answers in that case, by order number

The callback addresses are signed here, by other code than the library's: it must agree.

Reads the sandbox's addresses from its environment file's variables.
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


def ask(method, path, body=None):
    """The status and the body of the sandbox's answer."""
    request = urllib.request.Request(SANDBOX + path, method=method)
    request.add_header("Authorization", "Bearer " + TOKEN)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def done(answer):
    status, body = answer
    if not 200 <= status < 300:
        raise SystemExit("the sandbox says %d: %s" % (status, body))
    return body


def signature(secret, order):
    """What the library appends to the callback address."""
    whole, _, cents = order["amount"].partition(".")
    minor = int(whole) * 100 + int((cents + "00")[:2])
    reference = order["reference"].encode()
    text = b"flexpay callback 1.\n%d:%s\n%d\n%s" % (
        len(reference), reference, minor, order["currency"].encode(),
    )
    tag = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(tag).rstrip(b"=").decode()


def make(order, secret):
    """Has an order made and decided, and gives what may be said of it: name and value."""
    query = "panier=7"
    tag = ""
    if secret:
        tag = signature(secret, order)
        query += "&flexpay=1." + tag
    taken = json.loads(done(ask("POST", "/v1.1/pay", {
        "authorization": "Bearer " + TOKEN,
        "merchant": os.environ["FLEXPAY_MERCHANT"],
        "reference": order["reference"],
        "amount": order["amount"],
        "currency": order["currency"],
        "description": "Deux pagnes",
        "callback_url": SHOP + "callback?" + query,
        "approve_url": SHOP + "merci",
        "cancel_url": SHOP + "annule",
        "decline_url": SHOP + "refus",
        "home_url": SHOP,
    })))
    number = taken["orderNumber"]
    decision = order["decision"]
    if decision.startswith("status:"):
        decision = {"status": decision[len("status:"):]}
    path = "/sandbox/api/payments/%s/decide" % number
    done(ask("POST", path, {"decision": decision, "callback": False}))
    # The longer names first: one begins with the other.
    return number, [
        ("$" + order["name"] + "_address", query),
        ("$" + order["name"] + "_tag", tag),
        ("$" + order["name"], number),
    ]


def check(number):
    status, body = ask("GET", "/api/rest/v1/check/" + number)
    return {"status": status, "headers": {"Content-Type": "application/json"}, "body": body}


def stage(case):
    """The case with the orders' numbers in place, and what the gateway answers: by order number, and
    under "" for every other."""
    gateway = case["gateway"]
    if "reply" in gateway:
        return case, {"": gateway["reply"]}
    done(ask("POST", "/sandbox/api/clear"))
    names, numbers = [], []
    for order in gateway["orders"]:
        number, known = make(order, order.get("secret", case.get("secret")))
        names += known
        numbers.append(number)
    replies = {number: check(number) for number in numbers}
    replies[""] = check("nobody")

    def named(value):
        for name, stands_for in names:
            value = value.replace(name, stands_for) if isinstance(value, str) else value
        return value

    staged = dict(case)
    for key in ("body", "query"):
        if key in case:
            staged[key] = named(case[key])
    staged["expected"] = {key: named(value) for key, value in case["expected"].items()}
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
