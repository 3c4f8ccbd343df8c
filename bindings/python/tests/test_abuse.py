"""Invalid arguments and misuse must raise an exception, never crash."""

from __future__ import annotations

import copy
import gc
import pickle
import socket
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
from conftest import ORDER, TIMEOUT_S, URLS, WALLET, Sandbox, python

import flexpay
from flexpay import CancelToken, Client, InvalidError, Outcome
from flexpay._arguments import Amount

EXPECTED = {"reference": "R-1", "amount": "1", "currency": "USD"}
NUMBERED = {**EXPECTED, "order_number": "O-1"}
BODY = b'{"code":"0","reference":"R-1","orderNumber":"O-1"}'

Call = Callable[[Client, Any], object]

# A call for each text argument, by the argument's name.
TEXTS: Dict[str, Call] = {
    **{
        name: lambda client, value, name=name: client.pay(  # type: ignore[misc]
            **{"reference": "R-1", **ORDER, name: value}
        )
        for name in ("reference", "amount", "currency", "description", "home_url", *URLS)
    },
    **{
        name: lambda _, value, name=name: Client(**{"merchant": "M", "token": "t", name: value})  # type: ignore[misc]
        for name in (
            "merchant",
            "token",
            "pay_url",
            "check_url",
            "ca_file",
            "proxy",
            "app_name",
            "callback_secret",
            "callback_secret_previous",
            "mobile_url",
            "payout_url",
        )
    },
    "order_number": lambda client, value: client.check(value),
}
MORE_TEXTS: List[Tuple[str, Call]] = [
    *TEXTS.items(),
    *(
        (
            name,
            lambda client, value, name=name: client.pay_mobile(
                **{"reference": "R-1", **WALLET, name: value}
            ),
        )
        for name in ("reference", *WALLET, *URLS, "description", "return_url", "correlation_id")
    ),
    *(
        (
            name,
            lambda client, value, name=name: client.payout(
                **{"reference": "R-1", **WALLET, name: value}
            ),
        )
        for name in ("reference", *WALLET, "correlation_id")
    ),
    ("phone", lambda _, value: flexpay.normalize_phone(value)),
    ("order_number", lambda client, value: client.wait(value)),
    ("correlation_id", lambda client, value: client.wait("O-1", correlation_id=value)),
    *(
        (
            name,
            lambda client, value, name=name: client.verify_callback(
                BODY, **{**EXPECTED, name: value}
            ),
        )
        for name in (*NUMBERED, "query", "correlation_id")
    ),
    *(
        (name, lambda client, value, name=name: client.verify_order(**{**NUMBERED, name: value}))
        for name in ("reference", "amount", "currency", "order_number", "correlation_id")
    ),
    *(
        (name, lambda _, value, name=name: flexpay.Expected(**{**NUMBERED, name: value}))
        for name in ("reference", "amount", "currency", "order_number")
    ),
]


@pytest.mark.parametrize(("field", "call"), MORE_TEXTS)
@pytest.mark.parametrize("text", ["a\0b", "\0", "\ud800", "ok\udcff"])
def test_text_with_nul_or_lone_surrogates(
    client: Client, field: str, call: Call, text: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        call(client, text)
    assert caught.value.field == field
    assert caught.value.outcome is Outcome.NOT_SENT


def assert_invalid_type(error: Exception, field: str) -> None:
    """It is caught as FlexPayError, ValueError and TypeError."""
    assert isinstance(error, flexpay.InvalidTypeError)
    assert isinstance(error, InvalidError)
    assert isinstance(error, ValueError)
    assert (error.field, error.outcome) == (field, Outcome.NOT_SENT)
    assert error.code is flexpay.ResultCode.INVALID


@pytest.mark.parametrize(("field", "call"), MORE_TEXTS)
@pytest.mark.parametrize("value", [b"bytes", 1.5, [], object(), True])
def test_an_argument_that_is_not_text(
    client: Client, field: str, call: Call, value: object
) -> None:
    with pytest.raises(TypeError, match=f"^{field} must be") as caught:
        call(client, value)
    assert_invalid_type(caught.value, field)


@pytest.mark.parametrize(("field", "call"), list(TEXTS.items()))
def test_a_mebibyte_of_text(sandbox: Sandbox, client: Client, field: str, call: Call) -> None:
    # The library or the gateway may accept or refuse it. Nothing crashes.
    try:
        call(client, "9" * 2**20)
    except flexpay.FlexPayError as error:
        assert str(error), field


@pytest.mark.parametrize("value", [0.1, 25.5, 100.0, float("nan")])
def test_a_float_amount_is_refused_with_a_reason(client: Client, value: float) -> None:
    with pytest.raises(flexpay.FlexPayError, match="a float is refused because it") as caught:
        client.pay(reference="R-1", **{**ORDER, "amount": value})
    assert isinstance(caught.value, TypeError)
    assert_invalid_type(caught.value, "amount")
    assert str(caught.value).endswith('write it as text, "25.50"')
    with pytest.raises(TypeError, match="a float is refused because it cannot hold"):
        client.verify_callback(BODY, **{**EXPECTED, "amount": value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1E+999999"),
        Decimal("1E-999999"),
        Decimal("-1"),
        Decimal("0E+5"),
        Decimal("0E+999999"),
        10**2000,
        -(10**2000),
        0,
        "",
        "\uff11\uff10\uff10",
    ],
)
def test_invalid_amounts(client: Client, value: Amount) -> None:
    with pytest.raises(InvalidError) as caught:
        client.pay(reference="R-1", **{**ORDER, "amount": value})
    assert caught.value.field == "amount"


@pytest.mark.parametrize("field", ["timeout_ms", "connect_timeout_ms", "environment", "api"])
def test_integers_that_c_would_truncate(sandbox: Sandbox, field: str) -> None:
    for number in (2**32, 2**64, -(2**31) - 1):
        with pytest.raises(InvalidError) as caught:
            sandbox.client(**{field: number})
        assert caught.value.field == field
    for wrong in (b"1", 1.0, True):
        with pytest.raises(TypeError, match=f"^{field} must be ") as caught_type:
            sandbox.client(**{field: wrong})
        assert_invalid_type(caught_type.value, field)


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("api", ("v1", "v1.1", None), ("v2", "V1", "1.1", "", " v1")),
        ("environment", ("live", "test", None), ("production", "LIVE", "")),
    ],
)
@pytest.mark.parametrize("kind", [Client, flexpay.AsyncClient])
def test_settings_by_name(
    field: str, right: Tuple[Any, ...], wrong: Tuple[str, ...], kind: Any
) -> None:
    for name in right:
        kind(merchant="M", token="t", **{field: name}).close()
    for name in wrong:
        with pytest.raises(InvalidError) as caught:
            kind(merchant="M", token="t", **{field: name})
        assert str(caught.value) == f'{field} is neither "{right[0]}" nor "{right[1]}"'
        assert (caught.value.field, caught.value.outcome) == (field, Outcome.NOT_SENT)


def test_a_name_has_the_same_effect_as_its_number(sandbox: Sandbox) -> None:
    # Type checkers accept names too.
    Client(merchant="M", token="t", api="v1.1", environment="test").close()
    flexpay.AsyncClient(merchant="M", token="t", api="v1", environment="live").close()
    for api, path in (("v1", "/v1/pay"), ("v1.1", "/v1.1/pay")):
        with sandbox.client(api=api, pay_url=sandbox.url + path) as client:
            payment = client.pay(reference=api, **ORDER)
        assert (payment.order_number is None) is (api == "v1")
    received: List[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        arguments: Dict[str, Any] = {"proxy": address, "environment": "test", "check_once": True}
        with Client(merchant="M", token="t", **arguments) as client:

            def close_after_request() -> None:
                connection, _ = proxy.accept()
                with connection, connection.makefile("rb") as stream:
                    received.append(stream.readline())

            # No real host is contacted: the proxy receives its name and closes the connection.
            thread = threading.Thread(target=close_after_request)
            thread.start()
            with pytest.raises(flexpay.ProxyError):
                client.check("O-1")
            thread.join(TIMEOUT_S)
    assert received == [b"CONNECT beta-backend.flexpay.cd:443 HTTP/1.1\r\n"]


@pytest.mark.parametrize("recorded", ["PAID", None, 1.0, True])
def test_an_invalid_recorded_state(recorded: Any) -> None:
    with pytest.raises(TypeError, match=r"^recorded must be ") as caught:
        flexpay.State.PAID.may_replace(recorded)
    assert_invalid_type(caught.value, "recorded")
    assert ('State["PAID"]' in str(caught.value)) is (recorded == "PAID")


@pytest.mark.parametrize("field", ["timeout_ms", "connect_timeout_ms"])
def test_a_timeout_of_0_is_refused(sandbox: Sandbox, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} is 0: omit it"):
        sandbox.client(**{field: 0})
    sandbox.client(**{field: None}).close()


@pytest.mark.parametrize("field", ["environment", "api"])
def test_an_unknown_number(sandbox: Sandbox, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        sandbox.client(**{field: 7})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "field", ["timeout_ms", "interval_ms", "max_interval_ms", "failed_grace_ms"]
)
def test_milliseconds_of_a_wait(client: Client, field: str) -> None:
    for number in (-1, 0, 2**32):
        with pytest.raises(InvalidError) as caught:
            client.wait("O-1", **{field: number})  # type: ignore[arg-type]
        assert caught.value.field == field
    with pytest.raises(TypeError):
        client.wait("O-1", **{field: 0.5})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "field", ["allow_plain_http", "check_once", "system_roots", "private_connections"]
)
def test_flags_must_be_bool(sandbox: Sandbox, field: str) -> None:
    for wrong in (1, "0", None):
        with pytest.raises(TypeError, match=f"^{field} must be bool"):
            sandbox.client(**{field: wrong})


def test_a_token_of_another_type(client: Client) -> None:
    with pytest.raises(TypeError, match="cancel must be CancelToken"):
        client.wait("O-1", cancel=object())  # type: ignore[arg-type]


@pytest.mark.parametrize("body", ["text", None, 7, [1, 2]])
def test_a_body_that_is_not_bytes(client: Client, body: Any) -> None:
    with pytest.raises(TypeError, match="body must be the bytes as received"):
        flexpay.parse_callback(body)
    with pytest.raises(TypeError, match="body must be the bytes as received"):
        client.verify_callback(body, **EXPECTED)


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        Client("M", "t")  # type: ignore[call-arg]


def test_a_path(sandbox: Sandbox) -> None:
    with sandbox.client(tls=True, ca_file=Path(sandbox.ca_file)) as client:
        assert client.pay(reference="R-1", **ORDER).order_number
    with pytest.raises(InvalidError) as caught:
        sandbox.client(ca_file=Path("/nowhere/ca.pem"))
    assert caught.value.field == "ca_file"


def test_use_after_close(client: Client) -> None:
    client.close()
    client.close()
    assert "closed" in repr(client)
    calls: List[Callable[[], object]] = [
        lambda: client.pay(reference="R-1", **ORDER),
        lambda: client.check("O-1"),
        lambda: client.wait("O-1"),
        lambda: client.verify_callback(BODY, **EXPECTED),
    ]
    for call in calls:
        with pytest.raises(InvalidError, match="the client is closed") as caught:
            call()
        assert caught.value.outcome is Outcome.NOT_SENT


def test_a_client_without_init() -> None:
    with pytest.raises(InvalidError, match="the client is closed"):
        Client.__new__(Client).check("O-1")


class Subclass(Client):
    """A subclass of a shop."""


COPIES: List[Callable[[Any], object]] = [
    copy.copy,
    copy.deepcopy,
    lambda one: copy.deepcopy({"client": one}),
    *(lambda one, version=version: pickle.dumps(one, version) for version in range(6)),
]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("kind", [Client, Subclass, flexpay.AsyncClient, CancelToken])
def test_a_copy_is_refused(
    copied: Callable[[Any], object], kind: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    one = CancelToken() if kind is CancelToken else kind(merchant="M", token="t")
    with pytest.raises(TypeError, match=f"^a {kind.__name__} cannot be copied or pickled"):
        copied(one)
    del one
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_nothing_is_printed_when_a_copy_is_refused(sandbox: Sandbox) -> None:
    script = """
import copy, flexpay
for one in flexpay.Client.from_env(), flexpay.AsyncClient.from_env(), flexpay.CancelToken():
    for copied in copy.copy, copy.deepcopy:
        try:
            copied(one)
        except TypeError:
            pass
"""
    process = python(script, sandbox.environment())
    assert process.communicate(timeout=TIMEOUT_S) == ("", "")
    assert process.returncode == 0


def test_a_token_can_be_cancelled_twice_and_reused(client: Client) -> None:
    token = CancelToken()
    token.cancel()
    token.cancel()
    for _ in range(2):
        with pytest.raises(flexpay.WaitCancelledError):
            client.wait("O-1", cancel=token)
