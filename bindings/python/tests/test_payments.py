"""Payments from start to end."""

from __future__ import annotations

import gc
import json
import re
import weakref
from dataclasses import FrozenInstanceError
from datetime import datetime
from decimal import Decimal
from typing import Any, Dict

import pytest
from conftest import ORDER, Sandbox, new_payment

import flexpay
from flexpay import Api, Client, State
from flexpay._arguments import Amount


@pytest.mark.parametrize("tls", [False, True])
def test_a_payment_from_beginning_to_end(sandbox: Sandbox, tls: bool) -> None:
    with sandbox.client(tls=tls) as client:
        payment = client.pay(reference="R-1", description="Chaussures, taille 42", **ORDER)
        base = sandbox.https_url if tls else sandbox.url
        assert payment.redirect_url is not None
        assert payment.redirect_url.startswith(base)
        assert payment.order_number is not None
        assert payment.page is None

        assert client.check(payment.order_number).state is State.PENDING
        sandbox.decide(payment.order_number, "approve")
        transaction = client.wait(payment.order_number)

    assert transaction.state is State.PAID
    assert transaction.status == "0"
    assert transaction.order_number == payment.order_number
    assert transaction.reference == "R-1"
    assert transaction.amount == Decimal("25.50")
    assert str(transaction.amount) == "25.50"
    assert transaction.amount_minor == 2550
    assert isinstance(transaction.amount_customer, Decimal)
    assert transaction.currency == "USD"
    assert isinstance(transaction.created_at, datetime)
    assert transaction.created_at.tzinfo is None
    assert transaction.raw is not None
    assert '"transaction"' in transaction.raw
    assert transaction.raw not in repr(transaction)
    (sent,) = sandbox.requests("pay")
    assert sent["tls"] is tls
    assert '"description":"Chaussures, taille 42"' in sent["body"]


def test_api_v1_returns_no_order_number(sandbox: Sandbox) -> None:
    with sandbox.client(api=Api.V1, pay_url=sandbox.url + "/v1/pay") as client:
        payment = client.pay(reference="R-1", amount=100, currency="CDF")
    assert payment.redirect_url is not None
    assert payment.order_number is None


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        ("approve", State.PAID),
        ("decline", State.FAILED),
        ("pending", State.PENDING),
        ("refunding", State.REFUNDING),
        ("refunded", State.REFUNDED),
        ("cancel", State.CANCELLED),
        ({"status": "7"}, State.UNKNOWN),
    ],
)
def test_every_state(sandbox: Sandbox, client: Client, decision: str, state: State) -> None:
    order = new_payment(client)
    sandbox.decide(order, decision)
    assert client.check(order).state is state


def test_a_wait_ends_when_a_failure_has_lasted(sandbox: Sandbox, client: Client) -> None:
    order = new_payment(client)
    sandbox.decide(order, "decline")
    transaction = client.wait(order, interval_ms=10, max_interval_ms=10, failed_grace_ms=100)
    assert transaction.state is State.FAILED


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        ("100", "100"),
        (100, "100"),
        (Decimal("25.50"), "25.50"),
        (Decimal("1E+2"), "100"),
        (Decimal("100").normalize(), "100"),
    ],
)
def test_an_amount_is_sent_without_an_exponent(
    sandbox: Sandbox, client: Client, amount: Amount, sent: str
) -> None:
    payment = client.pay(reference="R-1", **{**ORDER, "amount": amount})
    recorded = sandbox.control("GET", f"payments/{payment.order_number}")
    assert recorded["amount"] == sent


def test_a_callback_is_parsed_and_verified(sandbox: Sandbox, client: Client) -> None:
    order = new_payment(client)
    sandbox.decide(order, "approve")
    body = f'{{"code":"0","reference":"R-1","orderNumber":"{order}"}}'.encode()

    callback = flexpay.parse_callback(body)
    assert callback.claims_success is True
    assert (callback.code, callback.reference, callback.order_number) == ("0", "R-1", order)
    assert callback.amount is None
    assert callback.raw == body.decode()
    assert flexpay.parse_callback(bytearray(body)) == callback
    assert flexpay.parse_callback(memoryview(body)) == callback
    assert flexpay.parse_callback(b"code=1&reference=R-1").claims_success is False

    for number in (None, order):
        transaction = client.verify_callback(
            body, reference="R-1", amount=Decimal("25.5"), currency="USD", order_number=number
        )
        assert transaction.state is State.PAID


def test_an_order_is_verified_without_a_callback(sandbox: Sandbox, client: Client) -> None:
    order = new_payment(client)
    sandbox.decide(order, "approve")
    right: Dict[str, Any] = {"reference": "R-1", "amount": Decimal("25.5"), "currency": "USD"}
    assert client.verify_order(order_number=order, **right).state is State.PAID
    for number in (None, order):
        expected = flexpay.Expected(order_number=number, **right)
        assert client.wait(order, expected=expected).state is State.PAID

    for field, other in (("reference", "R-2"), ("amount", "25.51"), ("currency", "CDF")):
        wrong = {**right, "order_number": order, field: other}
        with pytest.raises(flexpay.MismatchError) as verified:
            client.verify_order(**wrong)
        assert verified.value.outcome is flexpay.Outcome.REFUSED
        with pytest.raises(flexpay.MismatchError) as waited:
            client.wait(order, expected=flexpay.Expected(**wrong))
        assert waited.value.outcome is flexpay.Outcome.UNKNOWN
        assert verified.value.field == waited.value.field == field

    for number in (None, ""):
        with pytest.raises(flexpay.InvalidError) as missing:
            client.verify_order(order_number=number, **right)
        assert missing.value.field == "order_number"
    with pytest.raises(flexpay.InvalidError) as another:
        client.wait(order, expected=flexpay.Expected(order_number="O-2", **right))
    assert another.value.field == "order_number"
    with pytest.raises(flexpay.NotFoundError):
        client.verify_order(order_number="unknown", **right)
    with pytest.raises(TypeError, match=r"^expected must be Expected"):
        client.wait(order, expected=right)  # type: ignore[arg-type]


def test_a_callback_must_be_sent_to_a_signed_url(sandbox: Sandbox) -> None:
    with sandbox.client(callback_secret="sixteen letters!") as client:
        order = new_payment(client)
        sandbox.decide(order, "approve")
        url = sandbox.control("GET", f"payments/{order}")["callback_url"]
        query = url.partition("?")[2]
        assert query.startswith("flexpay=1.")
        body = f'{{"code":"0","reference":"R-1","orderNumber":"{order}"}}'.encode()
        expected = {"reference": "R-1", "amount": "25.50", "currency": "USD"}
        assert client.verify_callback(body, query=query, **expected).state is State.PAID
        for wrong in (None, "", "flexpay=1.AAAA"):
            with pytest.raises(flexpay.FlexPayError):
                client.verify_callback(body, query=wrong, **expected)
    assert len(sandbox.requests("check")) == 1
    rotated = {
        "callback_secret": "another of sixteen",
        "callback_secret_previous": "sixteen letters!",
    }
    with sandbox.client(**rotated) as client:
        assert client.verify_callback(body, query="?" + query, **expected).state is State.PAID


def test_a_repeated_callback_has_the_same_key() -> None:
    first = flexpay.parse_callback(b'{"code":"0","reference":"R-1","orderNumber":"O-1"}')
    again = flexpay.parse_callback(b"Code=0.0&Reference=R-1&order_number=O-1")
    other = flexpay.parse_callback(b'{"code":"1","reference":"R-1","orderNumber":"O-1"}')
    assert re.fullmatch("[0-9a-f]{64}", first.key)
    assert first.key == again.key != other.key


def test_may_replace() -> None:
    assert State.PAID.may_replace(State.FAILED)
    assert State.REFUNDED.may_replace(State.PAID)
    assert not State.PAID.may_replace(State.PAID)
    assert not State.FAILED.may_replace(State.PAID)
    assert not State.UNKNOWN.may_replace(State.PENDING)


def test_results_cannot_be_changed(client: Client) -> None:
    payment = client.pay(reference="R-1", **ORDER)
    with pytest.raises(FrozenInstanceError):
        payment.order_number = "other"  # type: ignore[misc]


def test_a_client_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    with Client.from_env() as client:
        assert client.pay(reference="R-1", **ORDER).order_number is not None
    monkeypatch.delenv("FLEXPAY_TOKEN")
    with pytest.raises(flexpay.InvalidError) as caught:
        Client.from_env()
    assert caught.value.field == "FLEXPAY_TOKEN"


def test_every_setting_is_used(sandbox: Sandbox) -> None:
    settings = {"app_name": "BoutiqueZando/2.1", "check_once": True, "timeout_ms": 60_000}
    with sandbox.client(**settings, connect_timeout_ms=30_000) as client:
        sandbox.inject("check", "reply", status=500)
        with pytest.raises(flexpay.GatewayError):
            client.check("any")
    (request,) = sandbox.requests("check")
    headers = dict(request["headers"])
    assert "BoutiqueZando/2.1" in headers["user-agent"]
    assert headers["authorization"] == "Bearer " + sandbox.token
    with pytest.raises(flexpay.InvalidError, match="http"):
        Client(merchant="M", token="t", pay_url="http://gateway.example/")
    Client(merchant="M", token="t", pay_url="http://gateway.example/", allow_plain_http=True)
    Client(merchant="M", token="t", environment=flexpay.Environment.TEST)


def test_a_client_is_freed_with_its_last_reference(sandbox: Sandbox) -> None:
    client = sandbox.client()
    assert "open" in repr(client)
    handle = weakref.ref(client._handle)
    del client
    gc.collect()
    assert handle() is None


def test_an_exception_does_not_keep_the_client(sandbox: Sandbox) -> None:
    client = sandbox.client()
    handle = weakref.ref(client._handle)
    with pytest.raises(flexpay.NotFoundError) as caught:
        client.check("unknown")
    client.close()
    assert caught.value.__traceback__ is not None
    assert handle() is None


def test_the_token_is_not_visible(sandbox: Sandbox) -> None:
    client = sandbox.client(token="canary-token")
    with pytest.raises(flexpay.UnauthorizedError) as caught:
        client.pay(reference="R-1", **ORDER)
    for text in (repr(client), repr(caught.value), str(vars(caught.value)), str(vars(client))):
        assert "canary" not in text


@pytest.mark.parametrize("call", ["check", "wait"])
def test_the_error_explains_a_missing_order_number(sandbox: Sandbox, call: str) -> None:
    raises = pytest.raises(flexpay.InvalidError, match=r"v1\.1.*callback")
    with sandbox.client() as client, raises as caught:
        getattr(client, call)(None)
    assert caught.value.field == "order_number"
    assert sandbox.requests("check") == []


@pytest.mark.parametrize("where", [{}, {"data": {}}, {"transaction": {}}])
def test_a_refusal_with_an_order_number_is_unknown(sandbox: Sandbox, where: Dict[str, Any]) -> None:
    body: Dict[str, Any] = {"code": "1", "message": "Refus", **where}
    inner = next((value for value in body.values() if value == {}), body)
    inner["orderNumber"] = "O-1"
    sandbox.inject("pay", "reply", status=422, headers=[], body=json.dumps(body))
    with sandbox.client() as client, pytest.raises(flexpay.ReplyError) as caught:
        new_payment(client)
    assert caught.value.outcome is flexpay.Outcome.UNKNOWN
    assert caught.value.order_number == "O-1"
