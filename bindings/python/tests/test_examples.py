"""The examples, run as a shop would run them: what happens to an order, told as stories."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import threading
import types
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import callback_server
import pay as paying
import pytest
import shop as books_of
from conftest import PATIENCE_S, ROOT, Sandbox, eventually

import flexpay
from flexpay import State

EXAMPLES = ROOT / "examples" / "python"
ORDER = ("INVOICE-17", "25.50", "USD")


def run(name: str, environment: Dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def post(url: str, body: bytes) -> int:
    """Posts a callback, as anybody can, and gives the HTTP status of the answer."""
    try:
        with urllib.request.urlopen(url, body, PATIENCE_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class Shop:
    """A shop with its server for callbacks."""

    def __init__(self, sandbox: Sandbox, directory: Path, **settings: str) -> None:
        self.sandbox = sandbox
        self.database = directory / "orders.db"
        self.environment = sandbox.environment(ORDERS=str(self.database), **settings)
        self.server = run("callback_server.py", self.environment, "0")
        assert self.server.stdout is not None
        self.environment["CALLBACK_URL"] = self.server.stdout.readline().strip()

    def ran(self, name: str, *arguments: str, **settings: str) -> Tuple[int, str, str]:
        """The exit status, what the customer is told, and what the operator."""
        process = run(name, {**self.environment, **settings}, *arguments)
        output, errors = process.communicate(timeout=PATIENCE_S)
        return process.returncode, output, errors

    def pay(self, **settings: str) -> Tuple[int, str, str]:
        return self.ran("pay.py", *ORDER, **settings)

    def led(self) -> str:
        """Leads a customer to the card page, and gives the order number."""
        status, output, _ = self.pay()
        assert status == 0
        assert output.startswith("Send the customer to " + self.sandbox.url), output
        return self.order_at(output.split()[-1])

    def order_of(self, reference: str) -> str:
        """The order number that the gateway gave to a payment."""
        return self.found(reference=reference)

    def order_at(self, page: str) -> str:
        return self.found(checkout_url=page)

    def found(self, **wanted: str) -> str:
        payments: List[Dict[str, Any]] = self.sandbox.control("GET", "payments")
        (order,) = [str(one["order_number"]) for one in payments if wanted.items() <= one.items()]
        return order

    def sweep(self, **settings: str) -> Tuple[int, str]:
        status, output, errors = self.ran("sweep.py", **settings)
        assert errors == ""
        return status, output

    def rows(self, query: str) -> List[Any]:
        with closing(sqlite3.connect(self.database)) as database:
            return database.execute(query).fetchall()

    def later(self, by: str = "1 hour") -> None:
        """Lets time pass."""
        with closing(sqlite3.connect(self.database)) as database, database:
            database.execute("UPDATE attempts SET asked_at = datetime(asked_at, ?)", ("-" + by,))

    def attempts(self) -> List[Tuple[str, str]]:
        return self.rows("SELECT reference, state FROM attempts ORDER BY rowid")

    def paid_by(self) -> Optional[str]:
        ((reference,),) = self.rows("SELECT paid_by FROM orders")
        return None if reference is None else str(reference)

    def answers(self, count: int) -> List[int]:
        """What the server answered to so many callbacks."""

        def finished() -> List[int]:
            all_of_them = self.sandbox.control("GET", "callbacks")
            told = [one["reply_status"] for one in all_of_them if one["reply_status"]]
            return told if len(told) >= count else []

        answers: List[int] = eventually(finished)
        return answers

    def log(self) -> List[str]:
        """What the server for callbacks said, which ends with this."""
        self.server.send_signal(signal.SIGINT)
        output, errors = self.server.communicate(timeout=PATIENCE_S)
        assert (self.server.returncode, errors) == (0, "")
        return output.splitlines()


def started(sandbox: Sandbox, directory: Path, secret: str) -> Iterator[Shop]:
    made = Shop(sandbox, directory, FLEXPAY_CALLBACK_SECRET=secret)
    yield made
    if made.server.returncode is None:
        made.log()


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    yield from started(sandbox, tmp_path, "a secret of the shop")


@pytest.fixture
def shop_without_secret(sandbox: Sandbox, tmp_path: Path) -> Iterator[Shop]:
    yield from started(sandbox, tmp_path, "")


def test_twice_and_two_at_once(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.led()
    sandbox.decide(order, "approve")
    (payment,) = sandbox.control("GET", "payments")
    body = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'.encode()

    statuses: List[int] = []
    url = payment["callback_url"]
    posting = [threading.Thread(target=lambda: statuses.append(post(url, body))) for _ in range(4)]
    for thread in posting:
        thread.start()
    for thread in posting:
        thread.join(PATIENCE_S)
    sandbox.control("POST", f"payments/{order}/deliver", {"times": 2})
    assert shop.answers(2) == [200] * 2
    assert statuses == [200] * 4
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]
    assert shop.paid_by() == "INVOICE-17-1"
    # An order that is paid is never asked for again.
    assert shop.pay() == (0, "Order INVOICE-17 is paid.\n", "")
    assert len(sandbox.requests("pay")) == 1
    assert sorted(shop.log()) == [
        "INVOICE-17-1 is PAID: deliver order INVOICE-17",
        *["INVOICE-17-1 stays PAID"] * 5,
    ]


@pytest.mark.parametrize(("decision", "state"), [("decline", "FAILED"), ("cancel", "CANCELLED")])
def test_not_paid_then_paid(sandbox: Sandbox, shop: Shop, decision: str, state: str) -> None:
    sandbox.decide(shop.led(), decision, callback=True)
    assert shop.answers(1) == [200]
    assert shop.attempts() == [("INVOICE-17-1", state)]
    sandbox.decide(shop.led(), "approve", callback=True)
    assert shop.answers(2) == [200, 200]
    assert shop.attempts() == [("INVOICE-17-1", state), ("INVOICE-17-2", "PAID")]
    assert shop.paid_by() == "INVOICE-17-2"
    assert shop.log() == [
        f"INVOICE-17-1 is {state}",
        "INVOICE-17-2 is PAID: deliver order INVOICE-17",
    ]


@pytest.mark.parametrize(("decision", "state"), [("decline", "FAILED"), ("cancel", "CANCELLED")])
def test_not_paid_and_no_callback(sandbox: Sandbox, shop: Shop, decision: str, state: str) -> None:
    order = shop.led()
    sandbox.decide(order, decision)
    # The customer may still be typing, for all that the gateway says.
    status, output, errors = shop.pay()
    assert (status, shop.order_at(output.split()[-1])) == (0, order)
    assert errors == f"INVOICE-17-1 is {state} as yet: this counts after 120 s\n"
    assert shop.sweep() == (0, "")
    assert shop.attempts() == [("INVOICE-17-1", "PENDING")]
    shop.later("2 minutes")
    status, output, errors = shop.pay()
    assert status == 0
    assert output.startswith("Send the customer to ")
    # The gateway was asked before the customer was told anything.
    assert errors == f"INVOICE-17-1 is {state}\n"
    assert shop.attempts() == [("INVOICE-17-1", state), ("INVOICE-17-2", "PENDING")]


def test_paid_late(sandbox: Sandbox, shop: Shop) -> None:
    first = shop.led()
    sandbox.decide(first, "decline", callback=True)
    assert shop.answers(1) == [200]
    sandbox.decide(shop.led(), "approve", callback=True)
    assert shop.answers(2) == [200] * 2
    assert shop.sweep() == (0, "")
    sandbox.decide(first, "approve")
    twice = "INVOICE-17-1 is PAID, and order INVOICE-17 was before: paid twice: refund it"
    assert shop.sweep() == (1, twice + "\n")
    assert shop.sweep() == (0, "")
    sandbox.control("POST", f"payments/{first}/deliver", {})
    assert shop.answers(3) == [200] * 3
    assert shop.attempts() == [("INVOICE-17-1", "PAID"), ("INVOICE-17-2", "PAID")]
    assert shop.paid_by() == "INVOICE-17-2"
    assert shop.log() == [
        "INVOICE-17-1 is FAILED",
        "INVOICE-17-2 is PAID: deliver order INVOICE-17",
        "INVOICE-17-1 stays PAID",
    ]


def test_what_failed_long_ago_is_not_asked_about(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.decide(shop.led(), "decline", callback=True)
    assert shop.answers(1) == [200]
    shop.later("1 day")
    asked = len(sandbox.requests("check"))
    assert shop.sweep() == (0, "")
    assert len(sandbox.requests("check")) == asked


def test_paid_late_and_told_by_a_callback(sandbox: Sandbox, shop: Shop) -> None:
    first = shop.led()
    sandbox.decide(first, "decline", callback=True)
    assert shop.answers(1) == [200]
    sandbox.decide(first, "approve", callback=True)
    assert shop.answers(2) == [200] * 2
    assert shop.paid_by() == "INVOICE-17-1"
    assert shop.pay() == (0, "Order INVOICE-17 is paid.\n", "")
    assert shop.log()[-1] == "INVOICE-17-1 is PAID: deliver order INVOICE-17"


def test_forged(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.led()
    claim = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'.encode()
    # To the address as anybody may guess it, without the signature.
    for query in ("", "?flexpay=1.AAAA"):
        assert post(shop.environment["CALLBACK_URL"] + query, claim) == 400
    # Nobody was asked.
    assert sandbox.requests("check") == []
    assert shop.attempts() == [("INVOICE-17-1", "PENDING")]
    assert all(line.startswith("not about INVOICE-17-1: query") for line in shop.log())


def test_forged_where_there_is_no_secret(shop_without_secret: Shop) -> None:
    shop = shop_without_secret
    order = shop.led()
    url = shop.environment["CALLBACK_URL"]
    # Not paid at all; no order of ours; nothing readable.
    claim = f'{{"code":"0","reference":"INVOICE-17-1","orderNumber":"{order}"}}'
    assert post(url, claim.encode()) == 200
    assert post(url, b'{"code":"0","reference":"MLO-9","orderNumber":"O-9"}') == 404
    assert post(url, b"nonsense") == 400
    assert shop.attempts() == [("INVOICE-17-1", "PENDING")]
    assert shop.log()[0] == "INVOICE-17-1 stays PENDING"


def test_a_notice_of_a_cheap_order_does_not_pay_a_dear_one(
    sandbox: Sandbox, shop_without_secret: Shop
) -> None:
    shop = shop_without_secret
    shop.led()
    assert shop.ran("pay.py", "CHEAP", "1", "USD")[0] == 0
    cheap = shop.order_of("CHEAP-1")
    sandbox.decide(cheap, "approve")
    forged = {"set": {"reference": "INVOICE-17-1"}, "without": ["orderNumber"]}
    sandbox.control("POST", f"payments/{cheap}/deliver", forged)
    assert shop.answers(1) == [200]
    assert shop.attempts() == [("INVOICE-17-1", "PENDING"), ("CHEAP-1", "PENDING")]
    assert shop.log() == ["INVOICE-17-1 stays PENDING"]


def test_never(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.led()
    assert shop.sweep() == (0, "")
    sandbox.decide(order, "approve")  # and no callback is posted
    assert shop.sweep() == (0, "INVOICE-17-1 is PAID: deliver order INVOICE-17\n")
    assert shop.sweep() == (0, "")
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]
    assert shop.paid_by() == "INVOICE-17-1"


def test_the_customer_comes_again(sandbox: Sandbox, shop: Shop) -> None:
    first = shop.led()
    assert shop.led() == first
    assert len(sandbox.requests("pay")) == 1
    status, _, errors = shop.ran("pay.py", "INVOICE-17", "24.00", "USD")
    assert (status, "at another price" in errors) == (1, True)
    sandbox.decide(first, "approve")
    status, output, errors = shop.pay()
    assert (status, output) == (0, "Order INVOICE-17 is paid.\n")
    assert errors == "INVOICE-17-1 is PAID: deliver order INVOICE-17\n"


def test_two_clicks(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    first = run("pay.py", shop.environment, *ORDER)
    sandbox.wait_for_request("pay")
    status, output, _ = shop.pay()
    assert (status, output.split(".")[0]) == (1, "A payment of this order is under way")
    assert len(sandbox.requests("pay")) == 1
    # Whatever happens now, the shop knows that it asked.
    first.kill()
    first.communicate(timeout=PATIENCE_S)
    assert shop.attempts() == [("INVOICE-17-1", "PENDING")]


def test_an_unknown_outcome(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.inject("pay", "reset_after_reading")
    status, output, errors = shop.pay()
    assert (status, "Do NOT pay again" in output) == (1, True)
    assert errors.startswith("CONNECTION (UNKNOWN): ")
    assert shop.attempts() == [("INVOICE-17-1", "PENDING")]
    # Nor may the customer, nor anybody else.
    status, output, _ = shop.pay()
    assert (status, "do not pay again" in output) == (1, True)
    assert len(sandbox.requests("pay")) == 1
    # The callback may bring the order number yet.
    assert shop.sweep() == (0, "")
    shop.later()
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 has no order number: look for this reference in ")
    # It was taken in after all; the callback brings the number, too.
    (payment,) = sandbox.control("GET", "payments")
    sandbox.decide(payment["order_number"], "approve", callback=True)
    assert shop.answers(1) == [200]
    assert shop.rows("SELECT state, order_number FROM attempts") == [
        ("PAID", payment["order_number"])
    ]
    assert shop.log() == ["INVOICE-17-1 is PAID: deliver order INVOICE-17"]


def test_what_a_person_writes_down(sandbox: Sandbox, shop: Shop) -> None:
    text = (EXAMPLES / "sweep.py").read_text(encoding="utf-8")
    number, close = re.findall(r'sqlite3 orders.db "(.*)"', text)

    def write(statement: str, order_number: str = "") -> None:
        filled = statement.replace("NUMBER", order_number).replace("'REFERENCE'", "?")
        with closing(sqlite3.connect(shop.database)) as database, database:
            written = database.execute(filled, (shop.attempts()[-1][0],))
            assert written.rowcount == 1

    sandbox.inject("pay", "reset_after_reading", times=2)
    assert shop.pay()[0] == 1
    write(close)
    assert shop.pay()[0] == 1
    order = shop.order_of("INVOICE-17-2")
    write(number, order)
    sandbox.decide(order, "approve")
    assert shop.sweep() == (0, "INVOICE-17-2 is PAID: deliver order INVOICE-17\n")


NOT_HERE = "Nothing was charged. You cannot pay by card here at the moment.\n"
REFUSED = "Nothing was charged: the payment was refused. Please ask us for another way to pay.\n"
LATER = "Nothing was charged. Please try again in a moment.\n"


@pytest.mark.parametrize(
    ("settings", "words", "code"),
    [
        ({"FLEXPAY_LIBRARY": "/nowhere/libflexpay.so"}, NOT_HERE, "INTERNAL (UNUSABLE)"),
        ({"FLEXPAY_API": "v3"}, NOT_HERE, "INVALID (NOT_SENT)"),
        ({"CALLBACK_URL": "nonsense"}, NOT_HERE, "INVALID (NOT_SENT)"),
        ({"FLEXPAY_TOKEN": "nonsense"}, NOT_HERE, "UNAUTHORIZED (REFUSED)"),
        ({"FLEXPAY_MERCHANT": "NOBODY"}, REFUSED, "REFUSED (REFUSED)"),
        ({"FLEXPAY_PAY_URL": "http://127.0.0.1:1/v1.1/pay"}, LATER, "CONNECT (NOT_SENT)"),
    ],
)
def test_the_customer_is_told_what_is_true(
    sandbox: Sandbox, shop: Shop, settings: Dict[str, str], words: str, code: str
) -> None:
    status, output, errors = shop.pay(**settings)
    assert (status, output) == (1, words)
    assert errors.startswith(code + ": ")
    # When it is mended, the customer can pay.
    sandbox.decide(shop.led(), "approve")
    assert shop.sweep()[1].endswith(": deliver order INVOICE-17\n")
    rows = shop.rows("SELECT state, why FROM attempts ORDER BY rowid")
    for state, why in rows[:-1]:
        assert (state, why in errors) == ("FAILED", True)


def test_a_price_can_be_mended_while_nothing_was_asked(sandbox: Sandbox, shop: Shop) -> None:
    status, output, errors = shop.ran("pay.py", "INVOICE-17", "25,50", "USD")
    assert (status, output) == (1, NOT_HERE)
    assert "amount" in errors
    shop.led()
    assert shop.attempts() == [("INVOICE-17-1", "FAILED"), ("INVOICE-17-2", "PENDING")]


def test_a_name_that_is_too_long(sandbox: Sandbox, shop: Shop) -> None:
    status, output, errors = shop.ran("pay.py", "X" * 24, "1", "USD")
    assert (status, output) == (1, "")
    assert "has 26 characters, and the gateway takes 25: give the order a shorter name" in errors
    assert shop.ran("pay.py", "X" * 23, "1", "USD")[0] == 0
    assert "ORDER AMOUNT CURRENCY" in shop.ran("pay.py")[2]
    assert "For cron" in shop.ran("sweep.py", "--nonsense")[2]


def test_trouble_with_the_gateway_asks_for_another_callback(sandbox: Sandbox, shop: Shop) -> None:
    order = shop.led()
    sandbox.inject("check", "reply", times=None, status=401, body="{}")
    sandbox.decide(order, "approve", callback=True)
    assert shop.answers(1) == [503]
    assert shop.attempts() == [("INVOICE-17-1", "PENDING")]
    status, output = shop.sweep()
    assert (status, output.split(":")[0]) == (1, "UNAUTHORIZED")
    # A customer who comes again is led to the same page.
    assert shop.led() == order
    sandbox.control("DELETE", "faults")
    sandbox.control("POST", f"payments/{order}/deliver", {})
    assert shop.answers(2) == [503, 200]
    assert shop.attempts() == [("INVOICE-17-1", "PAID")]


def test_the_sweep_tells_what_a_person_must_see(sandbox: Sandbox, shop: Shop) -> None:
    shop.led()
    # The order number that is recorded is not one of the gateway's.
    with closing(sqlite3.connect(shop.database)) as database, database:
        ((order,),) = database.execute("SELECT order_number FROM attempts").fetchall()
        database.execute("UPDATE attempts SET order_number = 'O-1'")
    assert shop.sweep() == (0, "")
    shop.later()
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1 is not known to the gateway: ")
    with closing(sqlite3.connect(shop.database)) as database, database:
        database.execute("UPDATE attempts SET order_number = ?", (order,))
        database.execute("UPDATE orders SET amount = '1'")
    status, output = shop.sweep()
    assert status == 1
    assert output.startswith("INVOICE-17-1: MISMATCH: amount: ")
    assert shop.sweep(FLEXPAY_LIBRARY="/nowhere")[1].startswith("INTERNAL: the flexpay library ")


def test_a_page_instead_of_an_address(sandbox: Sandbox, shop: Shop, tmp_path: Path) -> None:
    page = '<form action="https://gwvisa.flexpay.cd/checkout"></form>'
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", status=200, headers=headers, body=page)
    status, output, errors = shop.pay(FLEXPAY_API="v1", TMPDIR=str(tmp_path))
    assert (status, errors) == (0, "")
    (file,) = tmp_path.glob("*.html")
    assert output == f"Open this page in the customer's browser: {file}\n"
    assert file.read_text(encoding="utf-8") == page


def test_the_data_model_is_that_of_php(tmp_path: Path) -> None:
    def columns(schema: str) -> List[Any]:
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript(schema)
            return [
                database.execute(f'SELECT name, type, "notnull" FROM {table}').fetchall()
                for table in ("pragma_table_info('orders')", "pragma_table_info('attempts')")
            ]

    php = ROOT / "examples" / "php" / "schema.sql"
    assert columns(books_of.SCHEMA) == columns(php.read_text(encoding="utf-8"))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Books with one open attempt, in this process."""
    path = tmp_path / "orders.db"
    monkeypatch.setattr(books_of, "ORDERS", str(path))
    with closing(books_of.open_books()) as books:
        assert books_of.enter(books, *ORDER)
        assert books_of.claim(books, ORDER[0]) == "INVOICE-17-1"
    return path


def verdict(state: State, order_number: str = "O-1") -> Any:
    return types.SimpleNamespace(state=state, order_number=order_number)


def overtaken_by(database: Path, state: str) -> sqlite3.Connection:
    """Books where, between the next look and its change, another worker writes this; once."""
    others: List[str] = [state]

    class Overtaken(sqlite3.Connection):
        def __enter__(self) -> Overtaken:
            if others:
                with closing(sqlite3.connect(database)) as other, other:
                    other.execute("UPDATE attempts SET state = ?", (others.pop(),))
            super().__enter__()
            return self

    return sqlite3.connect(database, factory=Overtaken)


def test_a_verdict_overtaken_by_a_provisional_failure_is_not_lost(database: Path) -> None:
    with closing(overtaken_by(database, "FAILED")) as books:
        told = books_of.record(books, "INVOICE-17-1", verdict(State.PAID))
        assert told.word == "INVOICE-17-1 is PAID: deliver order INVOICE-17"
        told = books_of.record(books, "INVOICE-17-1", verdict(State.PAID))
        assert told.word == "INVOICE-17-1 stays PAID"


def test_a_failure_overtaken_by_a_payment_does_not_undo_it(database: Path) -> None:
    with closing(overtaken_by(database, "PAID")) as books:
        told = books_of.record(books, "INVOICE-17-1", verdict(State.FAILED))
        assert told.word == "INVOICE-17-1 stays PAID"


def test_an_order_is_claimed_by_one_attempt(database: Path) -> None:
    with closing(books_of.open_books()) as books:
        assert books_of.claim(books, ORDER[0]) is None
        with pytest.raises(sqlite3.IntegrityError):
            books.execute("INSERT INTO attempts (reference, order_id) VALUES ('X', 'INVOICE-17')")
        books_of.record(books, "INVOICE-17-1", verdict(State.PAID))
        # Nor is one that was paid meanwhile.
        assert books_of.claim(books, ORDER[0]) is None


def test_an_order_number_of_another_attempt(database: Path) -> None:
    with closing(books_of.open_books()) as books:
        books_of.record(books, "INVOICE-17-1", verdict(State.FAILED))
        assert books_of.claim(books, ORDER[0]) == "INVOICE-17-2"
    gateway: Any = types.SimpleNamespace(verify_callback=lambda *_, **__: verdict(State.PAID))
    body = b'{"code":"0","reference":"INVOICE-17-2"}'
    told = callback_server.receive(gateway, body, "")
    assert told == (400, "not about INVOICE-17-2: O-1 is another's")
    with closing(books_of.open_books()) as books:
        states = [one.state for one in books_of.attempts(books, "TRUE")]
    assert states == ["FAILED", "PENDING"]


def test_the_order_number_stands_where_the_reference_belongs(database: Path) -> None:
    with closing(books_of.open_books()) as books, books:
        books.execute("UPDATE attempts SET order_number = 'O-1'")
    asked: List[Dict[str, Any]] = []

    def verify(_: bytes, **expected: Any) -> Any:
        asked.append(expected)
        return verdict(State.PAID)

    gateway: Any = types.SimpleNamespace(verify_callback=verify)
    word = "INVOICE-17-1 is PAID: deliver order INVOICE-17"
    told = callback_server.receive(gateway, b'{"code":"0","reference":"O-1"}', "")
    assert told == (200, word)
    assert [(one["reference"], one["order_number"]) for one in asked] == [("INVOICE-17-1", "O-1")]


@pytest.mark.parametrize("is_taken_in", [True, False])
def test_a_callback_that_is_faster_than_the_reply(
    database: Path, is_taken_in: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(books_of.open_books()) as books:
        books_of.record(books, "INVOICE-17-1", verdict(State.FAILED))

        def pay(reference: str, **_: Any) -> flexpay.Payment:
            books_of.record(books, reference, verdict(State.PAID, "O-2"))
            if is_taken_in:
                return flexpay.Payment("https://a.example/", None, "0", "", None)
            raise flexpay.TimedOutError("late", outcome=flexpay.Outcome.UNKNOWN)

        gateway: Any = types.SimpleNamespace(pay=pay)
        assert paying.pay(gateway, books, *ORDER) == (0 if is_taken_in else 1)
        last = books_of.attempts(books, "TRUE")[-1]
        assert (last.reference, last.order_number, last.state) == ("INVOICE-17-2", "O-2", "PAID")
        assert capsys.readouterr().out
