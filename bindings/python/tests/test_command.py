"""`python -m flexpay`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest
from conftest import TIMEOUT_S, URLS, Sandbox

import flexpay
from flexpay import _command

URL_OPTIONS = [
    argument for name, url in URLS.items() for argument in ("--" + name.replace("_", "-"), url)
]
PAY = ["pay", "--reference", "R-1", "--amount", "25.50", "--currency", "USD", *URL_OPTIONS]


def start(sandbox: Sandbox, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flexpay", *arguments],
        env=sandbox.environment(**environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(sandbox: Sandbox, status: int, *arguments: str, stdin: str = "", **environment: str) -> str:
    """Runs a command, and returns its output, or its error output if there is no output."""
    process = start(sandbox, *arguments, **environment)
    output, errors = process.communicate(stdin, timeout=TIMEOUT_S)
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    return output or errors


def run_json(sandbox: Sandbox, status: int, *arguments: str, stdin: str = "") -> Dict[str, Any]:
    result: Dict[str, Any] = json.loads(run(sandbox, status, *arguments, "--json", stdin=stdin))
    return result


def test_pay_and_check(sandbox: Sandbox) -> None:
    payment = run_json(sandbox, 0, *PAY)
    assert payment["redirect_url"].startswith(sandbox.url)
    order = payment["order_number"]
    sandbox.decide(order, "approve")
    transaction = run_json(sandbox, 0, "check", order)
    assert transaction["state"] == "PAID"
    assert transaction["amount"] == "25.50"
    assert transaction["amount_minor"] == 2550
    output = run(sandbox, 0, "check", order).splitlines()
    assert "state: PAID" in output
    assert "amount: 25.50" in output
    assert not any(line.startswith("raw") for line in output)


WALLET = [
    *("--amount", "575", "--currency", "CDF", "--phone", "081 234 56 78"),
    *("--callback-url", URLS["callback_url"]),
]


def test_mobile_money(sandbox: Sandbox) -> None:
    payment = run_json(sandbox, 0, "pay-mobile", "--reference", "R-1", *WALLET)
    order = payment["order_number"]
    sandbox.decide(order, "approve")
    expected = ["--reference", "R-1", "--amount", "575", "--currency", "CDF", "--kind", "mobile"]
    assert run_json(sandbox, 0, "wait", order, *expected)["state"] == "PAID"
    assert "--kind requires --reference" in run(sandbox, 2, "wait", order, *expected[6:])


def test_payout(sandbox: Sandbox) -> None:
    payout = ["payout", "--reference", "P-1", *WALLET]
    assert run(sandbox, 1, *payout).startswith("INVALID: allow_payout")
    assert sandbox.requests("payout") == []
    output = run(sandbox, 0, *payout, FLEXPAY_ALLOW_PAYOUT="1").splitlines()
    assert output[0].startswith("order_number: ")


def test_the_trace_is_printed(sandbox: Sandbox) -> None:
    output = run(sandbox, 0, *PAY, FLEXPAY_TRACE="1").splitlines()
    (line,) = [line for line in output if line.startswith("trace: ")]
    assert json.loads(line.partition(" ")[2])["call"] == "pay"
    # Nothing is logged in addition.
    message, gateway_message, trace = run(
        sandbox, 1, "check", "unknown", FLEXPAY_TRACE="1"
    ).splitlines()
    assert message.startswith("NOT_FOUND: ")
    assert gateway_message.startswith("gateway message: ")
    assert json.loads(trace.partition(" ")[2])["call"] == "check"


def test_errors(sandbox: Sandbox) -> None:
    error = run_json(sandbox, 1, "check", "unknown")["error"]
    assert (error["code"], error["outcome"], error["gateway_code"]) == ("NOT_FOUND", "REFUSED", "1")
    assert "NOT_FOUND: " in run(sandbox, 1, "check", "unknown")
    output = run(sandbox, 1, "check", "unknown", FLEXPAY_TOKEN="")
    assert output.startswith("INVALID: FLEXPAY_TOKEN")
    assert output.endswith("(outcome: NOT_SENT)\n")
    assert "usage:" in run(sandbox, 2)
    assert "usage:" in run(sandbox, 2, "pay")


def test_wait(sandbox: Sandbox) -> None:
    order = run_json(sandbox, 0, *PAY)["order_number"]
    expected = ["--reference", "R-1", "--amount", "25.5", "--currency", "USD"]
    output = run(sandbox, 4, "wait", order, "--timeout", "1", *expected)
    assert output.startswith("TIMEOUT: ")
    sandbox.decide(order, "approve")
    assert run_json(sandbox, 0, "wait", order)["state"] == "PAID"
    assert "state: PAID" in run(sandbox, 0, "wait", order, *expected).splitlines()
    other = [*expected[:3], "26", *expected[4:]]
    assert run(sandbox, 1, "wait", order, *other).startswith("MISMATCH: amount")
    assert "give all or none" in run(sandbox, 2, "wait", order, *expected[:4])
    for wrong in ("0", "-1", "1.5", "soon", "9" * 9):
        assert "whole number of seconds" in run(sandbox, 2, "wait", order, "--timeout", wrong)


def test_wait_for_a_payment_that_is_cancelled(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order = run_json(sandbox, 0, *PAY)["order_number"]
    sandbox.decide(order, "cancel")
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    wait = flexpay.Client.wait
    monkeypatch.setattr(  # so that the test does not wait for the grace period
        flexpay.Client, "wait", lambda *a, **named: wait(*a, **named, failed_grace_ms=1)
    )
    assert _command.main(["wait", order]) == 3
    assert "state: CANCELLED\n" in capsys.readouterr().out


def test_version(sandbox: Sandbox) -> None:
    library = os.environ["FLEXPAY_LIBRARY"]
    output = run(sandbox, 0, "--version")
    assert output == f"flexpay {flexpay.__version__}\nlibrary {flexpay.__version__}, {library}\n"
    process = start(sandbox, "--version", FLEXPAY_LIBRARY="/nowhere/libflexpay.so")
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output) == (1, f"flexpay {flexpay.__version__}\n")
    assert "could not be loaded from /nowhere/libflexpay.so: " in errors


def test_help_is_in_sentences() -> None:
    def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for one in action.choices.values():
                    yield from parsers(one)

    texts: List[Optional[str]] = []
    for parser in parsers(_command._parser()):
        texts.append(parser.description)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                texts += [one.help for one in action._choices_actions]
            else:
                texts.append(action.help)
    assert len(texts) > 30
    for text in texts:
        assert text is not None
        assert text[0].isupper(), text
        assert text.endswith("."), text


def test_parse_callback(sandbox: Sandbox, tmp_path: Path) -> None:
    body = '{"code":"0","reference":"é","orderNumber":"O-1"}'
    result = run_json(sandbox, 0, "parse-callback", stdin=body)
    assert (result["claims_success"], result["reference"], result["raw"]) == (True, "é", body)
    file = tmp_path / "body.json"
    file.write_text(body, encoding="utf-8")
    assert run_json(sandbox, 0, "parse-callback", str(file)) == result
    assert "reference: é" in run(sandbox, 0, "parse-callback", str(file)).splitlines()
    assert "CALLBACK: " in run(sandbox, 1, "parse-callback", stdin="nonsense")
    assert "No such file" in run(sandbox, 1, "parse-callback", str(tmp_path / "none"))


def test_an_unreadable_file_is_reported_in_json(sandbox: Sandbox, tmp_path: Path) -> None:
    error = run_json(sandbox, 1, "parse-callback", str(tmp_path / "none"))["error"]
    assert (error["code"], error["field"]) == ("INVALID", "file")
    assert "No such file" in error["message"]


def test_a_hostile_callback_cannot_control_the_terminal(sandbox: Sandbox) -> None:
    hostile = "a\nstate: PAID\x1b[2J\x9b\u202eé"
    body = json.dumps({"code": "0", "reference": hostile})
    output = run(sandbox, 0, "parse-callback", stdin=body)
    assert "\nreference: a\\nstate: PAID\\x1b[2J\\x9b\\u202eé\n" in output


def test_an_ascii_terminal(sandbox: Sandbox) -> None:
    body = '{"code":"0","reference":"é"}'
    output = run(sandbox, 0, "parse-callback", stdin=body, PYTHONIOENCODING="ascii")
    assert "reference: \\xe9" in output.splitlines()


def test_a_page_is_saved_to_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    page = '<form action="https://gwvisa.flexpay.cd/checkout"></form>\n<p>é</p>\n'
    headers = [["Content-Type", "text/html; charset=utf-8"]]
    sandbox.inject("pay", "reply", times=2, status=200, headers=headers, body=page)
    (line,) = run(sandbox, 0, *PAY, FLEXPAY_API="v1", TMPDIR=str(tmp_path)).splitlines()
    (file,) = tmp_path.iterdir()
    assert line.startswith(f"page: {file} (no redirect_url")
    assert file.read_text(encoding="utf-8") == page


def test_ctrl_c(sandbox: Sandbox) -> None:
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    process = start(sandbox, "check", "O-1")
    sandbox.wait_for_request("check")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=TIMEOUT_S) == ("", "")
    assert process.returncode == 130


def test_ctrl_c_does_not_lose_a_payment(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1500)
    process = start(sandbox, *PAY, "--json")
    sandbox.wait_for_request("pay")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    payments: List[Dict[str, Any]] = sandbox.control("GET", "payments")
    assert json.loads(output)["order_number"] == payments[0]["order_number"]
    assert "the gateway accepted it" in errors
    assert process.returncode == 130
