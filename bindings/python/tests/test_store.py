"""The journal in the shop's own database: SQLite, MariaDB and PostgreSQL, on real servers."""

from __future__ import annotations

import functools
import importlib
import json
import signal
import sqlite3
import threading
from contextlib import closing
from datetime import timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
from conftest import ORDER, PACKAGE, ROOT, TIMEOUT_S, WALLET, Sandbox, Servers, python
from databases import NAMES, Database

import flexpay
from flexpay import Client, EntryState, JournalFilter, Kind, Outcome, Settlement
from flexpay.journal import DbApiStore, _databases, _store

TABLES = ("flexpay_journal", "orders")


class Shop:
    """A shop with a database, a client and a store."""

    def __init__(self, sandbox: Sandbox, database: Database, client: Client) -> None:
        self.sandbox = sandbox
        self.database = database
        self.client = client
        self.opened: List[Any] = []
        self.connection = self.connect()
        self.store = DbApiStore(self.connection)

    def connect(self, **options: Any) -> Any:
        connection = self.database.connect(**options)
        self.opened.append(connection)
        return connection

    def other_store(self) -> DbApiStore:
        """That of another program."""
        return DbApiStore(self.connect())

    def pay(self, reference: str = "R-1", store: Optional[DbApiStore] = None) -> str:
        chosen = self.store if store is None else store
        order = chosen.pay(self.client, reference=reference, **ORDER).order_number
        assert order is not None
        return order

    def paid(self, reference: str = "R-1") -> str:
        order = self.pay(reference)
        self.sandbox.decide(order, "approve")
        assert self.store.settle(self.client, reference).state is EntryState.PAID
        return order

    def lose_reply(self, reference: str = "R-1") -> str:
        """A payment whose reply is lost. Returns its order number, which the shop does not know."""
        self.sandbox.inject("pay", "reset_after_reading")
        with pytest.raises(flexpay.ConnectionLostError):
            self.pay(reference)
        return str(self.sandbox.control("GET", "payments")[-1]["order_number"])

    def sent(self, endpoint: str = "pay") -> int:
        return len(self.sandbox.requests(endpoint))

    def rows(self) -> List[Any]:
        """The whole table, as another program sees it."""
        return self.database.run("SELECT * FROM flexpay_journal ORDER BY reference")

    def during_payment(
        self,
        monkeypatch: pytest.MonkeyPatch,
        before: Callable[[], Any] = lambda: None,
        after: Callable[[], Any] = lambda: None,
    ) -> None:
        """Does something before the next request, or after its reply."""
        pay = self.client.pay

        @functools.wraps(pay)
        def patched(**request: Any) -> flexpay.Payment:
            monkeypatch.setattr(self.client, "pay", pay)
            before()
            try:
                return pay(**request)
            finally:
                after()

        monkeypatch.setattr(self.client, "pay", patched)


def new_shop(sandbox: Sandbox, servers: Servers, driver: str, folder: Path) -> Iterator[Shop]:
    database = Database(driver, servers.of(driver), folder)
    database.run(
        *(f"DROP TABLE IF EXISTS {table}" for table in TABLES),
        "CREATE TABLE orders (id VARCHAR(20) PRIMARY KEY, paid INTEGER)",
        "INSERT INTO orders VALUES ('O-1', 0)",
    )
    with sandbox.client(allow_payout=True) as client:
        shop = Shop(sandbox, database, client)
        shop.store.create_tables()
        yield shop
        for connection in shop.opened:
            try:
                connection.close()
            except Exception:
                # The test has ended it.
                continue


@pytest.fixture(params=NAMES)
def shop(
    request: pytest.FixtureRequest, sandbox: Sandbox, servers: Servers, tmp_path: Path
) -> Iterator[Shop]:
    yield from new_shop(sandbox, servers, request.param, tmp_path)


@pytest.fixture(params=[name for name in NAMES if name != "sqlite3"])
def server_shop(
    request: pytest.FixtureRequest, sandbox: Sandbox, servers: Servers, tmp_path: Path
) -> Iterator[Shop]:
    yield from new_shop(sandbox, servers, request.param, tmp_path)


@pytest.fixture
def sqlite_shop(sandbox: Sandbox, servers: Servers, tmp_path: Path) -> Iterator[Shop]:
    yield from new_shop(sandbox, servers, "sqlite3", tmp_path)


def callback(reference: str, order: str) -> bytes:
    return f'{{"code":"0","reference":"{reference}","orderNumber":"{order}"}}'.encode()


def references(settlements: List[Settlement]) -> List[str]:
    return [one.reference for one in settlements]


# What the journal of a client does too: see tests/journal.rs.


def test_a_payment_from_beginning_to_end(shop: Shop) -> None:
    store, client = shop.store, shop.client
    payment = store.pay(client, reference="R-1", **ORDER)
    assert not payment.is_recorded
    again = shop.other_store().pay(client, reference="R-1", **ORDER)
    assert again.is_recorded
    assert (again.order_number, again.redirect_url) == (payment.order_number, payment.redirect_url)
    assert shop.sent() == 1

    open_entry = store.settle(client, "R-1")
    assert (open_entry.state, open_entry.is_open) == (EntryState.ACCEPTED, True)
    assert (open_entry.last_answer, open_entry.changed) == ("PENDING", False)
    assert payment.order_number is not None
    shop.sandbox.decide(payment.order_number, "approve")
    paid = store.settle(client, "R-1", wait=True, interval_ms=10)
    assert (paid.state, paid.changed, paid.to_deliver) == (EntryState.PAID, True, True)
    assert (paid.reference, paid.kind, paid.amount) == ("R-1", Kind.CARD, "25.50")
    assert (paid.currency, paid.phone, paid.is_open) == ("USD", None, False)
    assert paid.created_at.tzinfo is timezone.utc
    assert paid.created_at <= paid.changed_at
    assert not store.settle(client, "R-1").changed

    assert references(store.list(JournalFilter.TO_DELIVER)) == ["R-1"]
    assert store.acknowledge("R-1").changed
    assert not shop.other_store().acknowledge("R-1").changed
    assert store.list(JournalFilter.TO_DELIVER) == []
    assert not store.get("R-1").to_deliver
    # Every call has ended its transaction, and the token is not in the table.
    assert not store._table._database.in_transaction()
    assert shop.sandbox.token not in str(shop.rows())


def test_mobile_money_and_payouts(shop: Shop) -> None:
    for method in (shop.store.pay_mobile, shop.store.payout):
        reference = method.__name__
        payment = method(shop.client, reference=reference, **WALLET)
        assert not payment.is_recorded
        assert method(shop.client, reference=reference, **WALLET).is_recorded
        assert shop.store.get(reference).phone == "243812345678"
        assert payment.order_number is not None
        shop.sandbox.decide(payment.order_number, "approve")
        assert shop.store.settle(shop.client, reference).state is EntryState.PAID
    assert shop.store.get("payout").kind is Kind.PAYOUT
    with pytest.raises(flexpay.InvalidError, match="is a payout"):
        shop.store.acknowledge("payout")
    assert (shop.sent("mobile"), shop.sent("payout")) == (1, 1)


def test_a_reference_that_cannot_be_sent_is_not_recorded(sqlite_shop: Shop) -> None:
    for reference in ("", " R-1", "R-1\n", "R\u200b1"):
        with pytest.raises(flexpay.InvalidError) as caught:
            sqlite_shop.pay(reference)
        assert caught.value.field == "reference"
    assert sqlite_shop.rows() == []
    assert sqlite_shop.sent() == 0


def test_other_terms_are_refused_by_name(shop: Shop) -> None:
    shop.store.pay_mobile(shop.client, reference="R-1", **WALLET)
    for field, value in {"amount": "576", "currency": "USD", "phone": "0812345679"}.items():
        with pytest.raises(flexpay.InvalidError) as caught:
            shop.store.pay_mobile(shop.client, reference="R-1", **{**WALLET, field: value})
        assert caught.value.field == field
    with pytest.raises(flexpay.InvalidError) as caught:
        shop.pay()
    assert caught.value.field == "kind"
    # The same amount, written in another way.
    again = shop.store.pay_mobile(shop.client, reference="R-1", **{**WALLET, "amount": "575.00"})
    assert again.is_recorded
    assert (shop.sent("mobile"), shop.sent()) == (1, 0)


def test_what_was_not_sent_or_was_refused_may_be_sent_again(shop: Shop) -> None:
    unreachable = shop.sandbox.client(pay_url="http://127.0.0.1:1/v1.1/pay")
    with unreachable, pytest.raises(flexpay.ConnectError):
        shop.store.pay(unreachable, reference="R-1", **ORDER)
    assert shop.store.get("R-1").state is EntryState.NOT_SENT
    shop.sandbox.inject("pay", "reply", status=400, body='{"code":"1","message":"Non"}')
    with pytest.raises(flexpay.RefusedError):
        shop.pay()
    assert shop.store.get("R-1").state is EntryState.REFUSED
    shop.pay()
    assert shop.store.get("R-1").state is EntryState.ACCEPTED


def test_in_doubt_and_a_callback(shop: Shop) -> None:
    order = shop.lose_reply()
    with pytest.raises(flexpay.InDoubtError) as caught:
        shop.pay()
    assert caught.value.outcome is Outcome.UNKNOWN
    assert shop.store.settle(shop.client, "R-1").state is EntryState.IN_DOUBT
    assert references(shop.store.list(JournalFilter.IN_DOUBT)) == ["R-1"]
    shop.sandbox.decide(order, "approve")
    settlement = shop.store.settle_callback(shop.client, callback("R-1", order))
    assert (settlement.state, settlement.changed) == (EntryState.PAID, True)
    assert not shop.store.settle_callback(shop.client, callback("R-1", order)).changed
    assert shop.sent() == 1


def test_a_callback_that_names_only_the_order(shop: Shop) -> None:
    order = shop.pay()
    shop.sandbox.decide(order, "approve")
    # The gateway has been seen to send it in place of the reference, too.
    for field in ("orderNumber", "reference"):
        body = f'{{"code":"0","{field}":"{order}"}}'.encode()
        assert shop.store.settle_callback(shop.client, body).state is EntryState.PAID


def test_callbacks_that_are_not_believed(shop: Shop) -> None:
    shop.pay()
    other = shop.paid("R-2")
    before = shop.rows()
    with pytest.raises(flexpay.MismatchError):
        shop.store.settle_callback(shop.client, callback("R-1", other))
    with pytest.raises(flexpay.InvalidError) as caught:
        shop.store.settle_callback(shop.client, callback("R-3", "O-3"))
    assert caught.value.field == "reference"
    with pytest.raises(flexpay.CallbackError):
        shop.store.settle_callback(shop.client, b"nonsense")
    assert shop.rows() == before


@pytest.mark.parametrize("secret", [None, "a secret of the shop"])
def test_a_second_order_under_a_reference(sqlite_shop: Shop, secret: Optional[str]) -> None:
    # The gateway has two payments under one reference. The callback names the one that the shop
    # does not know.
    shop, sandbox = sqlite_shop, sqlite_shop.sandbox
    client = sandbox.client(callback_secret=secret, allow_payout=True)
    shop.client = client
    payment = shop.store.payout(client, reference="R-1", **WALLET)
    known = payment.order_number
    with sandbox.client(allow_payout=True) as rival:
        second = rival.payout(reference="R-2", **WALLET).order_number
    assert known is not None
    assert second is not None
    url = sandbox.control("GET", f"payments/{known}")["callback_url"]
    query = url.partition("?")[2]
    count = len(sandbox.requests("check"))
    with pytest.raises(flexpay.MismatchError):
        shop.store.settle_callback(client, callback("R-1", second), query=query)
    # With a secret, the callback's own order is asked about: it is another payment. Without one,
    # nothing is asked.
    assert len(sandbox.requests("check")) - count == (0 if secret is None else 1)
    client.close()


def test_a_person_resolves(shop: Shop) -> None:
    order = shop.lose_reply()
    said: Dict[str, Any] = {"who": "Awa", "why": "the console"}
    wrong: List[Any] = [EntryState.PAID, EntryState.IN_DOUBT, None, 99]
    for state in wrong:
        with pytest.raises(flexpay.InvalidError) as caught:
            shop.store.resolve("R-1", state=state, **said)
        assert caught.value.field == "state"
    with pytest.raises(flexpay.InvalidError) as caught:
        shop.store.resolve("R-1", state=EntryState.FAILED, who=" ", why="the console")
    assert caught.value.field == "who"
    with pytest.raises(flexpay.InvalidError) as caught:
        shop.store.resolve("R-1", order_number="..", **said)
    assert caught.value.field == "order_number"
    resolved = shop.store.resolve("R-1", order_number=order, **said)
    assert (resolved.state, resolved.order_number) == (EntryState.IN_DOUBT, order)
    shop.sandbox.decide(order, "approve")
    paid = shop.store.settle(shop.client, "R-1")
    assert (paid.state, paid.resolved_by) == (EntryState.PAID, "Awa")
    with pytest.raises(flexpay.InvalidError) as caught:
        shop.store.resolve("R-1", state=EntryState.FAILED, **said)
    assert caught.value.field == "state"


def test_what_a_person_found_not_sent_may_be_sent_again(shop: Shop) -> None:
    shop.sandbox.inject("pay", "reply", status=502, body="")
    with pytest.raises(flexpay.GatewayError):
        shop.pay()
    resolved = shop.store.resolve(
        "R-1", state=EntryState.NOT_SENT, who="Awa", why="not in the console"
    )
    assert resolved.changed
    shop.pay()
    assert shop.store.get("R-1").state is EntryState.ACCEPTED


def test_lists_and_reconciling(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # Several pages.
    monkeypatch.setattr("flexpay.journal._table._PAGE", 2)
    orders = {reference: shop.pay(reference) for reference in ("R-1", "R-2", "R-3", "R-4")}
    shop.sandbox.decide(orders["R-1"], "approve")
    shop.sandbox.decide(orders["R-2"], "decline")
    assert references(shop.store.list()) == ["R-1", "R-2", "R-3", "R-4"]
    assert references(shop.store.list(limit=1, after="R-1")) == ["R-2"]
    found = shop.store.reconcile(shop.client)
    assert found.stopped is None
    assert {one.reference: (one.state, one.changed) for one in found.settlements} == {
        "R-1": (EntryState.PAID, True),
        "R-2": (EntryState.FAILED, True),
        "R-3": (EntryState.ACCEPTED, False),
        "R-4": (EntryState.ACCEPTED, False),
    }
    assert references(shop.store.list(JournalFilter.OPEN)) == ["R-2", "R-3", "R-4"]
    # A late PAID; and what is to be delivered is in the list until it is acknowledged.
    shop.sandbox.decide(orders["R-2"], "approve")
    found = shop.store.reconcile(shop.client)
    states = {one.reference: one.state for one in found.settlements if one.to_deliver}
    assert states == {"R-1": EntryState.PAID, "R-2": EntryState.PAID}

    # One bad reply does not stop the others.
    shop.sandbox.inject("check", "reset_after_reading", times=None)
    found = shop.store.reconcile(shop.client)
    assert found.stopped is None
    problems = {one.reference: one.problem for one in found.settlements if one.problem}
    assert set(problems) == {"R-3", "R-4"}
    assert all(problem.startswith("CONNECTION: ") for problem in problems.values())
    assert {one.last_answer for one in found.settlements if one.problem} == {"CONNECTION"}
    assert len(found.settlements) == 4
    # Three do.
    for reference in ("R-5", "R-6"):
        shop.pay(reference)
    found = shop.store.reconcile(shop.client)
    assert found.stopped is not None
    assert found.stopped.startswith("CONNECTION: ")
    assert len([one for one in found.settlements if one.problem]) == 3
    assert len(found.settlements) == 6
    # So does a gateway that cannot be reached.
    with shop.sandbox.client(check_url="http://127.0.0.1:1/check") as unreachable:
        found = shop.store.reconcile(unreachable)
    assert found.stopped is not None
    assert found.stopped.startswith("CONNECT: ")
    assert len([one for one in found.settlements if one.problem]) == 1
    monkeypatch.setattr("flexpay.journal._store.time.monotonic", iter([0.0, 1.0, 2.0]).__next__)
    found = shop.store.reconcile(shop.client, timeout_ms=1)
    assert found.stopped == "TIMEOUT: reconciling took longer than its time limit"


def test_references_are_compared_byte_by_byte(shop: Shop) -> None:
    # Two ways to write É.
    names = ["R-1", "r-1", "\u00c9-1", "E\u0301-1", "é-1", "z", "😀"]
    for name in names:
        shop.pay(name)
    assert shop.sent() == len(names)
    in_order = sorted(names, key=str.encode)
    assert references(shop.store.list()) == in_order
    assert references(shop.store.list(after=in_order[2])) == in_order[3:]
    assert all(shop.store.get(name).reference == name for name in names)
    # No reference ends with a blank: the rule refuses it, and no table takes it for another one.
    with pytest.raises(flexpay.InvalidError) as caught:
        shop.pay("z ")
    assert caught.value.field == "reference"
    with pytest.raises(flexpay.InvalidError, match="reference is longer than 255 characters"):
        shop.pay("z" * 256)


def test_pruned_references_stay_used(shop: Shop) -> None:
    shop.paid("R-1")
    shop.paid("R-2")
    shop.store.acknowledge("R-2")
    shop.pay("R-3")
    shop.sandbox.inject("pay", "reply", status=400, body='{"code":"1","message":"Non"}')
    with pytest.raises(flexpay.RefusedError):
        shop.pay("R-4")
    assert shop.store.prune(30) == 0
    shop.database.run("UPDATE flexpay_journal SET changed_at = '2000-01-01T00:00:00Z'")
    # Not those that are open or to be delivered.
    assert shop.store.prune(30) == 2
    assert shop.store.prune(30) == 0
    assert references(shop.store.list()) == ["R-1", "R-3"]
    sent = shop.sent()
    for call in (lambda: shop.pay("R-2"), lambda: shop.store.get("R-2")):
        with pytest.raises(flexpay.InvalidError) as caught:
            call()
        assert caught.value.field == "reference"
    assert shop.sent() == sent
    # Nothing was taken under this one.
    shop.pay("R-4")


# What only a journal in the shop's database does.


def test_a_payment_is_refused_in_an_open_transaction(shop: Shop) -> None:
    with closing(shop.connection.cursor()) as cursor:
        cursor.execute("UPDATE orders SET paid = 1")
    calls: List[Callable[[], Any]] = [
        shop.pay,
        lambda: shop.store.reconcile(shop.client),
        lambda: shop.store.settle(shop.client, "R-1"),
        lambda: shop.store.settle_callback(shop.client, callback("R-1", "O-1")),
        lambda: shop.store.acknowledge("R-1"),
        lambda: shop.store.prune(1),
    ]
    for call in calls:
        with pytest.raises(flexpay.InvalidError, match="commit it first") as caught:
            call()
        assert caught.value.field == "connection"
        assert caught.value.outcome is Outcome.NOT_SENT
    assert shop.rows() == []
    assert shop.sandbox.requests("pay") == []
    # The transaction is as it was.
    shop.connection.rollback()
    assert shop.database.run("SELECT paid FROM orders") == [(0,)]
    shop.pay()


def test_a_select_opens_a_transaction_too(server_shop: Shop) -> None:
    with closing(server_shop.connection.cursor()) as cursor:
        cursor.execute("SELECT * FROM orders FOR UPDATE")
        cursor.fetchall()
    with pytest.raises(flexpay.InvalidError, match="commit it first"):
        server_shop.pay()
    server_shop.connection.commit()
    server_shop.pay()


def test_the_order_and_the_journal_in_one_commit(shop: Shop) -> None:
    order = shop.pay()
    shop.sandbox.decide(order, "approve")
    before = shop.rows()

    def deliver() -> None:
        with closing(shop.connection.cursor()) as cursor:
            cursor.execute("UPDATE orders SET paid = paid + 1")
        body = callback("R-1", order)
        settlement = shop.store.settle_callback(shop.client, body, commit=False)
        assert (settlement.changed, settlement.to_deliver) == (True, True)
        assert shop.store.acknowledge("R-1", commit=False).changed
        assert not shop.store.acknowledge("R-1", commit=False).changed

    deliver()
    # Nothing is committed yet.
    assert shop.rows() == before
    shop.connection.rollback()
    assert shop.rows() == before
    deliver()
    shop.connection.commit()
    assert [list(row) for row in shop.database.run("SELECT paid FROM orders")] == [[1]]
    entry = shop.other_store().get("R-1")
    assert (entry.state, entry.to_deliver) == (EntryState.PAID, False)


def test_settling_in_the_transaction_of_the_caller(shop: Shop) -> None:
    order = shop.pay()
    shop.sandbox.decide(order, "approve")
    before = shop.rows()
    assert shop.store.settle(shop.client, "R-1", commit=False).changed
    shop.connection.rollback()
    assert shop.rows() == before
    # An error of the gateway is noted, and rolled back too.
    shop.sandbox.inject("check", "reply", times=None, status=401, body="{}")
    with pytest.raises(flexpay.UnauthorizedError):
        shop.store.settle(shop.client, "R-1", commit=False)
    shop.connection.rollback()
    assert shop.rows() == before
    said: Dict[str, Any] = {"who": "Awa", "why": "too late"}
    assert shop.store.resolve("R-1", state=EntryState.FAILED, commit=False, **said).changed
    shop.connection.rollback()
    assert shop.rows() == before


def autocommit_connection(shop: Shop) -> Any:
    if shop.database.driver == "sqlite3":
        return shop.connect(isolation_level=None)
    connection = shop.connect()
    connection.commit()
    if shop.database.driver == "pymysql":
        connection.autocommit(True)
    else:
        connection.autocommit = True
    return connection


def test_a_connection_that_commits_each_statement(shop: Shop) -> None:
    connection = autocommit_connection(shop)
    store = DbApiStore(connection)
    shop.sandbox.decide(shop.pay(store=store), "approve")
    before = shop.rows()
    with pytest.raises(flexpay.InvalidError, match="no open transaction for commit=False"):
        store.settle(shop.client, "R-1", commit=False)
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN")
        assert store.settle(shop.client, "R-1", commit=False).changed
        cursor.execute("ROLLBACK")
    assert shop.rows() == before
    assert store.settle(shop.client, "R-1").changed
    assert shop.other_store().acknowledge("R-1").changed


def test_the_caller_sees_an_old_version(shop: Shop) -> None:
    # The caller's transaction began before another program acknowledged.
    shop.paid()
    with closing(shop.connection.cursor()) as cursor:
        if shop.database.driver == "sqlite3":
            cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM flexpay_journal")
        cursor.fetchall()
        if shop.database.driver == "sqlite3":
            # SQLite locks the file against others, or would refuse to write later.
            other = sqlite3.connect(shop.database.file, timeout=0)
            with closing(other), pytest.raises(flexpay.JournalError, match="database is locked"):
                DbApiStore(other).acknowledge("R-1")
            return
    assert shop.other_store().acknowledge("R-1").changed
    assert not shop.store.acknowledge("R-1", commit=False).changed
    shop.connection.commit()


def impatient_connection(shop: Shop) -> Any:
    """A connection that waits for no lock of others for long."""
    if shop.database.driver == "sqlite3":
        connection = sqlite3.connect(shop.database.file, timeout=0)
        shop.opened.append(connection)
        return connection
    connection = shop.connect()
    setting = "lock_timeout = '100ms'"
    if shop.database.driver == "pymysql":
        setting = "SESSION innodb_lock_wait_timeout = 1"
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET {setting}")
    connection.commit()
    return connection


def test_two_transactions_do_not_both_deliver(shop: Shop) -> None:
    # It is PAID already, so that none of them writes what it learns.
    order = shop.paid()
    body = callback("R-1", order)
    connection = impatient_connection(shop)
    other = DbApiStore(connection)
    calls: List[Callable[[DbApiStore], Settlement]] = [
        lambda store: store.settle_callback(shop.client, body, commit=False),
        lambda store: store.settle(shop.client, "R-1", commit=False),
    ]

    def acknowledge(store: DbApiStore) -> Settlement:
        return store.acknowledge("R-1", commit=False)

    for call in calls:
        assert call(shop.store).to_deliver
        # The other one must wait for the commit of the first.
        for other_call in [*calls, acknowledge]:
            with pytest.raises(connection.OperationalError, match=r"(?i)lock"):
                other_call(other)
            connection.rollback()
        shop.connection.rollback()
    assert calls[0](shop.store).to_deliver
    assert shop.store.acknowledge("R-1", commit=False).changed
    shop.connection.commit()
    for call in calls:
        assert not call(other).to_deliver
    assert not other.acknowledge("R-1", commit=False).changed
    connection.rollback()


def test_acknowledging_what_is_acknowledged_locks_it_too(shop: Shop) -> None:
    shop.paid()
    assert shop.store.acknowledge("R-1").changed
    assert not shop.store.acknowledge("R-1", commit=False).changed
    connection = impatient_connection(shop)
    with pytest.raises(connection.OperationalError, match=r"(?i)lock"):
        DbApiStore(connection).acknowledge("R-1", commit=False)
    connection.rollback()
    shop.connection.commit()


def test_nothing_is_locked_while_the_gateway_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shop.pay()
    shop.sandbox.decide(order, "approve")
    other = DbApiStore(impatient_connection(shop))
    asked: List[str] = []

    def ask(name: str) -> None:
        method = getattr(shop.client, name)

        def patched(*values: Any, **named: Any) -> Any:
            other._table.apply("R-1", {"event": "no_verdict", "answer": name}, commit=True)
            asked.append(other.get("R-1").last_answer or "")
            return method(*values, **named)

        monkeypatch.setattr(shop.client, name, patched)

    ask("verify_order")
    ask("verify_callback")
    assert shop.store.settle(shop.client, "R-1", commit=False).to_deliver
    shop.connection.rollback()
    body = callback("R-1", order)
    assert shop.store.settle_callback(shop.client, body, commit=False).to_deliver
    shop.connection.rollback()
    assert asked == ["verify_order", "verify_callback"]


def test_another_program_is_faster(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # Between reading the entry and writing it.
    shop.sandbox.decide(shop.pay(), "approve")
    table, other = shop.store._table, shop.other_store()
    load = table.load

    def slow_load(reference: str, lock: bool = False) -> Any:
        row = load(reference, lock)
        monkeypatch.undo()
        if shop.database.driver == "sqlite3":
            shop.connection.commit()
        assert other.settle(shop.client, "R-1").changed
        return row

    row = table.read(lambda: load("R-1"))
    assert row is not None
    order: str = row.entry["order_number"]
    monkeypatch.setattr(table, "load", slow_load)
    assert not shop.store._record_verdict(row.entry, order, "PAID", True).changed
    assert shop.store.get("R-1").state is EntryState.PAID


def test_two_programs_begin_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    table, other = shop.store._table, shop.other_store()
    load = table.load

    def slow_load(reference: str, lock: bool = False) -> Any:
        row = load(reference, lock)
        monkeypatch.undo()
        shop.pay(store=other)
        return row

    monkeypatch.setattr(table, "load", slow_load)
    assert shop.store.pay(shop.client, reference="R-1", **ORDER).is_recorded
    assert shop.sent() == 1


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_serialization_failures(
    sandbox: Sandbox,
    servers: Servers,
    tmp_path: Path,
    driver: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for shop in new_shop(sandbox, servers, driver, tmp_path):
        shop.paid()
        repeatable_read = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE"
        with closing(shop.connection.cursor()) as cursor:
            cursor.execute(repeatable_read)
        shop.connection.commit()
        table, other = shop.store._table, shop.other_store()
        load = table.load

        def slow_load(
            reference: str,
            lock: bool = False,
            load: Any = load,
            other: DbApiStore = other,
        ) -> Any:
            row = load(reference, lock)
            monkeypatch.undo()
            other.acknowledge("R-1")
            return row

        # Our own transaction is repeated.
        monkeypatch.setattr(table, "load", slow_load)
        assert not shop.store.acknowledge("R-1").changed
        # The caller's is the caller's: the driver's error.
        shop.paid("R-2")
        with closing(shop.connection.cursor()) as cursor:
            cursor.execute("SELECT * FROM orders")
            cursor.fetchall()
        assert other.acknowledge("R-2").changed
        with pytest.raises(shop.connection.OperationalError, match="serialize"):
            shop.store.acknowledge("R-2", commit=False)
        shop.connection.rollback()


@pytest.mark.parametrize(
    "setting", ["innodb_lock_wait_timeout = 1", "innodb_snapshot_isolation = 1"]
)
def test_conflicts_of_mariadb(
    sandbox: Sandbox,
    servers: Servers,
    tmp_path: Path,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for shop in new_shop(sandbox, servers, "pymysql", tmp_path):
        shop.paid()
        with closing(shop.connection.cursor()) as cursor:
            cursor.execute(f"SET SESSION {setting}")
        table, other = shop.store._table, shop.other_store()
        load, repeated = table.load, threading.Event()

        def slow_load(
            reference: str,
            lock: bool = False,
            load: Any = load,
            other: DbApiStore = other,
            repeated: Any = repeated,
        ) -> Any:
            if repeated.is_set():
                # The second try: the other program has finished.
                other._table._connection.commit()
                monkeypatch.undo()
                return load(reference, lock)
            repeated.set()
            row = load(reference, lock)
            # It holds the lock of the row, or has changed it.
            other.acknowledge("R-1", commit="snapshot" in setting)
            return row

        monkeypatch.setattr(table, "load", slow_load)
        assert not shop.store.acknowledge("R-1").changed
        assert repeated.is_set()


# A sender that dies, and connections that are lost.


def test_while_another_program_sends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shop.other_store()

    def look() -> None:
        with pytest.raises(flexpay.InProgressError) as caught:
            shop.pay(store=other)
        assert caught.value.outcome is Outcome.UNKNOWN
        assert other.settle(shop.client, "R-1").state is EntryState.SENDING
        with pytest.raises(flexpay.InProgressError):
            other.resolve("R-1", state=EntryState.NOT_SENT, who="Awa", why="the console")
        # What is written meanwhile keeps the lease.
        other._table.apply("R-1", {"event": "no_verdict", "answer": "TIMEOUT"}, commit=True)
        with pytest.raises(flexpay.InProgressError):
            shop.pay(store=other)
        # No transaction is open, and no row is locked.
        assert not shop.store._table._database.in_transaction()

    shop.during_payment(monkeypatch, before=look)
    shop.pay()
    assert shop.store.get("R-1").state is EntryState.ACCEPTED
    assert shop.sent() == 1


def test_the_callback_is_faster_than_the_reply(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shop.other_store()

    def call_back() -> None:
        (payment,) = shop.sandbox.control("GET", "payments")
        order = payment["order_number"]
        # Only PAID is believed now. The order is noted.
        pending = other.settle_callback(shop.client, callback("R-1", order))
        assert (pending.state, pending.order_number) == (EntryState.SENDING, order)
        shop.sandbox.decide(order, "approve")
        assert other.settle_callback(shop.client, callback("R-1", order)).changed

    shop.during_payment(monkeypatch, after=call_back)
    payment = shop.store.pay(shop.client, reference="R-1", **ORDER)
    entry = shop.store.get("R-1")
    assert (entry.state, entry.redirect_url) == (EntryState.PAID, payment.redirect_url)


class Killed(BaseException):
    """Ends a call as a kill would: nothing is recorded after it."""


def test_the_lease_of_a_dead_sender(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill() -> None:
        raise Killed

    shop.during_payment(monkeypatch, after=kill)
    with pytest.raises(Killed):
        shop.pay()
    with pytest.raises(flexpay.InProgressError):
        shop.pay()
    # By the clock of the database: the client's timeout, and two minutes.
    clock = shop.store._table._database.clock
    ((left,),) = shop.database.run(f"SELECT lease_until - {clock} FROM flexpay_journal")
    assert 120 < left <= 151
    shop.database.run(f"UPDATE flexpay_journal SET lease_until = {clock} - 1")
    with pytest.raises(flexpay.InDoubtError):
        shop.pay()
    assert shop.store.get("R-1").state is EntryState.IN_DOUBT
    assert shop.sent() == 1
    (payment,) = shop.sandbox.control("GET", "payments")
    shop.sandbox.decide(payment["order_number"], "approve")
    body = callback("R-1", payment["order_number"])
    assert shop.store.settle_callback(shop.client, body).state is EntryState.PAID


def test_reconciling_finds_a_dead_sender(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill() -> None:
        raise Killed

    shop.pay("R-0")
    shop.during_payment(monkeypatch, before=kill)
    with pytest.raises(Killed):
        shop.pay()
    shop.database.run("UPDATE flexpay_journal SET lease_until = 0")
    # Also while the gateway cannot be reached.
    with shop.sandbox.client(check_url="http://127.0.0.1:1/check") as unreachable:
        found = shop.store.reconcile(unreachable)
    assert {one.reference: (one.state, one.changed) for one in found.settlements} == {
        "R-0": (EntryState.ACCEPTED, False),
        "R-1": (EntryState.IN_DOUBT, True),
    }
    assert not any(one.changed for one in shop.store.reconcile(shop.client).settlements)
    assert shop.sent() == 1


def test_a_sender_whose_lease_has_run_out_does_not_send(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_store, "LEASE_MARGIN_S", -1)
    with pytest.raises(flexpay.TimedOutError) as caught:
        shop.pay()
    assert caught.value.outcome is Outcome.NOT_SENT
    assert shop.store.get("R-1").state is EntryState.NOT_SENT
    assert shop.sandbox.requests("pay") == []
    monkeypatch.undo()
    shop.pay()


@pytest.mark.parametrize("change", ["lease_until = 5", "version = version + 1"])
def test_the_database_is_asked_just_before_sending(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    # This machine was suspended after it had recorded the request. Its own clock does not say so.
    apply = shop.store._table.apply

    def suspended(*values: Any, **named: Any) -> Any:
        applied = apply(*values, **named)
        shop.database.run(f"UPDATE flexpay_journal SET {change}")
        return applied

    monkeypatch.setattr(shop.store._table, "apply", suspended)
    with pytest.raises(flexpay.TimedOutError, match="nothing was sent") as caught:
        shop.pay()
    assert caught.value.outcome is Outcome.NOT_SENT
    assert shop.sandbox.requests("pay") == []
    assert shop.store.get("R-1").state is EntryState.NOT_SENT


def test_a_library_that_cannot_be_used_has_sent_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable() -> None:
        raise flexpay.LibraryError("it is broken")

    shop.during_payment(monkeypatch, before=unusable)
    with pytest.raises(flexpay.LibraryError):
        shop.pay()
    assert shop.store.get("R-1").state is EntryState.NOT_SENT
    shop.pay()


def test_the_reply_to_an_earlier_attempt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sender stood still: its lease ran out, a person said that nothing was sent, and another
    # program paid.
    other = shop.other_store()

    def pay_again() -> None:
        shop.database.run("UPDATE flexpay_journal SET lease_until = 0")
        with pytest.raises(flexpay.InDoubtError):
            shop.pay(store=other)
        other.resolve("R-1", state=EntryState.NOT_SENT, who="Awa", why="not in the console")
        shop.pay(store=other)

    shop.during_payment(monkeypatch, before=pay_again)
    # The gateway refuses the second request. The entry is that of the first.
    with pytest.raises(flexpay.InDoubtError) as caught:
        shop.pay()
    assert isinstance(caught.value.__context__, flexpay.RefusedError)
    entry = shop.store.get("R-1")
    assert (entry.state, entry.last_answer) == (EntryState.ACCEPTED, "ACCEPTED")
    assert caught.value.order_number == entry.order_number


def test_a_late_reply_is_not_hidden(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # The gateway accepted the earlier attempt. The customer must not be sent to its page as if the
    # entry were about it.
    other = shop.other_store()

    def begin_again() -> None:
        shop.database.run("UPDATE flexpay_journal SET lease_until = 0")
        with pytest.raises(flexpay.InDoubtError):
            shop.pay(store=other)
        other.resolve("R-1", state=EntryState.NOT_SENT, who="Awa", why="not in the console")
        unreachable = shop.sandbox.client(pay_url="http://127.0.0.1:1/v1.1/pay")
        with unreachable, pytest.raises(flexpay.ConnectError):
            other.pay(unreachable, reference="R-1", **ORDER)

    shop.during_payment(monkeypatch, after=begin_again)
    with pytest.raises(flexpay.InDoubtError) as caught:
        shop.pay()
    (payment,) = shop.sandbox.control("GET", "payments")
    assert caught.value.order_number == payment["order_number"]
    assert caught.value.outcome is Outcome.UNKNOWN
    entry = shop.store.get("R-1")
    assert (entry.state, entry.order_number) == (EntryState.IN_DOUBT, payment["order_number"])


def test_a_reply_that_is_to_be_recorded_in_a_damaged_entry(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sqlite_shop
    damage = 'UPDATE flexpay_journal SET entry = \'{"reference": "R-1"}\''
    shop.during_payment(monkeypatch, after=lambda: shop.database.run(damage))
    with pytest.raises(flexpay.JournalError, match="could not be recorded") as caught:
        shop.pay()
    (payment,) = shop.sandbox.control("GET", "payments")
    assert caught.value.order_number == payment["order_number"]
    assert caught.value.outcome is Outcome.UNKNOWN


def test_a_connection_that_is_lost_before_the_request(shop: Shop) -> None:
    if shop.database.server is None:
        shop.connection.close()
    else:
        assert shop.database.kill_connections() >= 1
    with pytest.raises(flexpay.JournalError) as caught:
        shop.pay()
    assert (caught.value.outcome, caught.value.field) == (Outcome.NOT_SENT, "journal")
    assert isinstance(caught.value.__cause__, shop.connection.Error)
    assert shop.sandbox.requests("pay") == []
    with pytest.raises(flexpay.JournalError):
        shop.store.get("R-1")
    shop.pay(store=shop.other_store())


class Unconfirmed:
    """A connection whose commits take effect, or not, and then fail. It is lost after that."""

    def __init__(self, connection: Any, takes_effect: bool = True) -> None:
        self.connection = connection
        self.takes_effect = takes_effect

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def commit(self) -> None:
        if self.takes_effect:
            self.connection.commit()
        self.connection.close()
        raise self.connection.OperationalError("the server closed the connection")


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_commit_that_is_not_confirmed(shop: Shop, takes_effect: bool) -> None:
    shop.paid()
    store = shop.other_store()
    store._table._connection = Unconfirmed(store._table._connection, takes_effect)
    with pytest.raises(flexpay.JournalError, match="it may be recorded") as caught:
        store.acknowledge("R-1")
    assert (caught.value.outcome, caught.value.field) == (Outcome.UNKNOWN, "journal")
    assert shop.store.acknowledge("R-1").changed is not takes_effect


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_payment_whose_record_is_not_confirmed_is_not_sent(
    shop: Shop, takes_effect: bool
) -> None:
    store = shop.other_store()
    store._table._connection = Unconfirmed(store._table._connection, takes_effect)
    with pytest.raises(flexpay.JournalError, match="it may be recorded") as caught:
        shop.pay(store=store)
    assert caught.value.outcome is Outcome.UNKNOWN
    assert shop.sandbox.requests("pay") == []
    if takes_effect:
        with pytest.raises(flexpay.InProgressError):
            shop.pay()
    else:
        shop.pay()


def test_a_connection_that_is_lost_during_the_request(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose = shop.connection.close if shop.database.server is None else shop.database.kill_connections
    shop.during_payment(monkeypatch, after=lose)
    with pytest.raises(flexpay.JournalError, match="the gateway accepted the payment") as caught:
        shop.pay()
    assert caught.value.outcome is Outcome.UNKNOWN
    (payment,) = shop.sandbox.control("GET", "payments")
    assert caught.value.order_number == payment["order_number"]
    store = shop.other_store()
    with pytest.raises(flexpay.InProgressError):
        shop.pay(store=store)
    shop.database.run("UPDATE flexpay_journal SET lease_until = 0")
    with pytest.raises(flexpay.InDoubtError):
        shop.pay(store=store)
    assert shop.sent() == 1


def test_a_lost_connection_keeps_the_outcome_of_a_refused_request(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sandbox.inject("pay", "reply", status=400, body='{"code":"1","message":"Non"}')
    lose = shop.connection.close if shop.database.server is None else shop.database.kill_connections
    shop.during_payment(monkeypatch, after=lose)
    with pytest.raises(flexpay.JournalError, match="could not be recorded") as caught:
        shop.pay()
    assert caught.value.outcome is Outcome.REFUSED


def test_a_lost_connection_in_the_transaction_of_the_caller(server_shop: Shop) -> None:
    shop = server_shop
    shop.paid()
    with closing(shop.connection.cursor()) as cursor:
        cursor.execute("UPDATE orders SET paid = 1")
    shop.database.kill_connections()
    with pytest.raises(shop.connection.Error):
        shop.store.acknowledge("R-1", commit=False)
    assert shop.other_store().get("R-1").to_deliver


def test_ctrl_c_does_not_lose_the_reply(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.inject("pay", "delay", ms=2000)
    script = f"""
import sqlite3, flexpay
from flexpay.journal import DbApiStore
store = DbApiStore(sqlite3.connect({str(tmp_path / "shop.db")!r}))
store.create_tables()
try:
    store.pay(flexpay.Client.from_env(), reference="R-1", **{ORDER!r})
except KeyboardInterrupt as interrupt:
    print(store.get("R-1").state.name, interrupt.__cause__.payment.order_number)
"""
    process = python(script, sandbox.environment(FLEXPAY_API="v1.1"))
    sandbox.wait_for_request("pay")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    (payment,) = sandbox.control("GET", "payments")
    assert (output, errors) == (f"ACCEPTED {payment['order_number']}\n", "")


# Arguments.


def test_rows_that_are_dicts(shop: Shop) -> None:
    driver = shop.database.driver
    module: Any = importlib.import_module(driver)
    if driver == "sqlite3":
        connection = shop.connect()
        connection.row_factory = sqlite3.Row
    elif driver == "psycopg":
        connection = shop.connect(row_factory=importlib.import_module("psycopg.rows").dict_row)
    elif driver == "psycopg2":
        extras = importlib.import_module("psycopg2.extras")
        connection = shop.connect(cursor_factory=extras.RealDictCursor)
    else:
        connection = shop.connect(cursorclass=module.cursors.DictCursor)
    store = DbApiStore(connection)
    shop.pay(store=store)
    assert references(store.list()) == ["R-1"]
    shop.database.run("UPDATE flexpay_journal SET lease_until = 0")
    assert store.prune(1) == 0


def test_an_entry_that_is_damaged(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    shop.pay()
    shop.database.run("UPDATE flexpay_journal SET entry = 'damaged'")
    for call in (shop.pay, shop.store.list):
        with pytest.raises(flexpay.JournalError, match="damaged") as caught:
            call()
        assert caught.value.outcome is Outcome.NOT_SENT
    # JSON, but no entry.
    shop.database.run('UPDATE flexpay_journal SET entry = \'{"reference": "R-1"}\'')
    with pytest.raises(flexpay.InvalidError) as refused:
        shop.pay()
    assert refused.value.field == "request"
    with pytest.raises(flexpay.JournalError, match="damaged"):
        shop.store.get("R-1")
    # It does not stop the others.
    order = shop.pay("R-2")
    shop.sandbox.decide(order, "approve")
    for entry in ("{}", "[]", "damaged"):
        shop.database.run(f"UPDATE flexpay_journal SET entry = '{entry}' WHERE reference = 'R-1'")
        found = shop.store.reconcile(shop.client)
        assert [(one.reference, one.state) for one in found.settlements] == [
            ("R-2", EntryState.PAID)
        ]
        assert found.stopped is not None
        assert "the entry of R-1 is damaged" in found.stopped
    assert shop.sent() == 2


def test_reconciling_an_entry_that_the_rule_cannot_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill() -> None:
        raise Killed

    shop.during_payment(monkeypatch, before=kill)
    with pytest.raises(Killed):
        shop.pay()
    order = shop.pay("R-2")
    shop.sandbox.decide(order, "approve")
    # The table has all its columns. The entry has a field of another type.
    ((text,),) = shop.database.run("SELECT entry FROM flexpay_journal WHERE reference = 'R-1'")
    entry = json.dumps({**json.loads(text), "sender": 5})
    damage = f"entry = '{entry}', lease_until = 0"
    shop.database.run(f"UPDATE flexpay_journal SET {damage} WHERE reference = 'R-1'")
    # Also while the gateway cannot be reached.
    with shop.sandbox.client(check_url="http://127.0.0.1:1/check") as unreachable:
        found = shop.store.reconcile(unreachable)
    assert set(references(list(found.settlements))) == {"R-1", "R-2"}
    assert found.stopped is not None
    found = shop.store.reconcile(shop.client)
    by_reference = {one.reference: one for one in found.settlements}
    assert by_reference["R-2"].state is EntryState.PAID
    assert by_reference["R-1"].problem is not None
    assert found.stopped is not None
    assert found.stopped.startswith("R-1: ")


def test_reconciling_with_a_connection_that_is_lost(
    server_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = server_shop
    shop.pay("R-1")
    shop.pay("R-2")
    verify_order = shop.client.verify_order

    def lose_connection(**expected: Any) -> Any:
        shop.database.kill_connections()
        return verify_order(**expected)

    monkeypatch.setattr(shop.client, "verify_order", lose_connection)
    found = shop.store.reconcile(shop.client)
    assert found.stopped is not None
    assert found.stopped.startswith("JOURNAL: ")
    assert set(references(list(found.settlements))) == {"R-1", "R-2"}


def test_a_verdict_has_the_time_of_the_database(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shop.pay()
    shop.sandbox.decide(order, "decline")
    body = callback("R-1", order)
    database = shop.store._table._database
    times: List[int] = []
    for clock in (1000, 2000, 3000):
        monkeypatch.setattr(database, "clock", str(clock))
        if clock == 1000:
            shop.store.settle(shop.client, "R-1")
        else:
            commit = clock == 2000
            shop.store.settle_callback(shop.client, body, commit=commit)
            shop.connection.commit()
        ((text,),) = shop.database.run("SELECT entry FROM flexpay_journal")
        times.append(json.loads(text)["failure_at"])
    assert times == [1000, 2000, 3000]
    monkeypatch.undo()
    assert shop.store._table.time(commit=True) > 1_700_000_000


def test_wrong_arguments(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    with pytest.raises(flexpay.InvalidTypeError, match="connection must be a connection of"):
        DbApiStore(object())
    wrong: Any = flexpay.AsyncClient(**shop.sandbox.arguments())
    with pytest.raises(flexpay.InvalidTypeError, match="client must be Client"):
        shop.store.pay(wrong, reference="R-1", **ORDER)
    with pytest.raises(TypeError, match="colour"):
        shop.store.pay(shop.client, reference="R-1", colour="red", **ORDER)
    with pytest.raises(flexpay.InvalidTypeError):
        shop.store.pay(shop.client, reference="R-1", **{**ORDER, "amount": 25.5})
    with pytest.raises(flexpay.InvalidError, match="phone"):
        shop.store.pay_mobile(shop.client, reference="R-1", **{**WALLET, "phone": "12"})
    assert shop.rows() == []
    with pytest.raises(flexpay.InvalidError, match="timeout_ms is only allowed with wait=True"):
        shop.store.settle(shop.client, "R-1", timeout_ms=5)
    calls: List[Callable[[], Any]] = [
        lambda: shop.store.get("R-1"),
        lambda: shop.store.settle(shop.client, "R-1"),
        lambda: shop.store.acknowledge("R-1"),
    ]
    for call in calls:
        with pytest.raises(flexpay.InvalidError) as caught:
            call()
        assert caught.value.field == "reference"
    with pytest.raises(ValueError, match="9"):
        shop.store.list(9)  # type: ignore[arg-type]
    for days in (0, -1):
        with pytest.raises(flexpay.InvalidError) as caught:
            shop.store.prune(days)
        assert caught.value.field == "days"


def test_a_client_with_a_journal_of_its_own(
    sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = sqlite_shop
    for name, value in shop.sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLEXPAY_JOURNAL", str(tmp_path / "journal.db"))
    # One that works, and one whose file cannot be used.
    for client in (Client.from_env(), shop.sandbox.client(journal=tmp_path)):
        calls: List[Callable[[Client], Any]] = [
            lambda client: shop.store.pay(client, reference="R-1", **ORDER),
            lambda client: shop.store.settle(client, "R-1"),
            lambda client: shop.store.settle_callback(client, callback("R-1", "O-1")),
            lambda client: shop.store.reconcile(client),
        ]
        for call in calls:
            with client_is_refused():
                call(client)
        client.close()
    assert shop.rows() == []
    assert shop.sandbox.requests("pay") == []


def client_is_refused() -> Any:
    return pytest.raises(flexpay.InvalidError, match="journal of the client is set")


def test_a_table_that_does_not_compare_byte_by_byte(sqlite_shop: Shop) -> None:
    shop = sqlite_shop
    ((schema,),) = shop.database.run("SELECT sql FROM sqlite_master WHERE name = 'flexpay_journal'")
    shop.database.run(
        "DROP TABLE flexpay_journal",
        schema.replace("NOT NULL PRIMARY KEY", "NOT NULL PRIMARY KEY COLLATE NOCASE"),
    )
    shop.pay("R-1")
    with pytest.raises(flexpay.JournalError, match="does not compare references byte by byte"):
        shop.pay("r-1")
    assert shop.sent() == 1


def test_sqlite_with_a_transaction_that_is_always_open(sqlite_shop: Shop) -> None:
    class Autocommit(sqlite3.Connection):
        # As of Python 3.12.
        autocommit = False

    with closing(sqlite3.connect(sqlite_shop.database.file, factory=Autocommit)) as connection:
        with pytest.raises(flexpay.InvalidError, match="autocommit=False"):
            DbApiStore(connection)
        connection.autocommit = True
        assert _databases.database_of(connection).is_autocommit()


@pytest.mark.parametrize(
    ("file", "php"),
    [("mysql", "mysql"), ("postgresql", "pgsql"), ("sqlite", "sqlite")],
)
def test_the_table_is_that_of_the_php_package(file: str, php: str) -> None:
    python_file = PACKAGE / "flexpay" / "journal" / f"{file}.sql"
    php_file = ROOT / "bindings" / "php" / "sql" / f"journal-{php}.sql"
    assert python_file.read_bytes() == php_file.read_bytes()


def test_the_settings_of_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FLEXPAY_TIMEOUT_MS", raising=False)
    with Client.from_env() as client:
        assert (client._timeout_ms, client._signs_callback_urls) == (30_000, False)
    monkeypatch.setenv("FLEXPAY_TIMEOUT_MS", " 5000 ")
    monkeypatch.setenv("FLEXPAY_CALLBACK_SECRET", "a secret of the shop")
    with Client.from_env() as client:
        assert (client._timeout_ms, client._signs_callback_urls) == (5000, True)
    with sandbox.client(timeout_ms=7000, callback_secret="a secret of the shop") as client:
        assert (client._timeout_ms, client._signs_callback_urls) == (7000, True)
