"""Runs the examples as a shop would run them."""

from __future__ import annotations

import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
import sweep
from conftest import ROOT, TIMEOUT_S, Sandbox, wait_until

import flexpay

EXAMPLES = ROOT / "examples" / "python"
ORDER = ("INVOICE-17", "25.50", "USD")


def start(name: str, environment: Dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def post(url: str, body: bytes) -> int:
    """Posts a callback, as anyone can, and returns the HTTP status of the response."""
    try:
        with urllib.request.urlopen(url, body, TIMEOUT_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class Shop:
    """A shop with its callback server."""

    def __init__(self, sandbox: Sandbox, directory: Path, **settings: str) -> None:
        self.sandbox = sandbox
        self.database = directory / "orders.db"
        self.environment = sandbox.environment(ORDERS=str(self.database), **settings)
        self.server = start("callback_server.py", self.environment, "0")
        assert self.server.stdout is not None
        self.environment["CALLBACK_URL"] = self.server.stdout.readline().strip()

    def run(self, name: str, *arguments: str, **settings: str) -> Tuple[int, str, str]:
        """Returns the exit status, the text for the customer and the text for the operator."""
        process = start(name, {**self.environment, **settings}, *arguments)
        output, errors = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, output, errors

    def pay(self, **settings: str) -> Tuple[int, str, str]:
        return self.run("pay.py", *ORDER, **settings)

    def start_payment(self) -> str:
        """Sends a customer to the card page, and returns the order number."""
        status, output, _ = self.pay()
        assert status == 0
        assert output.startswith("Send the customer to " + self.sandbox.url), output
        return self.order_at(output.split()[-1])

    def order_of(self, reference: str) -> str:
        """The gateway's order number of a payment."""
        return self.find_order(reference=reference)

    def order_at(self, page: str) -> str:
        return self.find_order(checkout_url=page)

    def find_order(self, **fields: str) -> str:
        payments: List[Dict[str, Any]] = self.sandbox.control("GET", "payments")
        (order,) = [str(one["order_number"]) for one in payments if fields.items() <= one.items()]
        return order

    def start_mobile(
        self, *, order: str = ORDER[0], answers: str = "081 234 56 78\n575\n"
    ) -> subprocess.Popen[str]:
        """Starts mobile.py, and answers its questions. It does not wait for the grace period."""
        without_grace = (
            "import flexpay, runpy, sys\n"
            "wait = flexpay.Client.wait\n"
            "flexpay.Client.wait = lambda *order, **named: wait(\n"
            "    *order, interval_ms=20, max_interval_ms=20, failed_grace_ms=20, **named\n"
            ")\n"
            "sys.argv = sys.argv[1:]\n"
            "sys.path.insert(0, sys.argv[0].rpartition('/')[0])\n"
            "runpy.run_path(sys.argv[0], run_name='__main__')\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", without_grace, str(EXAMPLES / "mobile.py"), order],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert process.stdin is not None
        process.stdin.write(answers)
        process.stdin.flush()
        return process

    def push(self, reference: str) -> str:
        """Waits until the customer's phone shows a request; returns the order number."""

        def find() -> Optional[str]:
            payments = self.sandbox.control("GET", "payments")
            found = [one["order_number"] for one in payments if one["reference"] == reference]
            return str(found[0]) if found else None

        order: str = wait_until(find)
        return order

    def sweep(self, **settings: str) -> Tuple[int, str]:
        status, output, errors = self.run("sweep.py", **settings)
        assert errors == ""
        return status, output

    def rows(self, query: str) -> List[Any]:
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute(query).fetchall()

    def age_attempts(self, by: str = "1 hour") -> None:
        """Makes all attempts older."""
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute(
                "UPDATE flexpay_journal"
                " SET created_at = strftime('%Y-%m-%dT%H:%M:%SZ', created_at, ?)",
                ("-" + by,),
            )

    def let_a_minute_pass(self) -> None:
        """As if the last failure was counted a minute ago."""
        failure_at = "json_extract(entry, '$.failure_at') - 60"
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute(
                f"UPDATE flexpay_journal SET entry = json_set(entry, '$.failure_at', {failure_at})"
            )

    def end_leases(self) -> None:
        """As if the time of every sender was over."""
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE flexpay_journal SET lease_until = 0")

    def attempts(self) -> List[Tuple[str, str]]:
        return self.rows("SELECT reference, state FROM flexpay_journal ORDER BY rowid")

    def paid_by(self) -> Optional[str]:
        ((reference,),) = self.rows("SELECT paid_by FROM orders")
        return None if reference is None else str(reference)

    def reply_statuses(self, count: int) -> List[int]:
        """The HTTP statuses of the server's responses, after `count` callbacks."""

        def finished() -> List[int]:
            callbacks = self.sandbox.control("GET", "callbacks")
            statuses = [one["reply_status"] for one in callbacks if one["reply_status"]]
            return statuses if len(statuses) >= count else []

        statuses: List[int] = wait_until(finished)
        return statuses

    def log(self) -> List[str]:
        """Stops the callback server, and returns the lines it printed."""
        self.server.send_signal(signal.SIGINT)
        output, errors = self.server.communicate(timeout=TIMEOUT_S)
        assert (self.server.returncode, errors) == (0, "")
        return output.splitlines()


def new_shop(sandbox: Sandbox, directory: Path, secret: str) -> Iterator[Shop]:
    shop = Shop(sandbox, directory, FLEXPAY_CALLBACK_SECRET=secret)
    yield shop
    if shop.server.returncode is None:
        shop.log()


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    yield from new_shop(sandbox, tmp_path, "a secret of the shop")


@pytest.fixture
def shop_without_secret(sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    yield from new_shop(sandbox, tmp_path, "")


def test_repeated_and_simultaneous_callbacks(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.start_payment()
    sandbox.decide(order, "approve")
    (payment,) = sandbox.control("GET", "payments")
    body = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'.encode()

    statuses: List[int] = []
    url = payment["callback_url"]
    posting = [threading.Thread(target=lambda: statuses.append(post(url, body))) for _ in range(4)]
    for thread in posting:
        thread.start()
    for thread in posting:
        thread.join(TIMEOUT_S)
    sandbox.control("POST", f"payments/{order}/deliver", {"times": 2})
    assert shop.reply_statuses(2) == [200] * 2
    assert statuses == [200] * 4
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]
    assert shop.paid_by() == "INVOICE-17-1"
    # No payment is requested for an order that is paid.
    assert shop.pay() == (0, "Order INVOICE-17 is paid.\n", "")
    assert len(sandbox.requests("pay")) == 1
    assert sorted(shop.log()) == [
        "INVOICE-17-1 is PAID: deliver order INVOICE-17",
        *["INVOICE-17-1 stays PAID"] * 5,
    ]


@pytest.mark.parametrize(("decision", "state"), [("decline", "FAILED"), ("cancel", "CANCELLED")])
def test_not_paid_then_paid(sandbox: Sandbox, shop: Shop, decision: str, state: str) -> None:
    sandbox.decide(shop.start_payment(), decision, callback=True)
    assert shop.reply_statuses(1) == [200]
    assert shop.attempts() == [("INVOICE-17-1", state)]
    shop.age_attempts("2 minutes")
    sandbox.decide(shop.start_payment(), "approve", callback=True)
    assert shop.reply_statuses(2) == [200, 200]
    assert shop.attempts() == [("INVOICE-17-1", state), ("INVOICE-17-2", "PAID")]
    assert shop.paid_by() == "INVOICE-17-2"
    assert shop.log() == [
        f"INVOICE-17-1 is {state}",
        "INVOICE-17-2 is PAID: deliver order INVOICE-17",
    ]


@pytest.mark.parametrize(("decision", "state"), [("decline", "FAILED"), ("cancel", "CANCELLED")])
def test_not_paid_and_no_callback(sandbox: Sandbox, shop: Shop, decision: str, state: str) -> None:
    order = shop.start_payment()
    sandbox.decide(order, decision)
    # The customer may still be typing, whatever the gateway reports.
    status, output, errors = shop.pay()
    assert (status, shop.order_at(output.split()[-1])) == (0, order)
    # The order was checked before the customer saw a message.
    assert errors == f"INVOICE-17-1 is {state}\n"
    assert shop.sweep() == (0, "")
    assert shop.attempts() == [("INVOICE-17-1", state)]
    shop.age_attempts("2 minutes")
    status, output, errors = shop.pay()
    assert (status, errors) == (0, "")
    assert output.startswith("Send the customer to ")
    assert shop.attempts() == [("INVOICE-17-1", state), ("INVOICE-17-2", "ACCEPTED")]


def test_paid_late(sandbox: Sandbox, shop: Shop) -> None:
    first = shop.start_payment()
    sandbox.decide(first, "decline", callback=True)
    assert shop.reply_statuses(1) == [200]
    shop.age_attempts("2 minutes")
    sandbox.decide(shop.start_payment(), "approve", callback=True)
    assert shop.reply_statuses(2) == [200] * 2
    assert shop.sweep() == (0, "")
    sandbox.decide(first, "approve")
    paid_twice = "INVOICE-17-1 is PAID, but order INVOICE-17 was already paid: refund it"
    assert shop.sweep() == (1, paid_twice + "\n")
    assert shop.sweep() == (0, "")
    sandbox.control("POST", f"payments/{first}/deliver", {})
    assert shop.reply_statuses(3) == [200] * 3
    assert shop.attempts() == [("INVOICE-17-1", "PAID"), ("INVOICE-17-2", "PAID")]
    assert shop.paid_by() == "INVOICE-17-2"
    assert shop.log() == [
        "INVOICE-17-1 is FAILED",
        "INVOICE-17-2 is PAID: deliver order INVOICE-17",
        "INVOICE-17-1 stays PAID",
    ]


def test_a_failure_is_checked_ten_times(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.decide(shop.start_payment(), "decline", callback=True)
    assert shop.reply_statuses(1) == [200]
    # Answers within a minute count once.
    assert shop.sweep() == (0, "")
    for _ in range(9):
        shop.let_a_minute_pass()
        assert shop.sweep() == (0, "")
    count = len(sandbox.requests("check"))
    assert count == 11
    assert shop.sweep() == (0, "")
    assert len(sandbox.requests("check")) == count


def test_paid_late_and_reported_by_a_callback(sandbox: Sandbox, shop: Shop) -> None:
    first = shop.start_payment()
    sandbox.decide(first, "decline", callback=True)
    assert shop.reply_statuses(1) == [200]
    sandbox.decide(first, "approve", callback=True)
    assert shop.reply_statuses(2) == [200] * 2
    assert shop.paid_by() == "INVOICE-17-1"
    assert shop.pay() == (0, "Order INVOICE-17 is paid.\n", "")
    assert shop.log()[-1] == "INVOICE-17-1 is PAID: deliver order INVOICE-17"


def test_forged_callbacks(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.start_payment()
    forged = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'.encode()
    # To a URL that an attacker can guess, without the signature.
    for query in ("", "?flexpay=1.AAAA"):
        assert post(shop.environment["CALLBACK_URL"] + query, forged) == 400
    # No check was sent.
    assert sandbox.requests("check") == []
    assert shop.attempts() == [("INVOICE-17-1", "ACCEPTED")]
    assert all(line.startswith("refused: query") for line in shop.log())


def test_forged_callbacks_without_a_secret(shop_without_secret: Shop) -> None:
    shop = shop_without_secret
    order = shop.start_payment()
    url = shop.environment["CALLBACK_URL"]
    # Not paid; not an order of the shop; unreadable.
    forged = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'
    assert post(url, forged.encode()) == 200
    assert post(url, b'{"code":"0","reference":"MLO-9","orderNumber":"O-9"}') == 404
    assert post(url, b"nonsense") == 400
    assert shop.attempts() == [("INVOICE-17-1", "ACCEPTED")]
    assert [line.split(":")[0] for line in shop.log()] == [
        "INVOICE-17-1 stays ACCEPTED",
        "not of this shop",
        "refused",
    ]


def test_a_callback_of_a_cheap_order_does_not_pay_an_expensive_one(
    sandbox: Sandbox, shop_without_secret: Shop
) -> None:
    shop = shop_without_secret
    shop.start_payment()
    assert shop.run("pay.py", "CHEAP", "1", "USD")[0] == 0
    cheap = shop.order_of("CHEAP-1")
    sandbox.decide(cheap, "approve")
    forged = {"set": {"reference": "INVOICE-17-1"}, "without": ["orderNumber"]}
    sandbox.control("POST", f"payments/{cheap}/deliver", forged)
    assert shop.reply_statuses(1) == [200]
    assert shop.attempts() == [("INVOICE-17-1", "ACCEPTED"), ("CHEAP-1", "ACCEPTED")]
    assert shop.log() == ["INVOICE-17-1 stays ACCEPTED"]


def test_no_callback(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.start_payment()
    assert shop.sweep() == (0, "")
    sandbox.decide(order, "approve")  # and no callback is posted
    assert shop.sweep() == (0, "INVOICE-17-1 is PAID: deliver order INVOICE-17\n")
    assert shop.sweep() == (0, "")
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]
    assert shop.paid_by() == "INVOICE-17-1"


def test_the_customer_returns(sandbox: Sandbox, shop: Shop) -> None:
    first = shop.start_payment()
    assert shop.start_payment() == first
    assert len(sandbox.requests("pay")) == 1
    status, _, errors = shop.run("pay.py", "INVOICE-17", "24.00", "USD")
    assert (status, "at another price" in errors) == (1, True)
    sandbox.decide(first, "approve")
    status, output, errors = shop.pay()
    assert (status, output) == (0, "Order INVOICE-17 is paid.\n")
    assert errors == "INVOICE-17-1 is PAID: deliver order INVOICE-17\n"


@pytest.mark.parametrize("price", [("24.00", "USD"), ("25.50", "CDF")])
def test_the_price_changes_while_the_customer_pays(
    sandbox: Sandbox, shop: Shop, price: Tuple[str, str]
) -> None:
    shop.start_payment()
    # Somebody has changed the order.
    with closing(sqlite3.connect(shop.database)) as database, database:
        database.execute("UPDATE orders SET amount = ?, currency = ?", price)
    status, output, errors = shop.run("pay.py", ORDER[0], *price)
    assert (status, output.split(".")[0]) == (1, "A payment of this order is in progress")
    assert errors.startswith("INVALID (NOT_SENT): ")
    assert len(sandbox.requests("pay")) == 1


def test_an_amount_that_is_invalid(sandbox: Sandbox, shop: Shop) -> None:
    status, output, errors = shop.run("pay.py", ORDER[0], "-5", "USD")
    assert (status, output.split(".")[0]) == (1, "Nothing was charged")
    assert errors.startswith("INVALID (NOT_SENT): amount")
    assert sandbox.requests("pay") == []


def test_a_journal_in_a_file_is_refused(sandbox: Sandbox, shop: Shop, tmp_path: Path) -> None:
    status, _, errors = shop.pay(FLEXPAY_JOURNAL=str(tmp_path / "journal.db"))
    assert status == 1
    assert errors.startswith("INVALID (NOT_SENT): journal of the client is set")
    assert sandbox.requests("pay") == []


def test_two_clicks(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    first = start("pay.py", shop.environment, *ORDER)
    sandbox.wait_for_request("pay")
    status, output, _ = shop.pay()
    assert (status, output.split(".")[0]) == (1, "A payment of this order is in progress")
    assert len(sandbox.requests("pay")) == 1
    # Even after a crash, the attempt is recorded.
    first.kill()
    first.communicate(timeout=TIMEOUT_S)
    assert shop.attempts() == [("INVOICE-17-1", "SENDING")]
    shop.end_leases()
    status, output, _ = shop.pay()
    assert (status, output.split(".")[0]) == (1, "A payment of this order is in progress")
    assert shop.attempts() == [("INVOICE-17-1", "IN_DOUBT")]
    assert len(sandbox.requests("pay")) == 1


def test_an_unknown_outcome(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.inject("pay", "reset_after_reading")
    status, output, errors = shop.pay()
    assert (status, "Do NOT pay again" in output) == (1, True)
    assert errors.startswith("CONNECTION (UNKNOWN): ")
    assert shop.attempts() == [("INVOICE-17-1", "IN_DOUBT")]
    # A second attempt is refused.
    status, output, _ = shop.pay()
    assert (status, "do not pay again" in output) == (1, True)
    assert len(sandbox.requests("pay")) == 1
    # The callback may still report the order number.
    assert shop.sweep() == (0, "")
    shop.age_attempts()
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 has no order number: look for this reference in ")
    # The gateway had accepted it; the callback also reports the number.
    (payment,) = sandbox.control("GET", "payments")
    sandbox.decide(payment["order_number"], "approve", callback=True)
    assert shop.reply_statuses(1) == [200]
    assert shop.rows("SELECT state, order_number FROM flexpay_journal") == [
        ("PAID", payment["order_number"])
    ]
    assert shop.log() == ["INVOICE-17-1 is PAID: deliver order INVOICE-17"]


def test_a_person_resolves_attempts(sandbox: Sandbox, shop: Shop) -> None:
    text = (EXAMPLES / "sweep.py").read_text(encoding="utf-8")
    number, not_sent = re.findall(r"python3 (sweep.py --resolve .*)", text)

    def resolve(command: str, order_number: str = "") -> None:
        words = shlex.split(command.replace("NUMBER", order_number))
        assert shop.run(*words) == (0, "", "")

    sandbox.inject("pay", "reply", status=502, body="")
    assert shop.pay()[0] == 1
    resolve(not_sent)
    sandbox.inject("pay", "reset_after_reading")
    assert shop.pay()[0] == 1
    order = shop.order_of("INVOICE-17-1")
    resolve(number, order)
    sandbox.decide(order, "approve")
    assert shop.sweep() == (0, "INVOICE-17-1 is PAID: deliver order INVOICE-17\n")
    # Nobody can take back what the gateway said.
    status, output, _ = shop.run(*shlex.split(not_sent))
    assert (status, output.split(":")[0]) == (1, "INVALID")


ASKED = "Numéro de téléphone : Montant en CDF : "
CONFIRM = "Confirmez le paiement de 575 CDF sur le téléphone 243812345678.\n"
PAID = "La commande INVOICE-17 est payée. Merci !\n"
NOT_PAID = "Le paiement n'a pas abouti. Vous pouvez réessayer dans deux minutes.\n"
IN_PROGRESS = "Le paiement est en cours de confirmation. Ne payez PAS une deuxième fois.\n"


def finished(process: subprocess.Popen[str]) -> Tuple[int, str, str]:
    output, errors = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, output, errors


def test_mobile_money_is_confirmed_and_called_back_twice(sandbox: Sandbox, shop: Shop) -> None:
    till = shop.start_mobile()
    order = shop.push("INVOICE-17-1")
    sandbox.decide(order, "approve", callback=True)
    status, output, errors = finished(till)
    assert (status, output) == (0, ASKED + CONFIRM + PAID)
    assert shop.reply_statuses(1) == [200]
    sandbox.control("POST", f"payments/{order}/deliver", {})
    assert shop.reply_statuses(2) == [200] * 2
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]
    assert shop.paid_by() == "INVOICE-17-1"
    # The till, the callback and its repetition: only one of them delivers.
    lines = [*errors.splitlines(), *shop.log()]
    assert sorted(lines) == [
        "INVOICE-17-1 is PAID: deliver order INVOICE-17",
        *["INVOICE-17-1 stays PAID"] * 2,
    ]
    # An order that is paid is not requested again.
    assert finished(shop.start_mobile()) == (0, "La commande INVOICE-17 est payée.\n", "")
    assert len(sandbox.requests("mobile")) == 1


@pytest.mark.parametrize(
    ("decision", "state"), [("decline", "FAILED"), ("expire", "FAILED"), ("cancel", "CANCELLED")]
)
def test_mobile_money_is_refused_then_paid(
    sandbox: Sandbox, shop: Shop, decision: str, state: str
) -> None:
    till = shop.start_mobile()
    sandbox.decide(shop.push("INVOICE-17-1"), decision)
    assert finished(till) == (1, ASKED + CONFIRM + NOT_PAID, f"INVOICE-17-1 is {state}\n")
    # The gateway may still say that it is paid.
    assert finished(shop.start_mobile()) == (1, NOT_PAID, f"INVOICE-17-1 stays {state}\n")
    # A new attempt, with a new reference.
    shop.age_attempts("2 minutes")
    till = shop.start_mobile()
    sandbox.decide(shop.push("INVOICE-17-2"), "approve")
    status, output, errors = finished(till)
    assert (status, output) == (0, ASKED + CONFIRM + PAID)
    assert errors == "INVOICE-17-2 is PAID: deliver order INVOICE-17\n"
    assert shop.attempts() == [("INVOICE-17-1", state), ("INVOICE-17-2", "PAID")]


def test_a_refusal_that_is_called_back_first(sandbox: Sandbox, shop: Shop) -> None:
    # The callback server has recorded the refusal before the till begins to wait.
    till = shop.start_mobile(answers="082 000 00 05\n575\n")
    status, output, _ = finished(till)
    assert (status, output.endswith(NOT_PAID)) == (1, True)
    assert shop.attempts() == [("INVOICE-17-1", "FAILED")]


def test_mobile_money_with_an_unknown_outcome(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.inject("mobile", "reply", status=502, body="Bad Gateway")
    status, output, errors = finished(shop.start_mobile())
    assert (status, output) == (1, ASKED + IN_PROGRESS)
    assert errors.startswith("GATEWAY (UNKNOWN): ")
    assert shop.attempts() == [("INVOICE-17-1", "IN_DOUBT")]
    # Nothing is sent again, and no question is asked.
    assert finished(shop.start_mobile()) == (1, IN_PROGRESS, "")
    # Not by card either.
    status, output, _ = shop.run("pay.py", ORDER[0], "575", "CDF")
    assert (status, "do not pay again" in output) == (1, True)
    assert len(sandbox.requests("mobile")) == 1
    assert sandbox.requests("pay") == []
    shop.age_attempts()
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 has no order number: look for this reference in ")


@pytest.mark.parametrize("other", ["card", "phone", "amount"])
def test_two_tills_ask_for_different_payments(sandbox: Sandbox, shop: Shop, other: str) -> None:
    till = shop.start_mobile(answers="")
    # It is at its first question: it has seen no attempt yet.
    assert till.stdin is not None
    assert till.stdout is not None
    question = "Numéro de téléphone : "
    assert till.stdout.read(len(question)) == question
    if other == "card":
        assert shop.run("pay.py", ORDER[0], "575", "CDF")[0] == 0
    else:
        phone = "081 234 56 79" if other == "phone" else "081 234 56 78"
        first = shop.start_mobile(answers=f"{phone}\n575\n")
        shop.push("INVOICE-17-1")
        sandbox.wait_for_request("check")
        first.kill()
        first.communicate(timeout=TIMEOUT_S)
    amount = "600" if other == "amount" else "575"
    # Somebody has changed the order.
    with closing(sqlite3.connect(shop.database)) as database, database:
        database.execute("UPDATE orders SET amount = ?", (amount,))
    till.stdin.write(f"081 234 56 78\n{amount}\n")
    till.stdin.flush()
    status, output, errors = finished(till)
    assert (status, output.endswith(IN_PROGRESS)) == (1, True)
    assert "débité" not in output
    assert errors.startswith("INVALID (NOT_SENT): ")
    assert len(sandbox.requests("mobile")) == (0 if other == "card" else 1)


def test_the_callback_reports_an_unknown_outcome(sandbox: Sandbox, shop: Shop) -> None:
    # The gateway had accepted it, and the customer confirms it.
    sandbox.inject("mobile", "reset_after_reading")
    assert finished(shop.start_mobile())[:2] == (1, ASKED + IN_PROGRESS)
    sandbox.decide(shop.push("INVOICE-17-1"), "approve", callback=True)
    assert shop.reply_statuses(1) == [200]
    assert shop.log() == ["INVOICE-17-1 is PAID: deliver order INVOICE-17"]
    assert len(sandbox.requests("mobile")) == 1


def test_the_till_is_started_again_while_the_customer_confirms(
    sandbox: Sandbox, shop: Shop
) -> None:
    first = shop.start_mobile()
    order = shop.push("INVOICE-17-1")
    sandbox.wait_for_request("check")
    first.kill()
    first.communicate(timeout=TIMEOUT_S)
    # It waits for the same attempt.
    second = shop.start_mobile()
    sandbox.decide(order, "approve")
    status, output, errors = finished(second)
    assert (status, output) == (0, PAID)
    assert errors == "INVOICE-17-1 is PAID: deliver order INVOICE-17\n"
    assert len(sandbox.requests("mobile")) == 1


def test_mobile_money_and_no_till_and_no_callback(sandbox: Sandbox, shop: Shop) -> None:
    till = shop.start_mobile()
    order = shop.push("INVOICE-17-1")
    sandbox.wait_for_request("check")
    till.kill()
    till.communicate(timeout=TIMEOUT_S)
    sandbox.decide(order, "approve")
    assert shop.sweep() == (0, "INVOICE-17-1 is PAID: deliver order INVOICE-17\n")


def test_a_wrong_phone_number_is_asked_again(sandbox: Sandbox, shop: Shop) -> None:
    till = shop.start_mobile(answers="tel: 0812345678\n0820000003\n575\n")
    status, output, errors = finished(till)
    assert status == 1
    assert "Ce n'est pas un numéro de la RDC. Exemple : 081 234 56 78\n" in output
    assert errors.startswith("phone: ")
    # The sandbox's customer without money.
    assert output.endswith("Rien n'a été débité. Paiement refusé : Insufficient funds\n")
    assert shop.attempts() == [("INVOICE-17-1", "REFUSED")]


def test_a_forged_callback_of_another_kind(sandbox: Sandbox, shop: Shop) -> None:
    till = shop.start_mobile()
    order = shop.push("INVOICE-17-1")
    sandbox.wait_for_request("check")
    till.kill()
    till.communicate(timeout=TIMEOUT_S)
    url = sandbox.control("GET", f"payments/{order}")["callback_url"]
    body = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'.encode()
    with closing(sqlite3.connect(shop.database)) as database, database:
        database.execute("UPDATE flexpay_journal SET entry = replace(entry, 'MOBILE', 'CARD')")
    # The address was signed for a mobile payment.
    assert post(url, body) == 400
    assert shop.log()[0].startswith("refused: query")


UNAVAILABLE = "Nothing was charged. You cannot pay by card here at the moment.\n"
REFUSED = "Nothing was charged: the payment was refused. Please ask us for another way to pay.\n"
LATER = "Nothing was charged. Please try again in a moment.\n"


@pytest.mark.parametrize(
    ("settings", "output_text", "code"),
    [
        ({"FLEXPAY_LIBRARY": "/nowhere/libflexpay.so"}, UNAVAILABLE, "INTERNAL (UNUSABLE)"),
        ({"FLEXPAY_API": "v3"}, UNAVAILABLE, "INVALID (NOT_SENT)"),
        ({"CALLBACK_URL": "nonsense"}, UNAVAILABLE, "INVALID (NOT_SENT)"),
        ({"FLEXPAY_TOKEN": "nonsense"}, UNAVAILABLE, "UNAUTHORIZED (REFUSED)"),
        ({"FLEXPAY_MERCHANT": "UNKNOWN"}, REFUSED, "REFUSED (REFUSED)"),
        ({"FLEXPAY_PAY_URL": "http://127.0.0.1:1/v1.1/pay"}, LATER, "CONNECT (NOT_SENT)"),
    ],
)
def test_the_customer_sees_the_right_message(
    sandbox: Sandbox, shop: Shop, settings: Dict[str, str], output_text: str, code: str
) -> None:
    status, output, errors = shop.pay(**settings)
    assert (status, output) == (1, output_text)
    assert errors.startswith(code + ": ")
    # After the error is corrected, the customer can pay.
    sandbox.decide(shop.start_payment(), "approve")
    assert shop.sweep()[1].endswith(": deliver order INVOICE-17\n")
    # A new reference only if the gateway had refused the first one.
    was_refused = "(REFUSED)" in code
    last = ("INVOICE-17-2" if was_refused else "INVOICE-17-1", "PAID")
    assert shop.attempts() == [("INVOICE-17-1", "REFUSED")] * was_refused + [last]


def test_a_price_can_be_corrected_before_a_request_was_sent(sandbox: Sandbox, shop: Shop) -> None:
    status, output, errors = shop.run("pay.py", "INVOICE-17", "25,50", "USD")
    assert (status, output) == (1, UNAVAILABLE)
    assert "amount" in errors
    shop.start_payment()
    assert shop.attempts() == [("INVOICE-17-1", "ACCEPTED")]


def test_a_name_that_is_too_long(sandbox: Sandbox, shop: Shop) -> None:
    status, output, errors = shop.run("pay.py", "X" * 24, "1", "USD")
    assert (status, output) == (1, "")
    assert "has 26 characters, but the gateway accepts at most 25: give the order a" in errors
    assert shop.run("pay.py", "X" * 23, "1", "USD")[0] == 0
    assert "ORDER AMOUNT CURRENCY" in shop.run("pay.py")[2]
    assert "For cron" in shop.run("sweep.py", "--nonsense")[2]


def test_a_gateway_failure_requests_another_callback(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.start_payment()
    sandbox.inject("check", "reply", times=None, status=401, body="{}")
    sandbox.decide(order, "approve", callback=True)
    assert shop.reply_statuses(1) == [503]
    assert shop.attempts() == [("INVOICE-17-1", "ACCEPTED")]
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 UNAUTHORIZED: ")
    assert output.splitlines()[1].startswith("Not all attempts were checked: ")
    # A customer who returns is sent to the same page.
    assert shop.start_payment() == order
    sandbox.control("DELETE", "faults")
    sandbox.control("POST", f"payments/{order}/deliver", {})
    assert shop.reply_statuses(2) == [503, 200]
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]


def test_the_sweep_reports_what_a_person_must_do(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.start_payment()

    def change_entry(old: str, new: str) -> None:
        with closing(sqlite3.connect(shop.database)) as database, database:
            database.execute("UPDATE flexpay_journal SET entry = replace(entry, ?, ?)", (old, new))

    # The recorded order number is unknown to the gateway.
    change_entry(order, "O-1")
    assert shop.sweep() == (0, "")
    shop.age_attempts()
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 NOT_FOUND: ")
    change_entry('"O-1"', f'"{order}"')
    change_entry("25.50", "1")
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 MISMATCH: amount: ")
    assert shop.sweep(FLEXPAY_LIBRARY="/nowhere")[1].startswith("INTERNAL: the flexpay library ")


def test_a_page_instead_of_a_url(sandbox: Sandbox, shop: Shop, tmp_path: Path) -> None:
    page = '<form action="https://gwvisa.flexpay.cd/checkout"></form>'
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", status=200, headers=headers, body=page)
    status, output, errors = shop.pay(FLEXPAY_API="v1", TMPDIR=str(tmp_path))
    assert (status, errors) == (0, "")
    (file,) = tmp_path.glob("*.html")
    assert output == f"Open this page in the customer's browser: {file}\n"
    assert file.read_text(encoding="utf-8") == page


def test_a_program_that_ends_before_it_delivers(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.start_payment()
    sandbox.decide(order, "approve")
    # The state is recorded, and nothing is delivered yet.
    settle = (
        "import flexpay, shop\n"
        "with flexpay.Client.from_env() as client, shop.open_shop() as opened:\n"
        "    print(opened.store.settle(client, 'INVOICE-17-1').state.name)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", settle],
        env={**shop.environment, "PYTHONPATH": f"{EXAMPLES}:{shop.environment['PYTHONPATH']}"},
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert process.stdout == b"PAID\n"
    assert shop.paid_by() is None
    assert shop.sweep() == (0, "INVOICE-17-1 is PAID: deliver order INVOICE-17\n")
    assert shop.paid_by() == "INVOICE-17-1"
    assert shop.sweep() == (0, "")


def test_a_second_order_is_reported() -> None:
    entry = flexpay.Settlement(
        reference="INVOICE-17-1",
        kind=flexpay.Kind.CARD,
        state=flexpay.EntryState.PAID,
        changed=False,
        to_deliver=True,
        is_open=False,
        amount="25.50",
        currency="USD",
        phone=None,
        order_number="O-1",
        other_order_number="O-2",
        redirect_url=None,
        page=None,
        last_answer="PAID",
        resolved_by=None,
        resolved_why=None,
        created_at=datetime.now(timezone.utc),
        changed_at=datetime.now(timezone.utc),
    )
    assert sweep.what_a_person_must_do(entry) == "has a second order, O-2: refund it if it is paid"
    assert sweep.what_a_person_must_do(replace(entry, other_order_number=None)) is None
