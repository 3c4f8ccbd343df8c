"""Ctrl-C, in a real process with a real SIGINT."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from typing import Tuple

import pytest
from conftest import PATIENCE_S, Sandbox, python, take_in

CLIENT = """
import os, signal, sys, threading, time
import flexpay
client = flexpay.Client.from_env()
ORDER = dict(
    amount="25.50", currency="USD", callback_url="https://shop.example/c",
    approve_url="https://shop.example/a", cancel_url="https://shop.example/b",
    decline_url="https://shop.example/d",
)
"""

# Longer than a test may last: what ends before, was ended.
LONG = 10 * int(PATIENCE_S) * 1000


def interrupt(sandbox: Sandbox, endpoint: str, process: subprocess.Popen[str]) -> Tuple[str, str]:
    """Sends SIGINT once the request is in; gives what the process then says."""
    sandbox.wait_for_request(endpoint)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=PATIENCE_S)


def test_a_wait_ends(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        order = take_in(client)
    script = f"""
try:
    client.wait({order!r}, timeout_ms={LONG}, interval_ms={LONG}, max_interval_ms={LONG})
except KeyboardInterrupt:
    # The thread that asked is gone with it. It leaves once it has told its end.
    while len(sys._current_frames()) > 1:
        time.sleep(0.01)
    print("interrupted")
"""
    process = python(CLIENT + script, sandbox.environment())
    said, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors) == (0, "")
    assert said == "interrupted\n"


def test_a_wait_ends_while_the_gateway_is_silent(sandbox: Sandbox) -> None:
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    script = f"client.wait('O-1', timeout_ms={LONG})"
    environment = sandbox.environment(FLEXPAY_TIMEOUT_MS=str(LONG))
    process = python(CLIENT + script, environment)
    _, errors = interrupt(sandbox, "check", process)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_a_wait_in_another_thread_ends_by_its_token(sandbox: Sandbox) -> None:
    script = f"""
token = flexpay.CancelToken()
def wait():
    try:
        client.wait("O-1", timeout_ms={LONG}, cancel=token)
    except flexpay.WaitCancelledError:
        print("cancelled")
    ended.set()
ended = threading.Event()
threading.Thread(target=wait).start()
try:
    ended.wait()
except KeyboardInterrupt:
    token.cancel()
    ended.wait()
    print("interrupted")
"""
    process = python(CLIENT + script, sandbox.environment())
    said, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors, said) == (0, "", "cancelled\ninterrupted\n")


def test_a_token_is_cancelled_in_a_signal_handler(sandbox: Sandbox) -> None:
    script = f"""
token = flexpay.CancelToken()
signal.signal(signal.SIGINT, lambda *_: token.cancel())
try:
    client.wait("O-1", timeout_ms={LONG}, cancel=token)
except flexpay.WaitCancelledError:
    print("cancelled")
"""
    process = python(CLIENT + script, sandbox.environment())
    said, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors, said) == (0, "", "cancelled\n")


@pytest.mark.parametrize(
    "question",
    [
        "client.check('O-1')",
        'client.verify_callback(b\'{"code":"0","reference":"R-1","orderNumber":"O-1"}\','
        " reference='R-1', amount=1, currency='USD')",
    ],
)
def test_a_question_ends(sandbox: Sandbox, question: str) -> None:
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    process = python(CLIENT + question, sandbox.environment(FLEXPAY_TIMEOUT_MS=str(LONG)))
    _, errors = interrupt(sandbox, "check", process)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")


PAY = """
try:
    client.pay(reference="R-1", **ORDER)
except KeyboardInterrupt as interrupt:
    told = interrupt.__cause__
    payment, error = told.payment, told.error
    print(payment and payment.order_number, error and error.outcome.name, told)
"""


def test_a_payment_is_not_torn_in_two(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1500)
    process = python(CLIENT + PAY, sandbox.environment())
    said, errors = interrupt(sandbox, "pay", process)
    assert (process.returncode, errors) == (0, "")
    (payment,) = sandbox.control("GET", "payments")
    order = payment["order_number"]
    assert said == (
        f"{order} None interrupted during the payment request for 'R-1': "
        f"the gateway took it in, order number {order}\n"
    )


def test_a_payment_that_fails_meanwhile_says_so(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    process = python(CLIENT + PAY, sandbox.environment(FLEXPAY_TIMEOUT_MS="2000"))
    said, errors = interrupt(sandbox, "pay", process)
    assert (process.returncode, errors) == (0, "")
    assert said.startswith("None UNKNOWN interrupted during the payment request for 'R-1'")
    assert said.endswith("(outcome UNKNOWN)\n")


def test_the_fate_of_a_payment_stands_in_the_traceback(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1500)
    script = 'client.pay(reference="R-1", **ORDER)'
    process = python(CLIENT + script, sandbox.environment())
    _, errors = interrupt(sandbox, "pay", process)
    assert process.returncode == -signal.SIGINT
    assert "PaymentInterrupted: interrupted during the payment request for 'R-1'" in errors


def test_another_signal_s_exception_comes_after_the_payment(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1500)
    script = """
class Alarm(Exception): pass
def ring(*_): raise Alarm("rings")
signal.signal(signal.SIGINT, ring)
try:
    client.pay(reference="R-1", **ORDER)
except Alarm as alarm:
    print(alarm, alarm.__cause__.payment.order_number)
"""
    process = python(CLIENT + script, sandbox.environment())
    said, errors = interrupt(sandbox, "pay", process)
    assert errors == ""
    (payment,) = sandbox.control("GET", "payments")
    assert said == f"rings {payment['order_number']}\n"


def test_a_second_interrupt_ends_a_payment(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    script = """
def hear(*_):
    print("heard", flush=True)
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, hear)
client.pay(reference="R-1", **ORDER)
"""
    process = python(CLIENT + script, sandbox.environment(FLEXPAY_TIMEOUT_MS=str(LONG)))
    sandbox.wait_for_request("pay")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "heard\n"
    # One that comes before the first has left its handler is the first one still: send it again.
    errors = ""
    while process.returncode is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            _, errors = process.communicate(timeout=1)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_an_interrupted_task_ends_its_wait(sandbox: Sandbox) -> None:
    script = f"""
import asyncio
async def main():
    async with flexpay.AsyncClient.from_env() as client:
        await client.wait("O-1", timeout_ms={LONG})
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""
    process = python(CLIENT + script, sandbox.environment())
    said, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors, said) == (0, "", "interrupted\n")
