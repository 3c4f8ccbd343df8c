"""The result values: frozen dataclasses."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from datetime import datetime
from decimal import Decimal

import pytest
from conftest import Sandbox, new_payment

import flexpay
from flexpay import Callback, Payment, Reconciliation, Settlement, State, Transaction

BODY = b'{"code":"0","reference":"R-1","orderNumber":"O-1"}'
PAYMENT = Payment("u", "o", "0", "m", "long")


@pytest.mark.parametrize("kind", [Payment, Transaction, Callback, Settlement, Reconciliation])
def test_results_are_frozen_dataclasses(kind: type) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_a_field_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAYMENT.code = "1"  # type: ignore[misc]
    assert PAYMENT.code == "0"


def test_repr_omits_long_fields() -> None:
    assert "long" not in repr(PAYMENT)
    assert "trace" not in repr(dataclasses.replace(PAYMENT, trace="{}"))
    callback = flexpay.parse_callback(BODY)
    assert callback.key not in repr(callback)
    assert callback.raw not in repr(callback)


def test_a_transaction_can_be_copied_and_pickled(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        order = new_payment(client)
        transaction = client.check(order)
        assert transaction == client.check(order)
    assert transaction.state is State.PENDING
    assert transaction.amount == Decimal("25.50")
    assert isinstance(transaction.created_at, datetime)
    for copied in (
        pickle.loads(pickle.dumps(transaction)),
        copy.deepcopy(transaction),
        dataclasses.replace(transaction),
    ):
        assert copied == transaction
    changed = dataclasses.replace(transaction, state=State.PAID)
    assert (changed.state, transaction.state) == (State.PAID, State.PENDING)
