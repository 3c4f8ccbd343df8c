"""The values that come back, against what `dataclasses` makes of the same fields."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import pprint
from datetime import datetime
from decimal import Decimal
from typing import Any, Dict

import pytest
from conftest import Sandbox, take_in

import flexpay
from flexpay import Callback, Payment, State, Transaction

BODY = b'{"code":"0","reference":"R-1","orderNumber":"O-1"}'


@dataclasses.dataclass(frozen=True)
class Model:
    """What a Payment is to be."""

    redirect_url: str
    order_number: str
    code: str
    message: str
    page: str = dataclasses.field(repr=False)


MODEL = Model("u", "o", "0", "m", "long")
PAYMENT = Payment("u", "o", "0", "m", "long")


def test_it_is_what_a_dataclass_is() -> None:
    assert repr(PAYMENT) == repr(MODEL).replace("Model", "Payment")
    assert hash(PAYMENT) == hash(MODEL)
    assert dataclasses.is_dataclass(PAYMENT)
    assert dataclasses.asdict(PAYMENT) == dataclasses.asdict(MODEL)
    assert [one.name for one in dataclasses.fields(Payment)] == list(dataclasses.asdict(MODEL))
    assert Payment.__match_args__ == tuple(dataclasses.asdict(MODEL))
    assert pprint.pformat(PAYMENT, width=1)
    assert Payment.__doc__ == "A payment that the gateway took in; the customer has yet to pay."


def test_equality() -> None:
    assert Payment(**dataclasses.asdict(PAYMENT)) == PAYMENT
    other = dataclasses.replace(PAYMENT, code="1")
    assert other.code == "1"
    assert other != PAYMENT
    assert PAYMENT != ("u", "o", "0", "m", "long")
    assert PAYMENT != MODEL


@pytest.mark.parametrize("name", ["code", "another"])
def test_nothing_can_be_changed(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(PAYMENT, name, "1")
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(PAYMENT, name)
    assert PAYMENT.code == "0"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ("", {}),
        ("uo0m", {}),
        ("uo0mp", {"another": "field"}),
        ("uo0mp+", {}),
        ("uo0m", {"code": "twice"}),
        ("uo0mp", {"code": "twice"}),
        ("uo0m", {"pages": "misspelt"}),
    ],
)
def test_each_field_is_given_once(values: str, named: Dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Payment is made of each of these once: redirect_url, "):
        Payment(*values, **named)


def test_what_is_made_later_is_as_if_it_had_been_there(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        order = take_in(client)

        def transaction() -> Transaction:
            return client.check(order)

        assert "state=<State.PENDING: 3>" in repr(transaction())
        assert transaction() == transaction()
        assert hash(transaction()) == hash(transaction())
        assert dataclasses.asdict(transaction())["amount"] == Decimal("25.50")
        for copied in (
            pickle.loads(pickle.dumps(transaction())),
            copy.copy(transaction()),
            copy.deepcopy(transaction()),
            dataclasses.replace(transaction()),
        ):
            assert copied == transaction()
            assert copied.state is State.PENDING
            assert isinstance(copied.created_at, datetime)
        one = transaction()
        assert one.amount is one.amount
        with pytest.raises(AttributeError, match="'Transaction' object has no attribute 'total'"):
            one.total  # type: ignore[attr-defined] # noqa: B018
        changed = dataclasses.replace(one, state=State.PAID)
        assert (changed.state, one.state) == (State.PAID, State.PENDING)


def test_one_that_was_never_made_says_so() -> None:
    with pytest.raises(AttributeError):
        Transaction.__new__(Transaction).state  # noqa: B018


def test_a_subclass() -> None:
    class Notice(Callback):
        pass

    callback = flexpay.parse_callback(BODY)
    notice = Notice(**dataclasses.asdict(callback))
    assert notice.reference == "R-1"
    assert notice != callback
    assert repr(notice).endswith(repr(callback)[len("Callback") :])
