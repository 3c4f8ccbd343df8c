"""Mobile money, payouts, kinds and phone numbers."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any, Awaitable, Callable, Dict, List, Tuple, Union

import pytest
from conftest import ORDER, URLS, WALLET, Sandbox

import flexpay
from flexpay import AsyncClient, Client, Expected, InvalidError, Kind, Outcome, State

SECRET = "sixteen letters!"
EXPECTED: Dict[str, Any] = {"reference": "R-1", "amount": Decimal("575"), "currency": "CDF"}
# So that a test does not wait for the grace period.
QUICKLY: Dict[str, Any] = {"interval_ms": 10, "max_interval_ms": 10, "failed_grace_ms": 50}


def payments(sandbox: Sandbox) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = sandbox.control("GET", "payments")
    return found


def new_mobile_payment(client: Client, **others: Any) -> str:
    """Creates a mobile payment and returns its order number."""
    payment = client.pay_mobile(reference="R-1", **{**WALLET, **others})
    assert payment.order_number is not None
    return payment.order_number


def body_of(order: str) -> bytes:
    return f'{{"code":"0","reference":"R-1","orderNumber":"{order}"}}'.encode()


def query_of(sandbox: Sandbox) -> str:
    """The query string of the callback URL of the only payment."""
    (payment,) = payments(sandbox)
    return str(payment["callback_url"]).partition("?")[2]


@pytest.mark.parametrize("tls", [False, True])
def test_a_mobile_payment_from_beginning_to_end(sandbox: Sandbox, tls: bool) -> None:
    with sandbox.client(tls=tls) as client:
        payment = client.pay_mobile(
            reference="R-1",
            amount="575.00",
            currency="CDF",
            phone="+243 81 234-56-78",
            description="Deux pagnes",
            return_url="https://shop.example/back",
            **URLS,
        )
        assert (payment.redirect_url, payment.page, payment.trace) == (None, None, None)
        order = payment.order_number
        assert order is not None
        assert client.check(order).state is State.PENDING
        sandbox.decide(order, "approve")
        expected = Expected(order_number=order, kind=Kind.MOBILE, **EXPECTED)
        transaction = client.wait(order, expected=expected)
    assert transaction.state is State.PAID
    assert transaction.channel == "mpesa"
    assert transaction.trace is None
    (sent,) = sandbox.requests("mobile")
    assert json.loads(sent["body"]) == {
        "merchant": sandbox.merchant,
        "type": "1",
        "phone": "243812345678",
        "reference": "R-1",
        "amount": "575",
        "currency": "CDF",
        "callbackUrl": URLS["callback_url"],
        "description": "Deux pagnes",
        "approveUrl": URLS["approve_url"],
        "cancelUrl": URLS["cancel_url"],
        "declineUrl": URLS["decline_url"],
        "return_url": "https://shop.example/back",
    }


@pytest.mark.parametrize(
    ("decision", "state"),
    [("decline", State.FAILED), ("cancel", State.CANCELLED), ("expire", State.FAILED)],
)
def test_the_customer_does_not_confirm(
    sandbox: Sandbox, client: Client, decision: str, state: State
) -> None:
    order = new_mobile_payment(client)
    sandbox.decide(order, decision)
    expected = Expected(kind="mobile", **EXPECTED)
    assert client.wait(order, expected=expected, **QUICKLY).state is state


def test_the_gateway_refuses(sandbox: Sandbox, client: Client) -> None:
    # The sandbox's phone of a customer without money.
    with pytest.raises(flexpay.RefusedError, match="Insufficient funds") as caught:
        new_mobile_payment(client, phone="0820000003")
    assert caught.value.outcome is Outcome.REFUSED
    assert caught.value.gateway_message == "Insufficient funds"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "reset_after_reading"}, Outcome.UNKNOWN),
        ({"kind": "reply", "status": 502, "body": "Bad Gateway"}, Outcome.UNKNOWN),
        # Accepted, but there is nothing to wait for.
        ({"kind": "reply", "status": 200, "body": '{"code":"0"}'}, Outcome.UNKNOWN),
        ({"kind": "reply", "status": 422, "body": "{}"}, Outcome.REFUSED),
    ],
)
@pytest.mark.parametrize("name", ["mobile", "payout"])
def test_a_failure_is_not_retried(
    sandbox: Sandbox, name: str, fault: Dict[str, Any], outcome: Outcome
) -> None:
    sandbox.inject(name, times=None, **fault)
    with sandbox.client(allow_payout=True) as client:
        call = client.payout if name == "payout" else client.pay_mobile
        with pytest.raises(flexpay.FlexPayError) as caught:
            call(reference="R-1", **WALLET)
    assert caught.value.outcome is outcome
    assert len(sandbox.requests(name)) == 1


@pytest.mark.parametrize(
    "phone",
    [
        "0812345678",
        "081 234 56 78",
        "+243 81 234 56 78",
        "00243-812-345-678",
        "243.812.345.678",
        "(0)81 234 56 78",
        "\u00a0[081]\u202f234\u201156\u201178\n",
    ],
)
def test_a_phone_number(phone: str) -> None:
    assert flexpay.normalize_phone(phone) == "243812345678"


INVALID_PHONES = [
    ("", "is missing"),
    ("812345678", "does not begin with"),
    ("+33 6 12 34 56 78", "does not begin with"),
    ("+243 (0) 81 234 56 78", "a 0 too much"),
    ("08123456789", "10 digits"),
    ("081234567", "8 digits"),
    ("tel:0812345678", "contains 't'"),
    ("081/2345678", "contains '/'"),
    ("081+2345678", "contains '+'"),
    ("\u0660\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "contains"),
    ("0812345678 ou 0990000000", "contains 'o'"),
]


@pytest.mark.parametrize(("phone", "problem"), INVALID_PHONES)
def test_an_invalid_phone_number(sandbox: Sandbox, phone: str, problem: str) -> None:
    client = sandbox.client(allow_payout=True)
    for call in (
        lambda: flexpay.normalize_phone(phone),
        lambda: client.pay_mobile(reference="R-1", **{**WALLET, "phone": phone}),
        lambda: client.payout(reference="R-1", **{**WALLET, "phone": phone}),
    ):
        with pytest.raises(InvalidError) as caught:
            call()
        assert (caught.value.field, caught.value.outcome) == ("phone", Outcome.NOT_SENT)
        assert problem in str(caught.value)
    assert sandbox.requests("mobile") + sandbox.requests("payout") == []


def test_a_payout_must_be_allowed(sandbox: Sandbox, client: Client) -> None:
    with pytest.raises(InvalidError) as caught:
        client.payout(reference="P-1", **WALLET)
    assert (caught.value.field, caught.value.outcome) == ("allow_payout", Outcome.NOT_SENT)
    assert sandbox.requests("payout") == []


def test_a_payout(sandbox: Sandbox) -> None:
    with sandbox.client(allow_payout=True) as client:
        payment = client.payout(reference="R-1", **WALLET)
        assert (payment.redirect_url, payment.page) == (None, None)
        order = payment.order_number
        found = client.verify_order(order_number=order, kind=Kind.PAYOUT, **EXPECTED)
        assert found.state is State.PAID
        expected = Expected(order_number=order, kind="payout", **EXPECTED)
        assert client.wait(order, expected=expected).state is State.PAID
        # Nothing in a callback says that it is about a payout, and not about a payment.
        assert order is not None
        with pytest.raises(InvalidError) as caught:
            client.verify_callback(body_of(order), kind="payout", **EXPECTED)
        assert caught.value.field == "order_number"
        client.verify_callback(body_of(order), kind="payout", order_number=order, **EXPECTED)
    (sent,) = sandbox.requests("payout")
    assert json.loads(sent["body"])["phone"] == "243812345678"


def test_a_payout_that_fails(sandbox: Sandbox) -> None:
    with sandbox.client(allow_payout=True) as client:
        # The sandbox's phone that cannot receive, and the one whose payouts fail later.
        with pytest.raises(flexpay.RefusedError, match="Receiver invalid"):
            client.payout(reference="P-1", **{**WALLET, "phone": "0820000004"})
        payment = client.payout(reference="R-1", **{**WALLET, "phone": "0820000007"})
        found = client.verify_order(order_number=payment.order_number, kind="payout", **EXPECTED)
    assert found.state is State.FAILED


def test_an_address_is_signed_for_one_kind(sandbox: Sandbox) -> None:
    with sandbox.client(callback_secret=SECRET) as client:
        order = new_mobile_payment(client)
        sandbox.decide(order, "approve")
        query = query_of(sandbox)
        assert query.startswith("flexpay=1.")
        rights: List[Union[str, Kind]] = ["mobile", Kind.MOBILE]
        for right in rights:
            found = client.verify_callback(body_of(order), query=query, kind=right, **EXPECTED)
            assert found.state is State.PAID
        checks = len(sandbox.requests("check"))
        for wrong in (None, "card", Kind.CARD, "payout", Kind.PAYOUT):
            with pytest.raises(flexpay.MismatchError) as caught:
                client.verify_callback(body_of(order), query=query, kind=wrong, **EXPECTED)
            assert (caught.value.field, caught.value.outcome) == ("query", Outcome.NOT_SENT)
        assert len(sandbox.requests("check")) == checks


def test_a_payout_is_verified_by_its_signed_address(sandbox: Sandbox) -> None:
    with sandbox.client(callback_secret=SECRET, allow_payout=True) as client:
        order = client.payout(reference="R-1", **WALLET).order_number
        assert order is not None
        query = query_of(sandbox)
        found = client.verify_callback(body_of(order), query=query, kind="payout", **EXPECTED)
        assert found.state is State.PAID
        with pytest.raises(flexpay.MismatchError):
            client.verify_callback(body_of(order), query=query, kind="mobile", **EXPECTED)


def test_a_card_payment_is_no_mobile_payment(sandbox: Sandbox, client: Client) -> None:
    order = client.pay(reference="R-1", **ORDER).order_number
    assert order is not None
    transaction = {
        "orderNumber": order,
        "reference": "R-1",
        "amount": "25.5",
        "currency": "USD",
        "status": "0",
        "channel": "visa",
    }
    reply = {"code": "0", "transaction": transaction}
    sandbox.inject("check", "reply", times=None, status=200, body=json.dumps(reply))
    right: Dict[str, Any] = {"reference": "R-1", "amount": "25.50", "currency": "USD"}
    assert client.verify_order(order_number=order, **right).state is State.PAID
    for kind in (Kind.MOBILE, Kind.PAYOUT):
        with pytest.raises(flexpay.MismatchError) as caught:
            client.verify_order(order_number=order, kind=kind, **right)
        assert caught.value.field == "kind"


def test_a_kind_that_is_none(client: Client) -> None:
    for wrong in ("MOBILE", "cash", ""):
        with pytest.raises(InvalidError) as caught:
            Expected(kind=wrong, **EXPECTED)
        assert str(caught.value) == 'kind is neither "card" nor "mobile" nor "payout"'
        assert (caught.value.field, caught.value.outcome) == ("kind", Outcome.NOT_SENT)
    for number in (3, 2**31):
        with pytest.raises(InvalidError) as caught:
            client.verify_order(order_number="O-1", kind=number, **EXPECTED)  # type: ignore[arg-type]
        assert caught.value.field == "kind"
    with pytest.raises(TypeError, match=r"^kind must be"):
        Expected(kind=1.0, **EXPECTED)  # type: ignore[arg-type]


def test_asyncio(sandbox: Sandbox) -> None:
    async def main() -> None:
        settings = sandbox.arguments(allow_payout=True, callback_secret=SECRET)
        async with AsyncClient(**settings) as client:
            order = (await client.pay_mobile(reference="R-1", **WALLET)).order_number
            assert order is not None
            sandbox.decide(order, "approve")
            expected = Expected(order_number=order, kind="mobile", **EXPECTED)
            waited = await client.wait(order, expected=expected)
            verified = await client.verify_callback(
                body_of(order), query=query_of(sandbox), kind="mobile", **EXPECTED
            )
            paid_out = (await client.payout(reference="P-1", **WALLET)).order_number
            found = await client.verify_order(
                order_number=paid_out, kind="payout", **{**EXPECTED, "reference": "P-1"}
            )
            states = [one.state for one in (waited, verified, found)]
            assert states == [State.PAID] * 3
            with pytest.raises(InvalidError, match="phone"):
                await client.pay_mobile(reference="R-2", **{**WALLET, "phone": "0"})

    asyncio.run(main())


CALLS: List[Tuple[str, str, Callable[[AsyncClient], Awaitable[flexpay.Payment]]]] = [
    ("mobile", "payment request", lambda client: client.pay_mobile(reference="R-1", **WALLET)),
    ("payout", "payout request", lambda client: client.payout(reference="R-1", **WALLET)),
]


@pytest.mark.parametrize(("endpoint", "request_name", "call"), CALLS)
def test_a_cancelled_task_does_not_lose_the_result(
    sandbox: Sandbox,
    endpoint: str,
    request_name: str,
    call: Callable[[AsyncClient], Awaitable[flexpay.Payment]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sandbox.inject(endpoint, "delay", ms=500)

    async def main() -> None:
        async with AsyncClient(**sandbox.arguments(allow_payout=True)) as client:
            task = asyncio.ensure_future(call(client))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, sandbox.wait_for_request, endpoint)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            cause = caught.value.__cause__
            assert isinstance(cause, flexpay.PaymentInterrupted)
            assert cause.payment is not None
            (payment,) = payments(sandbox)
            assert cause.payment.order_number == payment["order_number"]
            assert str(cause) == (
                f"interrupted during the {request_name} for 'R-1': the gateway accepted it, order"
                f" number {payment['order_number']}"
            )
            assert [record.getMessage() for record in caplog.records] == [str(cause)]

    asyncio.run(main())
