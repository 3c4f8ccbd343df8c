"""Tests the example callback_server with sales of the example till: declined, paid late, forged or reported twice.

    callback_server.py SERVER TILL     (reads the sandbox's settings from the environment)
"""

import base64
import contextlib
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


def signed(address: str, secret: str, reference: str, kind: str) -> str:
    """The callback address of a payment of 25.50 USD, with its signature."""
    text = f"flexpay callback 1.\n{len(reference)}:{reference}\n2550\nUSD\n{kind}"
    tag = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return address + "?flexpay=1." + base64.urlsafe_b64encode(tag).decode().rstrip("=")


class Shop:
    """The journal, the till that writes sales to it, and the callback server."""

    def __init__(self, server: str, till: str, folder: str, **settings: str) -> None:
        self.till = till
        self.journal = f"{folder}/till.db"
        self.settings = settings
        self.log = open(f"{folder}/log", "w+", encoding="utf-8")
        self.server = subprocess.Popen(
            [server, "0"], env=self.environment(), stdout=self.log, stderr=subprocess.STDOUT
        )
        while not self.output().strip():
            assert self.server.poll() is None
            time.sleep(0.02)
        self.address = self.output().split()[0]

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.terminate()
        self.server.wait()
        self.log.close()

    def environment(self) -> "dict[str, str]":
        return {**os.environ, "FLEXPAY_JOURNAL": self.journal, **self.settings}

    def output(self) -> str:
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def sell(
        self, reference: str, amount: str = "25.50", phone: str = "", callback: str = "", signs: bool = True
    ) -> str:
        """The till requests a payment, and loses power while the customer pays. `callback` is a callback address
        instead of the server's. Returns what the till printed."""
        environment = {**self.environment(), "TILL_CALLBACK_URL": callback or self.address}
        if not signs:
            environment.pop("FLEXPAY_CALLBACK_SECRET", None)
        arguments = [self.till, reference, amount, "USD"] + ([phone] if phone else [])
        till = subprocess.Popen(
            arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        printed = ""
        while "Send the customer to " not in printed and "The customer confirms " not in printed:
            line = till.stdout.readline()
            assert line, printed
            printed += line
        till.kill()
        till.wait()
        till.stdout.close()
        return printed

    def start_till(self, reference: str, amount: str = "25.50") -> "tuple[int, str]":
        """The till is given a sale that is settled. Returns its exit status, and what it printed."""
        arguments = [self.till, reference, amount, "USD"]
        ended = subprocess.run(
            arguments, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return ended.returncode, ended.stdout

    def order_number(self, reference: str) -> str:
        (number,) = self.read("order_number", reference)
        return number

    def state(self, reference: str) -> str:
        (state,) = self.read("state", reference)
        return state

    def read(self, column: str, reference: str) -> "tuple[str]":
        with contextlib.closing(sqlite3.connect(self.journal)) as journal:
            return journal.execute(f"SELECT {column} FROM entries WHERE reference = ?", (reference,)).fetchone()

    def reply_statuses(self, reference: str, count: int) -> "list[int]":
        """Waits for `count` callbacks about a sale. Returns the statuses of the server's replies."""
        number = self.order_number(reference)
        while True:
            callbacks = json.loads(control("GET", f"callbacks?order={number}"))
            done = [callback["reply_status"] for callback in callbacks if callback["reply_status"]]
            assert not any(callback["error"] for callback in callbacks), callbacks
            if len(done) >= count:
                return done
            time.sleep(0.02)

    def decide(self, reference: str, decision: str, callback: bool = True) -> None:
        body = {"decision": decision, "callback": callback}
        control("POST", f"payments/{self.order_number(reference)}/decide", body)

    def deliveries(self, reference: str) -> int:
        return self.output().count(f"{reference} is PAID: deliver it\n")

    def post_claim(self, reference: str, number: "str | None" = None) -> int:
        """Posts a callback that claims success, as an attacker would."""
        claim = {"code": "0", "reference": reference, "orderNumber": number or self.order_number(reference)}
        return send("POST", self.address, claim)[0]


def test_payments(shop: Shop) -> None:
    # Declined, and then paid late.
    shop.sell("CPP-1")
    shop.decide("CPP-1", "decline")
    assert shop.reply_statuses("CPP-1", 1) == [200]
    assert shop.state("CPP-1") == "FAILED" and shop.deliveries("CPP-1") == 0
    shop.decide("CPP-1", "approve")
    assert shop.reply_statuses("CPP-1", 2) == [200, 200]
    assert shop.state("CPP-1") == "PAID" and shop.deliveries("CPP-1") == 1, shop.output()

    # Cancelled.
    shop.sell("CPP-2")
    shop.decide("CPP-2", "cancel")
    assert shop.reply_statuses("CPP-2", 1) == [200] and shop.state("CPP-2") == "CANCELLED"

    # By mobile money: refused on the phone, then confirmed under a new reference.
    for reference, decision, state in [("CPP-6", "decline", "FAILED"), ("CPP-7", "approve", "PAID")]:
        shop.sell(reference, "25.5", phone="0812345678")
        shop.decide(reference, decision)
        assert shop.reply_statuses(reference, 1) == [200] and shop.state(reference) == state
    assert (shop.deliveries("CPP-6"), shop.deliveries("CPP-7")) == (0, 1), shop.output()

    # Callbacks repeated, and several at the same time. Then the till is given the same sale again.
    shop.sell("CPP-3")
    shop.decide("CPP-3", "approve", callback=False)
    for _ in range(3):
        control("POST", f"payments/{shop.order_number('CPP-3')}/deliver", {"times": 2})
    assert shop.reply_statuses("CPP-3", 6) == [200] * 6
    assert shop.deliveries("CPP-3") == 1, shop.output()
    status, printed = shop.start_till("CPP-3")
    assert status == 4 and "Hand over the goods" not in printed, printed

    # The till was first: the callback delivers nothing.
    shop.sell("CPP-5")
    shop.decide("CPP-5", "approve", callback=False)
    _, printed = shop.start_till("CPP-5")
    assert printed.count("Hand over the goods of CPP-5") == 1, printed
    control("POST", f"payments/{shop.order_number('CPP-5')}/deliver", {"times": 1})
    assert shop.reply_statuses("CPP-5", 1) == [200] and shop.deliveries("CPP-5") == 0

    # Forged: a claim about a pending payment, and a cheap payment for an expensive order.
    shop.sell("CPP-4", "900")
    assert shop.post_claim("CPP-4") == 200 and shop.state("CPP-4") == "ACCEPTED"
    assert shop.post_claim("CPP-4", "other1") == 503, "an order that the gateway does not know, or not yet"
    assert shop.post_claim("CPP-4", shop.order_number("CPP-3")) == 400
    assert shop.state("CPP-4") == "ACCEPTED" and shop.deliveries("CPP-4") == 0

    # Callbacks that are not for this shop or cannot be parsed, and a gateway that does not work.
    assert shop.post_claim("UNKNOWN", "x") == 404
    for body in (b"", b"x", b"{", b"<html>", b"\0"):
        assert send("POST", shop.address, body)[0] == 400, body
    # Refused by the parser's limit or by the server's.
    assert send("POST", shop.address, b"a" * 100_000)[0] in (400, 413)
    fault = {"on": "check", "times": None, "action": {"kind": "html", "status": 502}}
    control("POST", "faults", fault)
    assert shop.post_claim("CPP-4") == 503 and shop.state("CPP-4") == "ACCEPTED"
    control("DELETE", "faults")


def test_port_taken(shop: Shop, server: str) -> None:
    """A second server cannot use the same port and receive some of the callbacks."""
    port = shop.address.rsplit(":", 1)[1].split("/")[0]
    other = subprocess.run([server, port], env=shop.environment(), capture_output=True, text=True, timeout=20)
    assert other.returncode == 1 and "the port is taken" in other.stderr, other


def test_signed_addresses(shop: Shop, secret: str) -> None:
    shop.sell("CPP-11", signs=False)
    requests_before = len(json.loads(control("GET", "requests")))
    assert shop.post_claim("CPP-11") == 400
    assert len(json.loads(control("GET", "requests"))) == requests_before, "refused without a check"

    # The kind is signed: the same address with the signature of the other kind is refused.
    wrong = signed(shop.address, secret, "CPP-12", "CARD")
    shop.sell("CPP-12", "25.5", phone="0812345678", callback=wrong, signs=False)
    shop.decide("CPP-12", "approve")
    assert shop.reply_statuses("CPP-12", 1) == [400] and shop.state("CPP-12") == "ACCEPTED"

    # As the till signs it.
    shop.sell("CPP-13", "25.5", phone="0812345678")
    shop.decide("CPP-13", "approve")
    assert shop.reply_statuses("CPP-13", 1) == [200] and shop.deliveries("CPP-13") == 1


def test_no_journal(server: str) -> None:
    """A server that cannot record anything does not start."""
    without = {name: value for name, value in os.environ.items() if name != "FLEXPAY_JOURNAL"}
    for settings in ({}, {"FLEXPAY_JOURNAL": "/nowhere/till.db"}):
        refused = subprocess.run([server, "0"], env={**without, **settings}, capture_output=True, text=True)
        assert refused.returncode == 1 and "journal" in refused.stderr, refused


def main(server: str, till: str) -> None:
    with tempfile.TemporaryDirectory() as folder, Shop(server, till, folder) as shop:
        test_payments(shop)
        test_port_taken(shop, server)
        assert os.environ["FLEXPAY_TOKEN"] not in shop.output()
    secret = "un secret de la boutique"
    with tempfile.TemporaryDirectory() as folder:
        with Shop(server, till, folder, FLEXPAY_CALLBACK_SECRET=secret) as shop:
            test_signed_addresses(shop, secret)
    test_no_journal(server)


main(sys.argv[1], sys.argv[2])
