"""Tests the example callback_server with payments that are declined, paid late, forged or reported twice.

    callback_server.py SERVER          (reads the sandbox's settings from the environment)
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SANDBOX = os.environ["SANDBOX_URL"]
SCHEMA = pathlib.Path(__file__).parents[2] / "examples/cpp/schema.sql"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def send(
    method: str, url: str, body: object = None, headers: "dict[str, str] | None" = None
) -> "tuple[int, str]":
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, all_headers, method=method)
    try:
        with NO_PROXY.open(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def control(method: str, path: str, body: object = None) -> str:
    status, reply = send(method, f"{SANDBOX}/sandbox/api/{path}", body)
    assert status < 300, reply
    return reply


def request_by_card(reference: str, amount: str, callback_url: str) -> "tuple[int, str]":
    return send("POST", os.environ["FLEXPAY_PAY_URL"], {
        "authorization": os.environ["FLEXPAY_TOKEN"],
        "merchant": os.environ["FLEXPAY_MERCHANT"],
        "reference": reference,
        "amount": amount,
        "currency": "USD",
        "callback_url": callback_url,
        "approve_url": "https://shop.example/ok",
        "cancel_url": "https://shop.example/cart",
        "decline_url": "https://shop.example/no",
    })


def request_by_phone(reference: str, amount: str, callback_url: str) -> "tuple[int, str]":
    body = {
        "merchant": os.environ["FLEXPAY_MERCHANT"],
        "type": "1",
        "phone": "243812345678",
        "reference": reference,
        "amount": amount.rstrip("0").rstrip("."),  # "25.5": the gateway refuses a zero at the end
        "currency": "USD",
        "callbackUrl": callback_url,
    }
    headers = {"Authorization": "Bearer " + os.environ["FLEXPAY_TOKEN"]}
    return send("POST", os.environ["FLEXPAY_MOBILE_URL"], body, headers)


def signed(address: str, secret: str, reference: str, kind: str) -> str:
    """The callback address of a payment of 25.50 USD, with its signature."""
    text = f"flexpay callback 1.\n{len(reference)}:{reference}\n2550\nUSD\n{kind}"
    tag = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return address + "?flexpay=1." + base64.urlsafe_b64encode(tag).decode().rstrip("=")


class Shop:
    """The shop's database, and the callback server that writes to it."""

    def __init__(self, server: str, folder: str, **settings: str) -> None:
        self.file = f"{folder}/shop.sqlite"
        self.database = sqlite3.connect(self.file, isolation_level=None)
        self.database.executescript(SCHEMA.read_text(encoding="utf-8"))
        self.log = open(f"{folder}/log", "w+", encoding="utf-8")
        self.server = subprocess.Popen(
            [server, "0"],
            env={**os.environ, "SHOP_DATABASE": self.file, **settings},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        while not self.output().strip():
            assert self.server.poll() is None
            time.sleep(0.02)
        self.address = self.output().split()[0]
        self.order_numbers = {}

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.terminate()
        self.server.wait()

    def output(self) -> str:
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def attempt(self, order: str, amount: str = "25.50", kind: str = "CARD", callback: str = "") -> str:
        """Requests a payment for an order, with the next reference of that order. `callback` is a callback
        address instead of the server's."""
        with self.database as database:
            database.execute(
                "INSERT OR IGNORE INTO orders (id, amount, currency) VALUES (?, ?, 'USD')", (order, amount)
            )
            count = "SELECT count(*) FROM attempts WHERE order_id = ?"
            (before,) = database.execute(count, (order,)).fetchone()
            reference = f"{order}-{before + 1}"
            request = request_by_phone if kind == "MOBILE" else request_by_card
            status, reply = request(reference, amount, callback or self.address)
            self.order_numbers[reference] = json.loads(reply)["orderNumber"]
            database.execute(
                "INSERT INTO attempts (reference, order_id, kind, order_number) VALUES (?, ?, ?, ?)",
                (reference, order, kind, self.order_numbers[reference]),
            )
        return reference

    def reply_statuses(self, reference: str, count: int) -> "list[int]":
        """Waits for `count` callbacks about an attempt. Returns the statuses of the server's replies."""
        number = self.order_numbers[reference]
        while True:
            callbacks = json.loads(control("GET", f"callbacks?order={number}"))
            done = [callback["reply_status"] for callback in callbacks if callback["reply_status"]]
            assert not any(callback["error"] for callback in callbacks), callbacks
            if len(done) >= count:
                return done
            time.sleep(0.02)

    def decide(self, reference: str, decision: str, callback: bool = True) -> None:
        body = {"decision": decision, "callback": callback}
        control("POST", f"payments/{self.order_numbers[reference]}/decide", body)

    def state(self, reference: str) -> str:
        query = "SELECT state FROM attempts WHERE reference = ?"
        return self.database.execute(query, (reference,)).fetchone()[0]

    def paid_by(self, order: str) -> "str | None":
        return self.database.execute("SELECT paid_by FROM orders WHERE id = ?", (order,)).fetchone()[0]

    def post_claim(self, reference: str, number: "str | None" = None) -> int:
        """Posts a callback that claims success, as an attacker would."""
        claim = {"code": "0", "reference": reference, "orderNumber": number or self.order_numbers[reference]}
        return send("POST", self.address, claim)[0]


def test_payments(shop: Shop) -> None:
    # Declined, then paid under a new reference; then the first is paid late.
    first = shop.attempt("CPP-1")
    shop.decide(first, "decline")
    assert shop.reply_statuses(first, 1) == [200]
    assert shop.state(first) == "FAILED" and shop.paid_by("CPP-1") is None
    second = shop.attempt("CPP-1")
    shop.decide(second, "approve")
    assert shop.reply_statuses(second, 1) == [200]
    assert shop.state(second) == "PAID" and shop.paid_by("CPP-1") == second
    shop.decide(first, "approve")
    assert shop.reply_statuses(first, 2) == [200, 200]
    assert shop.state(first) == "PAID" and shop.paid_by("CPP-1") == second
    assert shop.output().count("deliver the order") == 1, shop.output()
    assert f"{first} is PAID, and its order was paid already: refund it" in shop.output()

    # Cancelled.
    cancelled = shop.attempt("CPP-2")
    shop.decide(cancelled, "cancel")
    assert shop.reply_statuses(cancelled, 1) == [200] and shop.state(cancelled) == "CANCELLED"

    # By mobile money: refused on the phone, then confirmed under a new reference.
    refused = shop.attempt("CPP-6", kind="MOBILE")
    shop.decide(refused, "decline")
    assert shop.reply_statuses(refused, 1) == [200] and shop.state(refused) == "FAILED"
    confirmed = shop.attempt("CPP-6", kind="MOBILE")
    shop.decide(confirmed, "approve")
    assert shop.reply_statuses(confirmed, 1) == [200] and shop.state(confirmed) == "PAID"
    assert shop.paid_by("CPP-6") == confirmed

    # A payment by card is none by mobile money, although reference and amount are right.
    by_card = shop.attempt("CPP-7")
    shop.database.execute("UPDATE attempts SET kind = 'MOBILE' WHERE reference = ?", (by_card,))
    shop.decide(by_card, "approve")
    assert shop.reply_statuses(by_card, 1) == [400] and shop.state(by_card) == "PENDING"

    # Callbacks repeated, and several at the same time.
    twice = shop.attempt("CPP-3")
    shop.decide(twice, "approve", callback=False)
    for _ in range(3):
        control("POST", f"payments/{shop.order_numbers[twice]}/deliver", {"times": 2})
    assert shop.reply_statuses(twice, 6) == [200] * 6
    assert shop.output().count(f"{twice} is PAID: deliver the order") == 1, shop.output()

    # Forged: a claim about a pending payment, and a cheap payment for an expensive order.
    expensive = shop.attempt("CPP-4", "900")
    assert shop.post_claim(expensive) == 200 and shop.state(expensive) == "PENDING"
    assert shop.post_claim(expensive, "other1") == 400
    shop.post_claim(expensive, shop.order_numbers[twice])
    assert shop.state(expensive) == "PENDING" and shop.paid_by("CPP-4") is None

    # Callbacks that are not for this shop or cannot be parsed, and a gateway that does not work.
    assert shop.post_claim("UNKNOWN", "x") == 404
    for body in (b"", b"x", b"{", b"<html>", b"\0"):
        assert send("POST", shop.address, body)[0] == 400, body
    # Refused by the parser's limit or by the server's.
    assert send("POST", shop.address, b"a" * 100_000)[0] in (400, 413)
    fault = {"on": "check", "times": None, "action": {"kind": "html", "status": 502}}
    control("POST", "faults", fault)
    assert shop.post_claim(expensive) == 503 and shop.state(expensive) == "PENDING"
    control("DELETE", "faults")


def test_port_taken(shop: Shop, server: str) -> None:
    """A second server cannot use the same port and receive some of the callbacks."""
    port = shop.address.rsplit(":", 1)[1].split("/")[0]
    other = subprocess.run(
        [server, port], env={**os.environ, "SHOP_DATABASE": shop.file}, capture_output=True, text=True, timeout=20
    )
    assert other.returncode == 1 and "the port is taken" in other.stderr, other


def test_signed_addresses(shop: Shop, secret: str) -> None:
    reference = shop.attempt("CPP-5")  # its callback address is not signed
    requests_before = len(json.loads(control("GET", "requests")))
    assert shop.post_claim(reference) == 400
    assert len(json.loads(control("GET", "requests"))) == requests_before, "refused without a check"

    # The kind is signed: the same address with the signature of the other kind is refused.
    wrong = shop.attempt("CPP-8", kind="MOBILE", callback=signed(shop.address, secret, "CPP-8-1", "CARD"))
    shop.decide(wrong, "approve")
    assert shop.reply_statuses(wrong, 1) == [400] and shop.state(wrong) == "PENDING"
    right = shop.attempt("CPP-9", kind="MOBILE", callback=signed(shop.address, secret, "CPP-9-1", "MOBILE"))
    shop.decide(right, "approve")
    assert shop.reply_statuses(right, 1) == [200] and shop.state(right) == "PAID"


def main(server: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Shop(server, folder) as shop:
        test_payments(shop)
        test_port_taken(shop, server)
        assert os.environ["FLEXPAY_TOKEN"] not in shop.output()
    secret = "un secret de la boutique"
    with tempfile.TemporaryDirectory() as folder:
        with Shop(server, folder, FLEXPAY_CALLBACK_SECRET=secret) as shop:
            test_signed_addresses(shop, secret)
    no_database = {name: value for name, value in os.environ.items() if name != "SHOP_DATABASE"}
    refused = subprocess.run([server], env=no_database, capture_output=True, text=True)
    assert refused.returncode == 1 and "SHOP_DATABASE is not set" in refused.stderr
    bad_path = {**no_database, "SHOP_DATABASE": "/nowhere/shop.sqlite"}
    refused = subprocess.run([server], env=bad_path, capture_output=True, text=True)
    assert refused.returncode == 1 and "unable to open" in refused.stderr


main(sys.argv[1])
