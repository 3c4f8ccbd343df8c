"""Runs the README's snippets and commands unchanged, and tests what it says about them."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple
from urllib.parse import urlsplit

import pytest
from conftest import ORDER, ROOT, TIMEOUT_S, WALLET, Sandbox, python, read_env_file, wait_until
from readme import TEXT, blocks, commands, snippet
from test_errors import closed_port

import flexpay
from flexpay import Client, InvalidError, MismatchError, Outcome, State
from flexpay.journal import DbApiStore

SECRET = "0123456789abcdef"


def test_every_block_has_a_test_here() -> None:
    assert [heading for heading, _ in blocks("python")] == [
        "A first payment",
        "Mobile money",
        "Payouts",
        "The callback",
        "The journal",
        "In the shop's own database",
        "For cron",
        "Errors",
        "What a call did",
        "asyncio, gevent, interruptions",
        "asyncio, gevent, interruptions",
    ]
    # packaging/check/wheels.sh runs those of "Install", and test_install.py those of "From source".
    assert [heading for heading, _ in blocks("console")] == [
        "Install",
        "From source",
        "A first payment",
        "A first payment",
        "The callback",
        "The callback secret",
        "On the command line",
    ]
    assert TEXT.count("```") == 2 * (11 + 7)


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Dict[str, Any]:
    """A folder and an environment without settings: the README loads them from a file."""
    # An older sandbox writes this file without `export`.
    settings = sandbox.env_file.read_text(encoding="utf-8")
    exported = re.sub(r"^(?!export )", "export ", settings.rstrip(), flags=re.M)
    (tmp_path / "flexpay.env").write_text(exported, encoding="utf-8")
    activate = tmp_path / "venv" / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    # It only makes `python` the interpreter of this test.
    activate.write_text(f"PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH\n")
    variables = sandbox.environment()
    environment = {k: v for k, v in variables.items() if k not in sandbox.settings}
    return {"cwd": tmp_path, "env": environment}


def run_commands(lines: List[str], shell: Dict[str, Any]) -> str:
    """Runs commands in a shell that stops at the first failure, and returns their output."""
    done = subprocess.Popen(
        ["sh", "-ec", "\n".join(lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        **shell,
    )
    output: str = done.communicate(timeout=TIMEOUT_S)[0]
    assert done.returncode == 0, output
    return output


def only_payment(sandbox: Sandbox) -> Dict[str, Any]:
    """Waits for a payment in the sandbox, and returns it. There must be only one."""
    payments: List[Dict[str, Any]] = wait_until(lambda: sandbox.control("GET", "payments"))
    (payment,) = payments
    return payment


def test_the_sandbox_is_started(tmp_path: Path) -> None:
    build, start, *_ = commands("A first payment")
    assert build == "make sandbox"
    assert re.search(r"^sandbox:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    program, *arguments = shlex.split(start)
    assert program == "target/debug/flexpay-sandbox"
    ports = ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
    process = subprocess.Popen(
        [os.environ["SANDBOX_BIN"], *arguments, *ports], cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    try:
        settings = read_env_file(wait_until(lambda: next(tmp_path.glob("flexpay.env"), None)))
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)
    assert {"FLEXPAY_MERCHANT", "FLEXPAY_TOKEN", "FLEXPAY_PAY_URL", "FLEXPAY_CHECK_URL"} < set(
        settings
    )
    assert settings["FLEXPAY_API"] == "v1.1"


def test_the_first_payment(sandbox: Sandbox, shell: Dict[str, Any]) -> None:
    lines = commands("A first payment")[2:]
    output = run_commands(lines, shell)
    assert "✓ token at the gateway: accepted" in output
    assert "✗" not in output
    (shell["cwd"] / "first.py").write_text(snippet("A first payment"), encoding="utf-8")
    run = subprocess.Popen(
        ["sh", "-ec", "\n".join([*lines[:2], "exec python first.py"])],
        stdout=subprocess.PIPE,
        text=True,
        **shell,
    )
    payment = only_payment(sandbox)
    sandbox.decide(payment["order_number"], "approve")
    output, _ = run.communicate(timeout=TIMEOUT_S)
    assert run.returncode == 0
    assert output == f"Send the customer to {payment['checkout_url']}\nPaid: 25.50 USD\n"
    assert "it prints `Paid: 25.50 USD`" in TEXT


def test_the_first_payment_is_declined(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    script = snippet("A first payment").replace("client.wait(order, ", "wait(client, order, ")
    without_grace = (
        "import flexpay\n"
        "def wait(client, order, **named):\n"
        "    return client.wait(order, failed_grace_ms=1, **named)\n"
    )
    run = python(without_grace + script, sandbox.environment())
    sandbox.decide(only_payment(sandbox)["order_number"], "decline")
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, errors) == (0, "")
    assert output.endswith("\nNot paid: FAILED\n")
    # "Half a minute later": the default of failed_grace_ms.
    assert "failed_grace_ms: how long the state must stay FAILED" in str(Client.wait.__doc__)
    assert "None: 30 000;" in str(Client.wait.__doc__)


def test_the_first_payment_and_a_page(sandbox: Sandbox) -> None:
    page = "<form action='https://gwvisa.flexpay.cd/checkout'></form>"
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", status=200, headers=headers, body=page)
    run = python(snippet("A first payment"), sandbox.environment(FLEXPAY_API="v1"))
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, errors) == (0, "")
    assert output.startswith(f"Send this page to the customer's browser: {page}\n")
    assert output.endswith("there is no order number: the callback reports the outcome.\n")


@pytest.mark.parametrize(
    ("phone", "result"),
    [("01", "Paid: 575.00 CDF with mpesa"), ("05", "Not paid: FAILED")],
)
def test_mobile_money(sandbox: Sandbox, phone: str, result: str) -> None:
    script = snippet("Mobile money").replace("082 000 00 01", "082 000 00 " + phone)
    without_grace = (
        "import flexpay\n"
        "wait = flexpay.Client.wait\n"
        "flexpay.Client.wait = lambda *order, **named: wait(*order, failed_grace_ms=1, **named)\n"
    )
    output, errors = python(without_grace + script, sandbox.environment()).communicate(
        timeout=TIMEOUT_S
    )
    assert (output, errors) == (result + "\n", "")
    assert "`Paid: 575.00 CDF with mpesa`" in TEXT
    assert "300 000 for a mobile payment" in str(Client.wait.__doc__)  # "five minutes"
    assert f'`"{flexpay.normalize_phone("082 000 00 01")}"`' in TEXT


def test_a_payout(sandbox: Sandbox) -> None:
    script = snippet("Payouts")
    run = python(script, sandbox.environment(FLEXPAY_ALLOW_PAYOUT="1"))
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert errors == ""
    number, result = output.splitlines()
    assert number == f"Order number: {sandbox.control('GET', 'payments')[0]['order_number']}"
    assert result == "The beneficiary has the money."
    _, errors = python(script, sandbox.environment()).communicate(timeout=TIMEOUT_S)
    assert "InvalidError: allow_payout" in errors
    assert len(sandbox.requests("payout")) == 1


def test_the_trace(sandbox: Sandbox) -> None:
    run = python(snippet("What a call did"), sandbox.environment(FLEXPAY_TRACE="1"))
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, output) == (0, "TIMEOUT\n")
    (line,) = errors.splitlines()
    assert line.startswith("ERROR: wait failed: ")
    assert "'correlation_id': 'till-3-17:02:11', 'steps': [{'ms': " in line


def test_the_callback(sandbox: Sandbox, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    names: Dict[str, Any] = {}
    exec(snippet("The callback"), names)
    receive = names["receive"]
    assert receive(client, b"nonsense", "") == 400
    assert receive(client, b'{"code":"0","reference":"MLO-9"}', "") == 400
    order = client.pay(reference="MLO-1", **ORDER).order_number
    body = f'{{"code":"0","reference":"MLO-1","orderNumber":"{order}"}}'.encode()
    assert receive(client, body, "") == 200
    assert capsys.readouterr().out == ""
    sandbox.decide(str(order), "approve")
    sandbox.inject("check", "reply", times=2, status=401, body="{}")
    assert receive(client, body, "") == 503
    assert receive(client, body, "") == 200
    assert capsys.readouterr().out == "Paid: MLO-1\n"
    with sandbox.client(callback_secret=SECRET) as signing:
        assert receive(signing, body, "flexpay=1.AAAA") == 400


def test_the_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = sandbox.environment(FLEXPAY_JOURNAL=str(tmp_path / "journal.db"))
    run = python(snippet("The journal"), environment)
    assert run.communicate(timeout=TIMEOUT_S) == ("Deliver MLO-7\n", "")
    # Again: nothing is sent, and nothing is delivered.
    run = python(snippet("The journal"), environment)
    assert run.communicate(timeout=TIMEOUT_S) == ("", "")
    sandbox.inject("mobile", "reset_after_reading")
    run = python(snippet("The journal").replace("MLO-7", "MLO-9"), environment)
    assert "ConnectionLostError" in run.communicate(timeout=TIMEOUT_S)[1]
    output, errors = python(snippet("The journal"), environment).communicate(timeout=TIMEOUT_S)
    assert (output, errors) == ("Look in FlexPay's merchant console for MLO-9\n", "")
    assert len(sandbox.requests("mobile")) == 2


def test_the_journal_in_a_database(sandbox: Sandbox, tmp_path: Path) -> None:
    for _ in range(2):
        run = python(
            snippet("In the shop's own database"), sandbox.environment(), cwd=str(tmp_path)
        )
        assert run.communicate(timeout=TIMEOUT_S) == ("", "")
        with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
            assert database.execute("SELECT * FROM orders").fetchall() == [("MLO-8", 1)]
    assert len(sandbox.requests("mobile")) == 1


def test_reconciling_from_cron(sandbox: Sandbox, tmp_path: Path) -> None:
    def reconcile(**settings: str) -> Tuple[List[str], str, int]:
        run = python(snippet("For cron"), sandbox.environment(**settings), cwd=str(tmp_path))
        output, errors = run.communicate(timeout=TIMEOUT_S)
        # It begins at a random entry.
        return sorted(output.splitlines()), errors, run.returncode

    connection = sqlite3.connect(tmp_path / "shop.db")
    with closing(connection), sandbox.client() as client:
        store = DbApiStore(connection)
        store.create_tables()
        # This customer confirms at once; the next one never does.
        at_once = {**WALLET, "phone": "082 000 00 01"}
        store.pay_mobile(client, reference="R-1", **at_once)
        sandbox.inject("mobile", "reset_after_reading")
        with pytest.raises(flexpay.ConnectionLostError):
            store.pay_mobile(client, reference="R-2", **WALLET)
        in_doubt = "Look in FlexPay's merchant console for R-2"
        assert reconcile() == ([in_doubt, "To deliver: R-1"], "", 0)
        store.acknowledge("R-1")
        store.pay_mobile(client, reference="R-3", **WALLET)
        (first, second), errors, status = reconcile(FLEXPAY_CHECK_URL="http://127.0.0.1:1/check")
        assert first == in_doubt
        assert second.startswith("R-3 CONNECT: ")
        assert errors.startswith("Not every payment was asked about: CONNECT: ")
        assert status == 1


def test_a_callback_url_on_localhost(sandbox: Sandbox, client: Client) -> None:
    order = {**ORDER, "callback_url": "http://127.0.0.1:8000/callback"}
    client.pay(reference="R-1", **order)
    sandbox.control("PATCH", "quirks", {"refuse_private_callbacks": True})
    try:
        with pytest.raises(flexpay.RefusedError):
            client.pay(reference="R-2", **order)
    finally:
        sandbox.control("PATCH", "quirks", {"refuse_private_callbacks": False})


def test_the_examples(sandbox: Sandbox, shell: Dict[str, Any]) -> None:
    """Runs a copy: the examples write their database to the current folder."""
    examples = shell["cwd"] / "examples" / "python"
    examples.mkdir(parents=True)
    for file in (ROOT / "examples" / "python").glob("*.py"):
        (examples / file.name).write_bytes(file.read_bytes())
    port = str(closed_port())
    *lines, serve = [line.replace("8000", port) for line in commands("The callback")]
    settings = [*commands("A first payment")[2:4], *lines[:3]]
    # In one shell, so that the secret is the same for both programs.
    both = subprocess.Popen(
        ["sh", "-ec", "\n".join([*settings, *lines[3:], "exec " + serve])],
        stdout=subprocess.PIPE,
        text=True,
        **shell,
    )
    try:
        assert both.stdout is not None
        assert both.stdout.readline().startswith("Send the customer to " + sandbox.url)
        assert both.stdout.readline() == f"http://127.0.0.1:{port}/callback\n"
        payment = only_payment(sandbox)
        assert re.search(r"\?flexpay=1\.[\w-]{43}$", payment["callback_url"])
        sandbox.decide(payment["order_number"], "approve", callback=True)
        line = both.stdout.readline()
    finally:
        both.terminate()
        both.wait(TIMEOUT_S)
        both.communicate()
    assert f"the server prints `{line.strip()}`" in TEXT

    (examples / "orders.db").unlink()
    sandbox.control("POST", "clear")
    run_commands([*settings, *lines[3:]], shell)
    sandbox.decide(only_payment(sandbox)["order_number"], "approve")
    assert run_commands([*settings, "python sweep.py"], shell) == line


@pytest.fixture
def signing(sandbox: Sandbox) -> Iterator[Client]:
    with sandbox.client(callback_secret=SECRET) as client:
        yield client


def test_creating_a_secret(shell: Dict[str, Any]) -> None:
    (line,) = commands("The callback secret")
    secret = run_commands([*commands("A first payment")[2:3], line], shell).strip()
    assert re.fullmatch(r"[0-9a-f]{64}", secret)
    Client(merchant="M", token="t", callback_secret=secret).close()
    with pytest.raises(InvalidError) as caught:
        Client(merchant="M", token="t", callback_secret=SECRET[1:])
    assert caught.value.field == "callback_secret"


def test_the_callback_secret(sandbox: Sandbox, signing: Client) -> None:
    expected = {"amount": "25.50", "currency": "USD"}

    def request_payment(
        client: Client, reference: str, callback_url: str = ORDER["callback_url"]
    ) -> Any:
        order = client.pay(reference=reference, **{**ORDER, "callback_url": callback_url})
        (payment,) = [
            one
            for one in sandbox.control("GET", "payments")
            if one["order_number"] == order.order_number
        ]
        query = urlsplit(payment["callback_url"]).query
        body = f'{{"code":"0","reference":"{reference}","orderNumber":"{order.order_number}"}}'
        return order.order_number, body.encode(), query

    order, body, query = request_payment(signing, "R-1")
    assert re.fullmatch(r"flexpay=1\.[\w-]+", query)
    _, _, query_of_another = request_payment(signing, "R-2")
    _, _, longer = request_payment(signing, "R-3", "https://shop.example/callback?lang=fr")
    assert longer.startswith("lang=fr&flexpay=1.")
    with pytest.raises(InvalidError) as caught:
        request_payment(signing, "R-4", "https://shop.example/callback?flexpay=1")
    assert caught.value.field == "callback_url"

    # verify_callback requires a query; a wrong one is a forgery. No check is sent.
    with pytest.raises(InvalidError) as caught:
        signing.verify_callback(body, reference="R-1", **expected)
    assert caught.value.field == "query"
    for forged in ("", "a=b", query_of_another):
        with pytest.raises(MismatchError) as refused:
            signing.verify_callback(body, reference="R-1", query=forged, **expected)
        assert (refused.value.field, refused.value.outcome) == ("query", Outcome.NOT_SENT)
    assert sandbox.requests("check") == []

    # A valid signature does not mean paid.
    transaction = signing.verify_callback(body, reference="R-1", query=query, **expected)
    assert transaction.state is State.PENDING
    assert len(sandbox.requests("check")) == 1

    # The new secret with the old one, and without it.
    new = "fedcba9876543210"
    with sandbox.client(callback_secret=new, callback_secret_previous=SECRET) as changed:
        changed.verify_callback(body, reference="R-1", query=query, **expected)
    with sandbox.client(callback_secret=new) as changed:
        with pytest.raises(MismatchError):
            changed.verify_callback(body, reference="R-1", query=query, **expected)
        found = changed.verify_order(reference="R-1", order_number=order, **expected)
        assert found.state is State.PENDING

    # A payment that was requested without a secret.
    with sandbox.client() as unsigned:
        order, body, query = request_payment(unsigned, "R-5")
    assert query == ""
    with pytest.raises(MismatchError):
        signing.verify_callback(body, reference="R-5", query=query, **expected)
    assert signing.verify_order(reference="R-5", order_number=order, **expected)


def test_the_secret_in_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r"FLEXPAY_CALLBACK_SECRET\w*", TEXT):
        monkeypatch.setenv(name, "short")
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidError) as caught:
        Client.from_env()
    assert caught.value.field == "callback_secret"
    monkeypatch.setenv("FLEXPAY_CALLBACK_SECRET", SECRET)
    with pytest.raises(InvalidError) as caught:
        Client.from_env()
    assert caught.value.field == "callback_secret_previous"


def test_errors(sandbox: Sandbox) -> None:
    def output_lines(**settings: str) -> List[str]:
        run = python(snippet("Errors"), sandbox.environment(**settings))
        output, errors = run.communicate(timeout=TIMEOUT_S)
        assert (run.returncode, errors) == (0, "")
        assert sandbox.token not in output
        return output.splitlines()

    error, advice = output_lines()
    assert error.startswith("INVALID amount amount")
    assert advice.startswith("Nothing was charged. You cannot pay by card here")
    error, advice = output_lines(FLEXPAY_LIBRARY="/nowhere/libflexpay.so")
    assert error.startswith("INTERNAL None the flexpay library")
    assert advice.startswith("Nothing was charged. You cannot pay by card here")


@pytest.mark.parametrize(
    ("fault", "settings", "advice"),
    [
        ({"kind": "reset_after_reading"}, {}, "We do not know yet"),
        ({"kind": "reply", "status": 422, "body": "{}"}, {}, "Nothing was charged: the payment"),
        ({}, {"FLEXPAY_PAY_URL": "http://127.0.0.1:1/v1.1/pay"}, "Nothing was charged. Please try"),
    ],
)
def test_errors_of_a_valid_amount(
    sandbox: Sandbox, fault: Dict[str, Any], settings: Dict[str, str], advice: str
) -> None:
    if fault:
        sandbox.inject("pay", **fault)
    script = snippet("Errors").replace("25,50", "25.50")
    run = python(script, sandbox.environment(**settings))
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, errors) == (0, "")
    assert output.splitlines()[1].startswith(advice)


def test_all_built_ins_and_outcomes_are_documented() -> None:
    kinds = [kind for _, kind in inspect.getmembers(flexpay, inspect.isclass)]
    built_in = {
        base.__name__
        for kind in kinds
        if issubclass(kind, flexpay.FlexPayError)
        for base in kind.__bases__
        if base.__module__ == "builtins"
    }
    (sentence,) = re.findall(r"also a matching built-in: (.*?)\.", TEXT)
    assert set(re.findall(r"`(\w+)`", sentence)) == built_in - {"Exception"}
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", TEXT, re.M)) == {one.name for one in Outcome}


def test_the_command_line(sandbox: Sandbox, shell: Dict[str, Any]) -> None:
    settings = commands("A first payment")[2:4]
    doctor, pay, mobile, check, wait, parse, show_help = commands("On the command line")
    output = run_commands([*settings, doctor, pay], shell)
    order = only_payment(sandbox)["order_number"]
    assert re.search(f"Order number +{order}\n", output)
    sandbox.decide(order, "approve")
    (shell["cwd"] / "body.json").write_text('{"code":"0","reference":"MLO-3"}')
    check, wait = (line.replace("ORDER_NUMBER", order) for line in (check, wait))
    result = json.loads(run_commands([*settings, check], shell))
    assert result["ok"]["state"] == "PAID"
    assert run_commands([*settings, wait], shell).startswith("PAID\n")
    assert re.search("Reference +MLO-3\n", run_commands([*settings, parse], shell))
    assert "Order number" in run_commands([*settings, mobile], shell)
    output = run_commands([*settings, show_help], shell)
    assert re.search(r"^  0   success; for check, wait.*: the order is PAID\.$", output, re.M)
    assert "\n  9   the outcome is UNKNOWN" in output


@pytest.mark.parametrize(
    ("option", "endpoints"),
    [
        ("", {"pay", "mobile", "check"}),
        ("--without-token", {"pay", "mobile"}),
        ("--offline", set()),
    ],
)
def test_what_the_doctor_sends(
    sandbox: Sandbox, shell: Dict[str, Any], option: str, endpoints: Set[str]
) -> None:
    settings = commands("A first payment")[2:4]
    run_commands([*settings, f"{commands('On the command line')[0]} {option}"], shell)
    requests = sandbox.control("GET", "requests")
    assert {one["endpoint"] for one in requests} == endpoints
    for one in requests:
        assert ("authorization" in dict(one["headers"])) is (one["endpoint"] == "check")
        assert one["body"] in ("", "{}")
    assert sandbox.control("GET", "payments") == []


def test_asyncio(sandbox: Sandbox) -> None:
    (first, _) = [block for heading, block in blocks("python") if heading.startswith("asyncio")]
    run = python(first, sandbox.environment())
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, errors) == (0, "")
    assert output == only_payment(sandbox)["checkout_url"] + "\n"


@pytest.mark.parametrize("patch", ["", "from gevent import monkey; monkey.patch_all()"])
def test_gevent(sandbox: Sandbox, patch: str) -> None:
    sandbox.inject("pay", "delay", ms=500, times=2)
    script = f"""
{patch}
import gevent, urllib.request
from flexpay import Client
turns = []
def work():
    while True:
        gevent.sleep(0.001)
        turns.append(1)
gevent.spawn(work)
with Client.from_env() as client:
    client.pay(reference="R-1", **{ORDER!r})
    # No other greenlet ran.
    assert turns == []
{snippet("asyncio, gevent, interruptions")}
assert len(turns) > 10, turns
assert get_hub().threadpool.maxsize == 10
def in_pool(method, *arguments, **named):
    return get_hub().threadpool.apply(method, arguments, named)
expected = {{"reference": "MLO-5", "amount": "25.50", "currency": "USD"}}
body = b'{{"code":"0","reference":"MLO-5"}}'
number = payment.order_number
with Client.from_env() as client:
    assert in_pool(client.check, number).reference == "MLO-5"
    assert in_pool(client.verify_order, order_number=number, **expected).state.name == "PENDING"
    in_pool(client.verify_callback, body, order_number=number, **expected)
    approval = urllib.request.Request(
        f"{sandbox.url}/sandbox/api/payments/{{number}}/decide",
        b'{{"decision":"approve","callback":false}}',
        {{"Content-Type": "application/json"}},
    )
    urllib.request.urlopen(approval).close()
    print(in_pool(client.wait, number).state.name)
"""
    run = python(script, sandbox.environment())
    output, errors = run.communicate(timeout=TIMEOUT_S)
    assert (run.returncode, errors) == (0, "")
    found = {one["checkout_url"]: one["reference"] for one in sandbox.control("GET", "payments")}
    page, waited = output.splitlines()
    assert (found[page], waited) == ("MLO-5", "PAID")
