"""Plays the stories of a payment to the example callback_server: declined, paid late, forged, twice.

    callback_server.py SERVER          (the sandbox's settings in the environment)
"""

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
SCHEMA = pathlib.Path(__file__).parents[2] / "examples/php/schema.sql"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method: str, url: str, body: object = None) -> "tuple[int, str]":
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with DIRECT.open(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def control(method: str, path: str, body: object = None) -> str:
    status, said = ask(method, f"{SANDBOX}/sandbox/api/{path}", body)
    assert status < 300, said
    return said


class Shop:
    """The shop's database, and the server that writes into it."""

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
        while not self.said().strip():
            assert self.server.poll() is None
            time.sleep(0.02)
        self.address = self.said().split()[0]
        self.numbers = {}

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.terminate()
        self.server.wait()

    def said(self) -> str:
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def attempt(self, order: str, amount: str = "25.50") -> str:
        """Asks for a payment of an order, under the next reference of its own."""
        with self.database as database:
            database.execute(
                "INSERT OR IGNORE INTO orders (id, amount, currency) VALUES (?, ?, 'USD')", (order, amount)
            )
            count = "SELECT count(*) FROM attempts WHERE order_id = ?"
            (before,) = database.execute(count, (order,)).fetchone()
            reference = f"{order}-{before + 1}"
            status, said = ask("POST", os.environ["FLEXPAY_PAY_URL"], {
                "authorization": os.environ["FLEXPAY_TOKEN"],
                "merchant": os.environ["FLEXPAY_MERCHANT"],
                "reference": reference,
                "amount": amount,
                "currency": "USD",
                "callback_url": self.address,
                "approve_url": "https://shop.example/ok",
                "cancel_url": "https://shop.example/cart",
                "decline_url": "https://shop.example/no",
            })
            self.numbers[reference] = json.loads(said)["orderNumber"]
            database.execute(
                "INSERT INTO attempts (reference, order_id, order_number) VALUES (?, ?, ?)",
                (reference, order, self.numbers[reference]),
            )
        return reference

    def heard(self, reference: str, count: int) -> "list[int]":
        """The statuses with which so many notices about an attempt were answered."""
        number = self.numbers[reference]
        while True:
            notices = json.loads(control("GET", f"callbacks?order={number}"))
            done = [notice["reply_status"] for notice in notices if notice["reply_status"]]
            assert not any(notice["error"] for notice in notices), notices
            if len(done) >= count:
                return done
            time.sleep(0.02)

    def decide(self, reference: str, decision: str, callback: bool = True) -> None:
        body = {"decision": decision, "callback": callback}
        control("POST", f"payments/{self.numbers[reference]}/decide", body)

    def state(self, reference: str) -> str:
        query = "SELECT state FROM attempts WHERE reference = ?"
        return self.database.execute(query, (reference,)).fetchone()[0]

    def paid_by(self, order: str) -> "str | None":
        return self.database.execute("SELECT paid_by FROM orders WHERE id = ?", (order,)).fetchone()[0]

    def claim(self, reference: str, number: "str | None" = None) -> int:
        """Posts a notice that claims success, as a forger would."""
        claim = {"code": "0", "reference": reference, "orderNumber": number or self.numbers[reference]}
        return ask("POST", self.address, claim)[0]


def stories(shop: Shop) -> None:
    # Declined, then paid under a new reference; then the first is paid late.
    first = shop.attempt("CPP-1")
    shop.decide(first, "decline")
    assert shop.heard(first, 1) == [200]
    assert shop.state(first) == "FAILED" and shop.paid_by("CPP-1") is None
    second = shop.attempt("CPP-1")
    shop.decide(second, "approve")
    assert shop.heard(second, 1) == [200]
    assert shop.state(second) == "PAID" and shop.paid_by("CPP-1") == second
    shop.decide(first, "approve")
    assert shop.heard(first, 2) == [200, 200]
    assert shop.state(first) == "PAID" and shop.paid_by("CPP-1") == second
    assert shop.said().count("deliver the order") == 1, shop.said()
    assert f"{first} is PAID, and its order was paid already: refund it" in shop.said()

    # Cancelled.
    cancelled = shop.attempt("CPP-2")
    shop.decide(cancelled, "cancel")
    assert shop.heard(cancelled, 1) == [200] and shop.state(cancelled) == "CANCELLED"

    # Twice, and several at the same time.
    twice = shop.attempt("CPP-3")
    shop.decide(twice, "approve", callback=False)
    for _ in range(3):
        control("POST", f"payments/{shop.numbers[twice]}/deliver", {"times": 2})
    assert shop.heard(twice, 6) == [200] * 6
    assert shop.said().count(f"{twice} is PAID: deliver the order") == 1, shop.said()

    # Forged: a claim about a pending payment, and a cheap payment for a dear one.
    dear = shop.attempt("CPP-4", "900")
    assert shop.claim(dear) == 200 and shop.state(dear) == "PENDING"
    assert shop.claim(dear, "other1") == 400
    shop.claim(dear, shop.numbers[twice])
    assert shop.state(dear) == "PENDING" and shop.paid_by("CPP-4") is None

    # What is no notice of ours, and a gateway that cannot be asked.
    assert shop.claim("NOBODYS", "x") == 404
    for body in (b"", b"x", b"{", b"<html>", b"\0"):
        assert ask("POST", shop.address, body)[0] == 400, body
    # Of the parser's limit or the server's.
    assert ask("POST", shop.address, b"a" * 100_000)[0] in (400, 413)
    fault = {"on": "check", "times": None, "action": {"kind": "html", "status": 502}}
    control("POST", "faults", fault)
    assert shop.claim(dear) == 503 and shop.state(dear) == "PENDING"
    control("DELETE", "faults")


def alone(shop: Shop, server: str) -> None:
    """Another server cannot take a part of the notices."""
    port = shop.address.rsplit(":", 1)[1].split("/")[0]
    other = subprocess.run(
        [server, port], env={**os.environ, "SHOP_DATABASE": shop.file}, capture_output=True, text=True, timeout=20
    )
    assert other.returncode == 1 and "the port is taken" in other.stderr, other


def signed(shop: Shop) -> None:
    reference = shop.attempt("CPP-5")  # asked for without a signature
    asked = len(json.loads(control("GET", "requests")))
    assert shop.claim(reference) == 400
    assert len(json.loads(control("GET", "requests"))) == asked, "refused without asking"


def main(server: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Shop(server, folder) as shop:
        stories(shop)
        alone(shop, server)
        assert os.environ["FLEXPAY_TOKEN"] not in shop.said()
    secret = "un secret de la boutique"
    with tempfile.TemporaryDirectory() as folder:
        with Shop(server, folder, FLEXPAY_CALLBACK_SECRET=secret) as shop:
            signed(shop)
    bare = {name: value for name, value in os.environ.items() if name != "SHOP_DATABASE"}
    refused = subprocess.run([server], env=bare, capture_output=True, text=True)
    assert refused.returncode == 1 and "SHOP_DATABASE is not set" in refused.stderr
    lost = {**bare, "SHOP_DATABASE": "/nowhere/shop.sqlite"}
    refused = subprocess.run([server], env=lost, capture_output=True, text=True)
    assert refused.returncode == 1 and "unable to open" in refused.stderr


main(sys.argv[1])
