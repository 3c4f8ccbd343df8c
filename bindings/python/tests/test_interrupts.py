"""Ctrl-C: SIGINT to a real process."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from typing import Tuple

import pytest
from conftest import TIMEOUT_S, Sandbox, new_payment, python

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

# Longer than a test may take: a call that ends earlier was interrupted.
LONG = 10 * int(TIMEOUT_S) * 1000


def interrupt(sandbox: Sandbox, endpoint: str, process: subprocess.Popen[str]) -> Tuple[str, str]:
    """Sends SIGINT after the request has arrived, and returns the process's stdout and stderr."""
    sandbox.wait_for_request(endpoint)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=TIMEOUT_S)


def test_a_wait_ends(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        order = new_payment(client)
    script = f"""
try:
    client.wait({order!r}, timeout_ms={LONG}, interval_ms={LONG}, max_interval_ms={LONG})
except KeyboardInterrupt:
    # The thread of the wait ends too, soon after it has reported its result.
    while len(sys._current_frames()) > 1:
        time.sleep(0.01)
    print("interrupted")
"""
    process = python(CLIENT + script, sandbox.environment())
    output, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors) == (0, "")
    assert output == "interrupted\n"


def test_a_wait_ends_while_the_gateway_does_not_reply(sandbox: Sandbox) -> None:
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
    output, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors, output) == (0, "", "cancelled\ninterrupted\n")


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
    output, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors, output) == (0, "", "cancelled\n")


@pytest.mark.parametrize(
    "call",
    [
        "client.check('O-1')",
        'client.verify_callback(b\'{"code":"0","reference":"R-1","orderNumber":"O-1"}\','
        " reference='R-1', amount=1, currency='USD')",
    ],
)
def test_a_check_ends(sandbox: Sandbox, call: str) -> None:
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    process = python(CLIENT + call, sandbox.environment(FLEXPAY_TIMEOUT_MS=str(LONG)))
    _, errors = interrupt(sandbox, "check", process)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")


PAY = """
try:
    client.pay(reference="R-1", **ORDER)
except KeyboardInterrupt as interrupt:
    cause = interrupt.__cause__
    payment, error = cause.payment, cause.error
    print(payment and payment.order_number, error and error.outcome.name, cause)
"""


def test_a_payment_is_not_aborted(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1500)
    process = python(CLIENT + PAY, sandbox.environment())
    output, errors = interrupt(sandbox, "pay", process)
    assert (process.returncode, errors) == (0, "")
    (payment,) = sandbox.control("GET", "payments")
    order = payment["order_number"]
    assert output == (
        f"{order} None interrupted during the payment request for 'R-1': "
        f"the gateway accepted it, order number {order}\n"
    )


WALLET = (
    "reference='R-1', amount=575, currency='CDF', phone='0812345678',"
    " callback_url='https://shop.example/c'"
)


@pytest.mark.parametrize(
    ("endpoint", "call", "request_name"),
    [
        ("mobile", f"pay_mobile({WALLET})", "payment request"),
        ("payout", f"payout({WALLET})", "payout request"),
    ],
)
def test_mobile_money_and_a_payout_are_not_aborted(
    sandbox: Sandbox, endpoint: str, call: str, request_name: str
) -> None:
    sandbox.inject(endpoint, "delay", ms=1500)
    script = PAY.replace('pay(reference="R-1", **ORDER)', call)
    process = python(CLIENT + script, sandbox.environment(FLEXPAY_ALLOW_PAYOUT="1"))
    output, errors = interrupt(sandbox, endpoint, process)
    assert (process.returncode, errors) == (0, "")
    (payment,) = sandbox.control("GET", "payments")
    order = payment["order_number"]
    assert output == (
        f"{order} None interrupted during the {request_name} for 'R-1': "
        f"the gateway accepted it, order number {order}\n"
    )


SLOW_HANDLER = """
import logging
class Slow(logging.Handler):
    def emit(self, record):
        print("logging", flush=True)
        time.sleep(1.5)
        print("logged", flush=True)
logger = logging.getLogger("flexpay")
logger.addHandler(Slow())
logger.setLevel(logging.DEBUG)
"""


def test_the_result_is_not_lost_while_it_is_logged(sandbox: Sandbox) -> None:
    process = python(CLIENT + SLOW_HANDLER + PAY, sandbox.environment(FLEXPAY_TRACE="1"))
    assert process.stdout is not None
    assert process.stdout.readline() == "logging\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, "")
    (payment,) = sandbox.control("GET", "payments")
    assert output.startswith(f"logged\n{payment['order_number']} None interrupted during ")


def test_an_interrupted_payment_that_fails_reports_it(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    process = python(CLIENT + PAY, sandbox.environment(FLEXPAY_TIMEOUT_MS="2000"))
    output, errors = interrupt(sandbox, "pay", process)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("None UNKNOWN interrupted during the payment request for 'R-1'")
    assert output.endswith("(outcome UNKNOWN)\n")


def test_the_result_of_a_payment_is_in_the_traceback(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1500)
    script = 'client.pay(reference="R-1", **ORDER)'
    process = python(CLIENT + script, sandbox.environment())
    _, errors = interrupt(sandbox, "pay", process)
    assert process.returncode == -signal.SIGINT
    assert "PaymentInterrupted: interrupted during the payment request for 'R-1'" in errors


def test_the_exception_of_a_signal_handler_is_raised_after_the_payment(sandbox: Sandbox) -> None:
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
    output, errors = interrupt(sandbox, "pay", process)
    assert errors == ""
    (payment,) = sandbox.control("GET", "payments")
    assert output == f"rings {payment['order_number']}\n"


def test_a_second_interrupt_ends_a_payment(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    script = """
def handle(*_):
    print("received", flush=True)
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, handle)
client.pay(reference="R-1", **ORDER)
"""
    process = python(CLIENT + script, sandbox.environment(FLEXPAY_TIMEOUT_MS=str(LONG)))
    sandbox.wait_for_request("pay")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "received\n"
    # A signal that arrives while the first handler still runs may not count: send it repeatedly.
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
    output, errors = interrupt(sandbox, "check", process)
    assert (process.returncode, errors, output) == (0, "", "interrupted\n")


@pytest.mark.parametrize("base", ["Exception", "RuntimeError"])
def test_no_exception_of_a_signal_handler_is_lost(sandbox: Sandbox, base: str) -> None:
    script = f"""
import random
from flexpay._client import _run_interruptible

class Alarm({base}): pass

def ring(*_):
    global has_rung
    has_rung = True
    raise Alarm

signal.signal(signal.SIGALRM, ring)
lost = 0
for _ in range(3000):
    has_rung = False
    try:
        # At a random moment of the call, or soon after it.
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 80e-6))
        _run_interruptible(lambda: None)
        while not has_rung:
            time.sleep(0.001)
        lost += 1
    except Alarm:
        pass
print(lost, threading.active_count())
"""
    process = python(CLIENT + script, sandbox.environment())
    assert process.communicate(timeout=TIMEOUT_S) == ("0 1\n", "")
