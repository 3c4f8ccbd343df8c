"""Without a free file descriptor, the result of a payment is reported nevertheless."""

from __future__ import annotations

import pytest
from conftest import ORDER, TIMEOUT_S, Sandbox, new_payment, python

# Opens all descriptors: no file can be opened after that, so nothing can be imported.
EXHAUST = """
import os, resource
def exhaust():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    try:
        while True:
            os.open(os.devnull, os.O_RDONLY)
    except OSError:
        pass
"""


def output_of(sandbox: Sandbox, script: str, **settings: str) -> str:
    """The output of a new Python process, without the user's site packages: their .pth files may
    import anything."""
    environment = sandbox.environment(PYTHONNOUSERSITE="1", **settings)
    process = python(EXHAUST + script, environment)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, ""), errors
    return output


CALLS = {
    "pay": f"client.pay(reference='R-1', **{ORDER!r})",
    "check": "client.check('O-1')",
    "verify_callback": 'client.verify_callback(b\'{"code":"0","orderNumber":"O-1"}\','
    " reference='R-1', amount=1, currency='USD')",
}


# A script without imports, and scripts with different modules imported.
@pytest.mark.parametrize("imports", ["", "import enum", "import threading", "import json"])
@pytest.mark.parametrize("call", list(CALLS.values()), ids=list(CALLS))
def test_a_call_fails_with_not_sent(sandbox: Sandbox, imports: str, call: str) -> None:
    script = f"""
import flexpay
{imports}
client = flexpay.Client.from_env()
exhaust()
try:
    {call}
except Exception as error:
    assert isinstance(error, flexpay.ConnectError), repr(error)
    print(type(error).__name__, error.outcome.name, error.outcome is flexpay.Outcome.NOT_SENT)
"""
    assert output_of(sandbox, script) == "ConnectError NOT_SENT True\n"


def test_a_wait_times_out(sandbox: Sandbox) -> None:
    script = """
import flexpay
client = flexpay.Client.from_env()
exhaust()
try:
    client.wait("O-1", timeout_ms=300)
except Exception as error:
    print(type(error).__name__, isinstance(error, flexpay.FlexPayError))
"""
    assert output_of(sandbox, script) == "TimedOutError True\n"


def test_asyncio(sandbox: Sandbox) -> None:
    script = f"""
import asyncio, flexpay
async def main():
    client = flexpay.AsyncClient.from_env()
    exhaust()
    try:
        await {CALLS["pay"]}
    except Exception as error:
        print(type(error).__name__, error.outcome.name)
asyncio.run(main())
"""
    assert output_of(sandbox, script) == "ConnectError NOT_SENT\n"


@pytest.mark.parametrize("imports", ["", "import enum"])
def test_a_reply_is_read_completely(sandbox: Sandbox, imports: str) -> None:
    with sandbox.client() as client:
        order = new_payment(client)
    script = f"""
import flexpay
{imports}
with flexpay.Client.from_env() as client:
    transaction = client.check({order!r})
    exhaust()
    print(transaction.state.name, transaction.amount, transaction.created_at is None)
"""
    assert output_of(sandbox, script) == "PENDING 25.50 False\n"


def test_nothing_is_imported_after_a_payment_was_sent(sandbox: Sandbox) -> None:
    script = f"""
import sys, flexpay
client = flexpay.Client.from_env()
real = flexpay._results.call
def call(function, *arguments):
    global before
    before = set(sys.modules)
    return real(function, *arguments)
flexpay._results.call = call
payment = {CALLS["pay"]}
assert set(sys.modules) == before, set(sys.modules) - before
try:
    client.pay(reference="R-1", **{ {**ORDER, "currency": "USD"}!r})
except flexpay.FlexPayError:
    pass
assert set(sys.modules) == before, set(sys.modules) - before
transaction = client.wait("O-1", timeout_ms=60000)
transaction.state, transaction.amount, transaction.created_at
assert set(sys.modules) == before, set(sys.modules) - before
"""
    sandbox.inject("check", "reply", status=200, body=PAID)
    assert output_of(sandbox, script) == ""


PAID = (
    '{"code":"0","message":"","transaction":{"orderNumber":"O-1","reference":"R-1","status":"0",'
    '"amount":"25.50","currency":"USD","createdAt":"2024-01-02 03:04:05"}}'
)
