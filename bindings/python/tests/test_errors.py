"""Every error of the library as an exception."""

from __future__ import annotations

import inspect
import pickle
import socket
from typing import Any, Type

import pytest
from conftest import ORDER, TIMEOUT_S, Sandbox, new_payment, python

import flexpay
from flexpay import Client, FlexPayError, Outcome, ResultCode


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def raises(
    client: Client, kind: Type[FlexPayError], built_in: type, outcome: Outcome, **order: Any
) -> FlexPayError:
    """Asserts that a payment raises `kind`, which is also the built-in, and returns the error."""
    with client, pytest.raises(kind) as caught:
        client.pay(**{"reference": "R-1", **ORDER, **order})
    error = caught.value
    assert isinstance(error, built_in)
    assert error.outcome is outcome
    assert error.message == str(error) != ""
    return error


def test_invalid(sandbox: Sandbox) -> None:
    error = raises(
        sandbox.client(), flexpay.InvalidError, ValueError, Outcome.NOT_SENT, amount="1.234"
    )
    assert error.field == "amount"
    assert error.code is ResultCode.INVALID
    assert error.http_status is None
    assert sandbox.requests("pay") == []


def test_resolve(sandbox: Sandbox) -> None:
    client = sandbox.client(pay_url="https://nowhere.invalid/pay")
    raises(client, flexpay.ResolveError, ConnectionError, Outcome.NOT_SENT)


def test_connect(sandbox: Sandbox) -> None:
    client = sandbox.client(pay_url=f"http://127.0.0.1:{closed_port()}/pay")
    raises(client, flexpay.ConnectError, ConnectionError, Outcome.NOT_SENT)


def test_proxy(sandbox: Sandbox) -> None:
    # The sandbox refuses to be a proxy.
    client = sandbox.client(tls=True, proxy=sandbox.url)
    raises(client, flexpay.ProxyError, ConnectionError, Outcome.NOT_SENT)


def test_tls(sandbox: Sandbox) -> None:
    client = sandbox.client(tls=True, ca_file=None)
    raises(client, flexpay.TLSError, ConnectionError, Outcome.NOT_SENT)


def test_timeout(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)
    client = sandbox.client(timeout_ms=300)
    raises(client, flexpay.TimedOutError, TimeoutError, Outcome.UNKNOWN)


def test_connection_lost(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "reset_after_reading")
    raises(sandbox.client(), flexpay.ConnectionLostError, ConnectionError, Outcome.UNKNOWN)


def test_reply(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "malformed_json")
    error = raises(sandbox.client(), flexpay.ReplyError, RuntimeError, Outcome.UNKNOWN)
    # A payment may exist: a caller must not handle this as an invalid argument.
    assert not isinstance(error, ValueError)


def test_gateway(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "reply", status=503, body='{"code":"9","message":"En panne"}')
    error = raises(sandbox.client(), flexpay.GatewayError, RuntimeError, Outcome.UNKNOWN)
    assert (error.http_status, error.gateway_code, error.gateway_message) == (503, "9", "En panne")


def test_unauthorized(sandbox: Sandbox) -> None:
    client = sandbox.client(token="wrong")
    error = raises(client, flexpay.UnauthorizedError, PermissionError, Outcome.REFUSED)
    assert error.http_status == 401


def test_refused(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        new_payment(client)
    error = raises(sandbox.client(), flexpay.RefusedError, RuntimeError, Outcome.REFUSED)
    assert error.gateway_message


def test_not_found(client: Client) -> None:
    with pytest.raises(flexpay.NotFoundError) as caught:
        client.check("9bsTX7qXdpQe243815877848")
    assert isinstance(caught.value, LookupError)
    assert caught.value.gateway_code == "1"


def test_wait_cancelled(client: Client) -> None:
    token = flexpay.CancelToken()
    token.cancel()
    with pytest.raises(flexpay.WaitCancelledError) as caught:
        client.wait("any", cancel=token)
    assert caught.value.outcome is Outcome.UNKNOWN


def test_wait_timed_out(client: Client) -> None:
    with pytest.raises(flexpay.TimedOutError):
        client.wait("any", timeout_ms=100)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\0", b"{", b"x" * 100_000])
def test_callback(body: bytes) -> None:
    with pytest.raises(flexpay.CallbackError) as caught:
        flexpay.parse_callback(body)
    assert isinstance(caught.value, ValueError)


def test_mismatch(sandbox: Sandbox, client: Client) -> None:
    order = new_payment(client)
    sandbox.decide(order, "approve")
    body = f'{{"code":"0","reference":"R-1","orderNumber":"{order}"}}'.encode()
    with pytest.raises(flexpay.MismatchError) as caught:
        client.verify_callback(body, reference="R-1", amount=26, currency="USD")
    assert isinstance(caught.value, ValueError)
    assert "amount" in str(caught.value)


def test_every_code_has_its_own_exception() -> None:
    kinds = {
        kind.code: kind
        for _, kind in inspect.getmembers(flexpay, inspect.isclass)
        if issubclass(kind, FlexPayError)
        and kind not in (FlexPayError, flexpay.LibraryError, flexpay.InvalidTypeError)
    }
    assert kinds == flexpay._errors.BY_CODE
    assert set(kinds) == set(ResultCode) - {ResultCode.OK}


@pytest.mark.parametrize("kind", [FlexPayError, *flexpay._errors.BY_CODE.values()])
def test_an_error_can_be_pickled(kind: Type[FlexPayError]) -> None:
    error = kind(
        "why", outcome=Outcome.REFUSED, http_status=401, field="f", order_number="O-1", trace="{}"
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert str(copy) == "why"


def test_unknown_numbers_of_a_newer_library() -> None:
    code = ResultCode(99)
    assert code == 99
    assert code.name == "UNRECOGNIZED"
    assert code not in flexpay._errors.BY_CODE
    assert Outcome(99) is Outcome.UNKNOWN
    assert flexpay.State(99) is flexpay.State.UNKNOWN
    for enum in (ResultCode, Outcome, flexpay.State):
        with pytest.raises(ValueError, match="is not a valid"):
            enum("PAID")  # type: ignore[arg-type]


def test_no_thread_for_the_dns_lookup(sandbox: Sandbox) -> None:
    url = "https://gateway.test/check"  # never resolved
    script = f"""
import resource
import flexpay
with flexpay.Client(merchant="ZANDO", token="t", check_url={url!r}) as client:
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    # Enough memory for a call, but not for a thread's stack.
    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), resource.RLIM_INFINITY))
    try:
        client.check("O-1")
    except flexpay.ResolveError as error:
        print(error)
"""
    process = python(script, sandbox.environment())
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, errors) == (0, "")
    assert "no thread could be started" in output
    assert "process limit" in output
