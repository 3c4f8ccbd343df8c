"""A client with a journal in a file."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from conftest import ORDER, WALLET, Sandbox

import flexpay
from flexpay import AsyncClient, Client, EntryState, JournalFilter, Kind, Outcome


@pytest.fixture
def client(sandbox: Sandbox, tmp_path: Path) -> Iterator[Client]:
    with sandbox.client(journal=tmp_path / "journal.db") as new_client:
        yield new_client


def pay(client: Client, reference: str = "R-1") -> str:
    order = client.pay(reference=reference, **ORDER).order_number
    assert order is not None
    return order


def callback(reference: str, order: str) -> bytes:
    return f'{{"code":"0","reference":"{reference}","orderNumber":"{order}"}}'.encode()


def test_a_payment_from_beginning_to_end(sandbox: Sandbox, client: Client) -> None:
    payment = client.pay(reference="R-1", **ORDER)
    assert not payment.is_recorded
    again = client.pay(reference="R-1", **ORDER)
    assert again.is_recorded
    assert (again.order_number, again.redirect_url) == (payment.order_number, payment.redirect_url)
    assert len(sandbox.requests("pay")) == 1

    open_entry = client.settle("R-1")
    assert (open_entry.state, open_entry.is_open) == (EntryState.ACCEPTED, True)
    assert open_entry.last_answer == "PENDING"
    assert open_entry.redirect_url == payment.redirect_url
    assert payment.order_number is not None
    sandbox.decide(payment.order_number, "approve")
    paid = client.settle("R-1", wait=True, interval_ms=10)
    assert (paid.state, paid.changed, paid.to_deliver) == (EntryState.PAID, True, True)
    assert (paid.reference, paid.kind, paid.amount) == ("R-1", Kind.CARD, "25.50")
    assert (paid.currency, paid.phone, paid.is_open) == ("USD", None, False)
    assert paid.created_at.tzinfo is timezone.utc
    assert paid.created_at <= paid.changed_at
    assert not client.settle("R-1").changed

    assert client.journal_acknowledge("R-1").changed
    assert not client.journal_acknowledge("R-1").changed
    assert not client.journal_get("R-1").to_deliver


def test_the_journal_of_the_environment(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**sandbox.settings, "FLEXPAY_API": "v1.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLEXPAY_JOURNAL", str(tmp_path / "journal.db"))
    with Client.from_env() as client:
        pay(client)
    with Client.from_env() as client:
        assert client.journal_get("R-1").state is EntryState.ACCEPTED


def test_other_terms_are_refused_by_name(sandbox: Sandbox, client: Client) -> None:
    client.pay_mobile(reference="R-1", **WALLET)
    for field, value in {"amount": "576", "currency": "USD", "phone": "0812345679"}.items():
        with pytest.raises(flexpay.InvalidError) as caught:
            client.pay_mobile(reference="R-1", **{**WALLET, field: value})
        assert caught.value.field == field
    with pytest.raises(flexpay.InvalidError) as caught:
        client.pay(reference="R-1", **ORDER)
    assert caught.value.field == "kind"
    assert client.journal_get("R-1").phone == "243812345678"
    assert len(sandbox.requests("mobile")) == 1


def test_in_doubt_and_a_callback(sandbox: Sandbox, client: Client) -> None:
    sandbox.inject("pay", "reset_after_reading")
    with pytest.raises(flexpay.ConnectionLostError):
        pay(client)
    with pytest.raises(flexpay.InDoubtError) as caught:
        pay(client)
    assert caught.value.outcome is Outcome.UNKNOWN
    assert client.settle("R-1").state is EntryState.IN_DOUBT
    (payment,) = sandbox.control("GET", "payments")
    order = payment["order_number"]
    sandbox.decide(order, "approve")
    assert client.settle_callback(callback("R-1", order)).changed
    assert client.journal_get("R-1").state is EntryState.PAID
    assert len(sandbox.requests("pay")) == 1


def test_callbacks_that_are_not_believed(sandbox: Sandbox, client: Client) -> None:
    pay(client)
    other = pay(client, "R-2")
    sandbox.decide(other, "approve")
    with pytest.raises(flexpay.MismatchError):
        client.settle_callback(callback("R-1", other))
    with pytest.raises(flexpay.InvalidError) as caught:
        client.settle_callback(callback("R-3", "O-3"))
    assert caught.value.field == "reference"
    with pytest.raises(flexpay.CallbackError):
        client.settle_callback(b"nonsense")
    assert client.journal_get("R-1").last_answer == "ACCEPTED"


def test_a_person_resolves(client: Client, sandbox: Sandbox) -> None:
    sandbox.inject("pay", "reset_after_reading")
    with pytest.raises(flexpay.ConnectionLostError):
        pay(client)
    said: Dict[str, Any] = {"who": "Awa", "why": "the console"}
    wrong: List[Any] = [EntryState.PAID, EntryState.IN_DOUBT, None, 99]
    for state in wrong:
        with pytest.raises(flexpay.InvalidError) as caught:
            client.journal_resolve("R-1", state=state, **said)
        assert caught.value.field == "state"
    with pytest.raises(flexpay.InvalidError) as caught:
        client.journal_resolve("R-1", state=EntryState.FAILED, who=" ", why="the console")
    assert caught.value.field == "who"

    order = sandbox.control("GET", "payments")[0]["order_number"]
    resolved = client.journal_resolve("R-1", order_number=order, **said)
    assert (resolved.state, resolved.order_number) == (EntryState.IN_DOUBT, order)
    sandbox.decide(order, "approve")
    paid = client.settle("R-1")
    assert (paid.state, paid.resolved_by, paid.resolved_why) == (
        EntryState.PAID,
        "Awa",
        "the console",
    )


def test_lists_and_reconciling(sandbox: Sandbox, client: Client) -> None:
    orders = {reference: pay(client, reference) for reference in ("R-1", "R-2", "R-3")}
    sandbox.decide(orders["R-1"], "approve")
    sandbox.decide(orders["R-2"], "decline")

    def references(*query: Any, **named: Any) -> List[str]:
        return [one.reference for one in client.journal_list(*query, **named)]

    assert references() == ["R-1", "R-2", "R-3"]
    assert references(limit=1, after="R-1") == ["R-2"]
    found = client.reconcile(timeout_ms=60_000)
    assert found.stopped is None
    assert {one.reference: one.state for one in found.settlements} == {
        "R-1": EntryState.PAID,
        "R-2": EntryState.FAILED,
        "R-3": EntryState.ACCEPTED,
    }
    assert references(JournalFilter.TO_DELIVER) == ["R-1"]
    assert references(JournalFilter.OPEN) == ["R-2", "R-3"]
    assert references(JournalFilter.IN_DOUBT) == []

    # Three bad replies, one after the other.
    sandbox.inject("check", "reset_after_reading", times=None)
    for reference in ("R-4", "R-5"):
        pay(client, reference)
    found = client.reconcile()
    assert found.stopped is not None
    assert found.stopped.startswith("CONNECTION: ")
    problems = {one.reference: one.problem for one in found.settlements}
    assert set(problems) == {"R-1", "R-2", "R-3", "R-4", "R-5"}
    assert len([one for one in problems.values() if one]) == 3

    stop = flexpay.CancelToken()
    stop.cancel()
    assert client.reconcile(cancel=stop).stopped == "CANCELLED: reconciling was cancelled"


def test_pruning(sandbox: Sandbox, client: Client, tmp_path: Path) -> None:
    sandbox.decide(pay(client), "approve")
    client.settle("R-1")
    client.journal_acknowledge("R-1")
    assert client.journal_prune(30) == 0
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database, database:
        database.execute("UPDATE entries SET changed_at = '2000-01-01T00:00:00Z'")
    assert client.journal_prune(30) == 1
    # It is not sent a second time.
    with pytest.raises(flexpay.InvalidError) as caught:
        pay(client)
    assert caught.value.field == "reference"
    with pytest.raises(flexpay.InvalidError) as caught:
        client.journal_prune(-1)
    assert caught.value.field == "days"


def test_a_client_without_a_journal(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        for call in (
            lambda: client.settle("R-1"),
            lambda: client.settle_callback(callback("R-1", "O-1")),
            client.reconcile,
            lambda: client.journal_get("R-1"),
            client.journal_list,
            lambda: client.journal_acknowledge("R-1"),
            lambda: client.journal_prune(1),
        ):
            with pytest.raises(flexpay.InvalidError) as caught:
                call()
            assert caught.value.field == "journal"
        assert not client.pay(reference="R-1", **ORDER).is_recorded


def test_a_journal_that_cannot_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    with sandbox.client(journal=str(tmp_path / "nowhere" / "journal.db")) as client:
        with pytest.raises(flexpay.JournalError) as caught:
            pay(client)
        assert caught.value.outcome is Outcome.NOT_SENT
    assert sandbox.requests("pay") == []


def test_wrong_arguments(client: Client) -> None:
    pay(client)
    wrong: List[Dict[str, Any]] = [{"wait": 1}, {"wait": True, "cancel": "token"}]
    for arguments in wrong:
        with pytest.raises(flexpay.InvalidTypeError):
            client.settle("R-1", **arguments)
    with pytest.raises(flexpay.InvalidError, match="timeout_ms is only allowed with wait=True"):
        client.settle("R-1", timeout_ms=5)
    with pytest.raises(flexpay.InvalidError):
        client.journal_list(99)  # type: ignore[arg-type]
    with pytest.raises(flexpay.InvalidError):
        client.journal_get("R-2")
    client.close()
    for call in (client.reconcile, client.journal_list, lambda: client.journal_prune(1)):
        with pytest.raises(flexpay.InvalidError, match="the client is closed"):
            call()


def test_asyncio(sandbox: Sandbox, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncClient(**sandbox.arguments(journal=tmp_path / "journal.db")) as client:
            order = (await client.pay(reference="R-1", **ORDER)).order_number
            assert order is not None
            assert (await client.pay(reference="R-1", **ORDER)).is_recorded
            assert (await client.settle("R-1")).state is EntryState.ACCEPTED
            sandbox.decide(order, "approve")
            assert (await client.settle("R-1", wait=True, timeout_ms=60_000)).changed
            assert not (await client.settle_callback(callback("R-1", order))).changed
            assert len((await client.reconcile(timeout_ms=60_000)).settlements) == 1
            assert len(await client.journal_list(JournalFilter.TO_DELIVER)) == 1
            assert (await client.journal_acknowledge("R-1")).changed
            assert not (await client.journal_get("R-1")).to_deliver
            assert await client.journal_prune(30) == 0
            with pytest.raises(flexpay.InvalidError):
                await client.journal_resolve("R-1", state=EntryState.FAILED, who="Awa", why="late")

    asyncio.run(main())


def test_the_wait_of_a_cancelled_task_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncClient(**sandbox.arguments(journal=tmp_path / "journal.db")) as client:
            await client.pay(reference="R-1", **ORDER)
            waiting = asyncio.ensure_future(client.settle("R-1", wait=True))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, sandbox.wait_for_request, "check")
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(main())
