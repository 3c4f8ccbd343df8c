"""The examples, run as a shop would run them."""

from __future__ import annotations

import importlib.util
import json
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import types
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from conftest import ORDER, PACKAGE, PATIENCE_S, ROOT, Sandbox, eventually, python

from flexpay import State

EXAMPLES = ROOT / "examples" / "python"


def run(name: str, environment: Dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Shop:
    """A shop with its server for callbacks."""

    def __init__(self, sandbox: Sandbox, directory: Path, **settings: str) -> None:
        self.sandbox = sandbox
        self.orders = directory / "orders.db"
        self.environment = sandbox.environment(ORDERS=str(self.orders), **settings)
        self.server = run("callback_server.py", self.environment, "0")
        assert self.server.stdout is not None
        self.environment["CALLBACK_URL"] = self.server.stdout.readline().strip()

    def buy(self, reference: str) -> Tuple[subprocess.Popen[str], str]:
        """A payment under way, and its order number."""
        buying = run("pay.py", self.environment, reference, "25.50", "USD")
        assert buying.stdout is not None
        line = buying.stdout.readline()
        assert line.startswith("Send the customer to " + self.sandbox.url), line
        url = line.split()[-1]
        payments: List[Dict[str, Any]] = self.sandbox.control("GET", "payments")
        (order,) = [one["order_number"] for one in payments if one["checkout_url"] == url]
        # The example writes it down before it prints.
        assert self.rows()[-1] == (reference, order, "PENDING")
        return buying, order

    def rows(self) -> List[Tuple[str, str, str]]:
        with closing(sqlite3.connect(self.orders)) as database:
            return database.execute("SELECT reference, order_number, state FROM orders").fetchall()

    def answers(self, count: int) -> List[int]:
        """What the server answered to so many callbacks."""

        def finished() -> List[int]:
            all_of_them = self.sandbox.control("GET", "callbacks")
            told = [one["reply_status"] for one in all_of_them if one["reply_status"]]
            return told if len(told) >= count else []

        answers: List[int] = eventually(finished)
        return answers

    def close(self) -> str:
        self.server.send_signal(signal.SIGINT)
        output, errors = self.server.communicate(timeout=PATIENCE_S)
        assert (self.server.returncode, errors) == (0, "")
        return output


@pytest.fixture(params=["", "a secret of the shop"])
def shop(sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    made = Shop(sandbox, tmp_path, FLEXPAY_CALLBACK_SECRET=request.param)
    yield made
    if made.server.returncode is None:
        made.close()


def test_an_order_is_paid_once(sandbox: Sandbox, shop: Shop) -> None:
    buying, order = shop.buy("MLO-1")
    sandbox.decide(order, "approve", callback=True)
    assert shop.answers(1) == [200]
    sandbox.control("POST", f"payments/{order}/deliver", {"times": 3})
    assert shop.answers(4) == [200] * 4
    assert shop.rows() == [("MLO-1", order, "PAID")]

    output, errors = buying.communicate(timeout=PATIENCE_S)
    assert (buying.returncode, output, errors) == (0, "PAID: 25.50 USD\n", "")
    assert shop.close().splitlines() == [
        "order 'MLO-1' is PAID: deliver it",
        *["order 'MLO-1' stays PAID"] * 3,
    ]


def test_forged_callbacks_change_nothing(sandbox: Sandbox, shop: Shop) -> None:
    buying, order = shop.buy("MLO-1")
    claim = {"code": "0", "reference": "MLO-1"}
    deliver = f"payments/{order}/deliver"
    # Not paid at all; another order's number; no order of ours; nothing readable.
    sandbox.control("POST", deliver, {"set": claim})
    assert shop.answers(1) == [200]
    sandbox.control("POST", deliver, {"set": {"reference": "MLO-9", "orderNumber": "O-9"}})
    assert shop.answers(2)[1:] == [404]
    raw = {"content_type": "text/plain", "body": "nonsense"}
    sandbox.control("POST", deliver, {"raw": raw})
    assert shop.answers(3)[2:] == [400]
    assert shop.rows() == [("MLO-1", order, "PENDING")]
    buying.send_signal(signal.SIGINT)
    buying.communicate(timeout=PATIENCE_S)


def test_a_callback_of_a_cheap_order_does_not_pay_a_dear_one(sandbox: Sandbox, shop: Shop) -> None:
    buying, order = shop.buy("MLO-1")
    with sandbox.client() as client:
        cheap = client.pay(
            reference="MLO-1-cheap",
            amount=1,
            currency="USD",
            callback_url=shop.environment["CALLBACK_URL"],
            approve_url="https://shop.example/a",
            cancel_url="https://shop.example/b",
            decline_url="https://shop.example/c",
        ).order_number
        assert cheap is not None
    sandbox.decide(cheap, "approve")
    forged = {"set": {"reference": "MLO-1"}}
    sandbox.control("POST", f"payments/{cheap}/deliver", forged)
    assert shop.answers(1) == [400]
    assert shop.rows() == [("MLO-1", order, "PENDING")]
    buying.send_signal(signal.SIGINT)
    buying.communicate(timeout=PATIENCE_S)


def test_trouble_with_the_gateway_asks_for_another_callback(sandbox: Sandbox, shop: Shop) -> None:
    buying, order = shop.buy("MLO-1")
    buying.kill()
    buying.communicate(timeout=PATIENCE_S)
    sandbox.control(
        "POST",
        "faults",
        {"on": "check", "times": None, "action": {"kind": "reply", "status": 401, "body": "{}"}},
    )
    sandbox.decide(order, "approve", callback=True)
    assert shop.answers(1) == [503]
    assert shop.rows() == [("MLO-1", order, "PENDING")]
    sandbox.control("DELETE", "faults")
    sandbox.control("POST", f"payments/{order}/deliver", {})
    assert shop.answers(2) == [503, 200]
    assert shop.rows() == [("MLO-1", order, "PAID")]


def test_a_notice_overtaken_by_a_provisional_failure_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("served", EXAMPLES / "callback_server.py")
    assert spec is not None
    assert spec.loader is not None
    served = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(served)
    database = tmp_path / "orders.db"
    monkeypatch.setattr(served, "ORDERS", str(database))
    with closing(sqlite3.connect(database)) as orders, orders:
        orders.execute("CREATE TABLE orders (reference, amount, currency, order_number, state)")
        row = ("MLO-1", "25.50", "USD", "O-1", "PENDING")
        orders.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", row)

    class Overtaken(sqlite3.Connection):
        """Between this one's look and its change, another worker writes a failure; once."""

        is_done = False

        def __enter__(self) -> Overtaken:
            if not Overtaken.is_done:
                Overtaken.is_done = True
                with closing(sqlite3.connect(database)) as other, other:
                    other.execute("UPDATE orders SET state = 'FAILED'")
            super().__enter__()
            return self

    monkeypatch.setattr(
        served, "sqlite3", types.SimpleNamespace(connect=lambda path: Overtaken(path))
    )
    asked: List[Dict[str, Any]] = []

    class Gateway:
        def verify_callback(self, body: bytes, **expected: Any) -> Any:
            asked.append(expected)
            return types.SimpleNamespace(state=State.PAID)

    # The order number stands where the reference belongs.
    body = b'{"code":"0","reference":"O-1"}'
    answer = (200, "order 'MLO-1' is PAID: deliver it")
    assert served.receive(Gateway(), body, "") == answer
    assert Overtaken.is_done
    assert [one["reference"] for one in asked] == ["MLO-1"]
    assert served.receive(Gateway(), body, "") == (200, "order 'MLO-1' stays PAID")


@pytest.mark.parametrize(
    ("field", "value"), [("amount", "1.00"), ("currency", "CDF"), ("reference", "MLO-9")]
)
def test_paid_is_only_what_was_asked_for(
    sandbox: Sandbox, shop: Shop, field: str, value: str
) -> None:
    buying, order = shop.buy("MLO-1")
    found = {"orderNumber": order, "reference": "MLO-1", "amount": "25.50", "currency": "USD"}
    transaction = {**found, field: value, "status": "0"}
    told = json.dumps({"code": "0", "message": "ok", "transaction": transaction})
    sandbox.inject("check", "reply", times=None, status=200, body=told)
    output, errors = buying.communicate(timeout=PATIENCE_S)
    assert (buying.returncode, output) == (1, "")
    assert errors.startswith(f"MISMATCH: {field}: expected ")
    assert value in errors


def test_a_page_instead_of_an_address(sandbox: Sandbox, shop: Shop, tmp_path: Path) -> None:
    page = '<form action="https://gwvisa.flexpay.cd/checkout"></form>'
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", status=200, headers=headers, body=page)
    environment = {**shop.environment, "FLEXPAY_API": "v1", "TMPDIR": str(tmp_path)}
    buying = run("pay.py", environment, "MLO-1", "25.50", "USD")
    output, errors = buying.communicate(timeout=PATIENCE_S)
    assert (buying.returncode, errors) == (0, "")
    (file,) = tmp_path.glob("*.html")
    assert output.startswith(f"Open this page in the customer's browser: {file}\n")
    assert file.read_text(encoding="utf-8") == page


def test_a_reference_is_not_used_twice(sandbox: Sandbox, shop: Shop) -> None:
    buying, order = shop.buy("MLO-1")
    sandbox.decide(order, "approve")
    buying.communicate(timeout=PATIENCE_S)
    again = run("pay.py", shop.environment, "MLO-1", "25.50", "USD")
    _, errors = again.communicate(timeout=PATIENCE_S)
    assert (again.returncode, errors) == (1, "The reference MLO-1 was used before.\n")
    assert len(sandbox.requests("pay")) == 1


def test_an_unknown_outcome_is_said(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.inject("pay", "reset_after_reading")
    buying = run("pay.py", shop.environment, "MLO-1", "25.50", "USD")
    _, errors = buying.communicate(timeout=PATIENCE_S)
    assert buying.returncode == 1
    assert errors.startswith("CONNECTION: ")
    assert "do NOT ask again" in errors
    usage = run("pay.py", shop.environment)
    assert "REFERENCE AMOUNT CURRENCY" in usage.communicate(timeout=PATIENCE_S)[1]


def test_the_readme(sandbox: Sandbox, tmp_path: Path) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    script, _ = re.findall(r"```python\n(.*?)```", text, re.S)
    reading = python(script, sandbox.environment(), cwd=tmp_path)
    sandbox.wait_for_request("check")
    (payment,) = sandbox.control("GET", "payments")
    sandbox.decide(payment["order_number"], "approve")
    output, errors = reading.communicate(timeout=PATIENCE_S)
    assert (reading.returncode, errors) == (0, "")
    assert output.endswith("\nPaid: 25.50 USD\n")


def test_the_readme_and_a_page(sandbox: Sandbox, tmp_path: Path) -> None:
    page = "<form action='https://gwvisa.flexpay.cd/checkout'></form>"
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", status=200, headers=headers, body=page)
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    script, _ = re.findall(r"```python\n(.*?)```", text, re.S)
    reading = python(script, sandbox.environment(FLEXPAY_API="v1"), cwd=tmp_path)
    output, errors = reading.communicate(timeout=PATIENCE_S)
    assert (reading.returncode, errors) == (0, "")
    assert output.startswith(f"Answer the customer's browser with this page: {page}\n")
    assert output.endswith("there is no order number: the callback brings the outcome.\n")


@pytest.mark.parametrize("patch", ["", "from gevent import monkey; monkey.patch_all()"])
def test_the_readme_on_gevent(sandbox: Sandbox, patch: str) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    _, snippet = re.findall(r"```python\n(.*?)```", text, re.S)
    sandbox.inject("pay", "delay", ms=1000)
    script = f"""
{patch}
import gevent, time
from flexpay import Client
order = {{"reference": "R-1", **{ORDER!r}}}
turns = []
def work():
    while True:
        gevent.sleep(0.01)
        turns.append(time.monotonic())
gevent.spawn(work)
with Client.from_env() as client:
    turns.clear()
    begun = time.monotonic()
{textwrap.indent(snippet, "    ")}
    ended = time.monotonic()
assert ended - begun >= 1
# The longest time that the other greenlet stood still, on a slow machine.
longest = max(after - before for before, after in zip([begun, *turns], [*turns, ended]))
assert longest < 0.8, longest
print(payment.order_number)
"""
    calling = python(script, sandbox.environment())
    output, errors = calling.communicate(timeout=PATIENCE_S)
    assert (calling.returncode, errors) == (0, "")
    (payment,) = sandbox.control("GET", "payments")
    assert output == payment["order_number"] + "\n"
