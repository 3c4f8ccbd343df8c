"""Fifty processes on one journal. They are killed, and their connections too; then the journal is
compared with what the gateway has."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
import traceback
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import TIMEOUT_S, Sandbox, Servers
from databases import Database

import flexpay
from flexpay import Client, EntryState, JournalFilter
from flexpay.journal import DbApiStore

PROCESSES = 50
# How many of them are killed, if they run long enough.
KILLED = 15
# How often the connections of all are ended, if they run long enough.
ENDED = 15
# References that every process pays, and that only one pays.
SHARED = [f"S-{number}" for number in range(10)]
OWN_PER_PROCESS = 2

# What a process notes about an acknowledgement: before it, and after it.
WORDS = ("acknowledge", "deliver", "leave")

# The sandbox's customer with this number confirms at once.
WALLET = {
    "amount": "575",
    "currency": "CDF",
    "phone": "082 000 00 01",
    "callback_url": "https://shop.example/callback",
}

# What a payment may raise here. A JournalError may only come from a connection that was ended.
EXPECTED = (
    flexpay.InProgressError,
    flexpay.InDoubtError,
    # The reply was lost.
    flexpay.ConnectionLostError,
    flexpay.TimedOutError,
)


class Worker:
    """One process of the shop."""

    def __init__(self, database: Database, client: Client, log: Path) -> None:
        self.database = database
        self.client = client
        self.log = log
        self.connection: Any = None

    def store(self) -> DbApiStore:
        while self.connection is None:
            # The server may end the new connection at once.
            with suppress(Exception):
                self.connection = self.database.connect()
        return DbApiStore(self.connection)

    def note(self, *words: str) -> None:
        """Appends a line to the log, in one write: it is whole, or not there."""
        with self.log.open("ab", buffering=0) as file:
            file.write((" ".join(words) + "\n").encode())

    def run(self, references: List[str]) -> None:
        try:
            for reference in references:
                self.call(lambda store, name=reference: self.pay(store, name))
            random.shuffle(references)
            for reference in references:
                self.call(lambda store, name=reference: self.deliver(store, name))
            self.note("finished", str(os.getpid()))
        except BaseException:
            self.note("failed", json.dumps(traceback.format_exc()))

    def call(self, action: Any) -> None:
        try:
            action(self.store())
        except flexpay.JournalError:
            if self.is_connected():
                raise
            with suppress(Exception):
                self.connection.close()
            self.connection = None

    def is_connected(self) -> bool:
        try:
            with closing(self.connection.cursor()) as cursor:
                cursor.execute("SELECT 1")
            return True
        except self.connection.Error:
            return False

    def pay(self, store: DbApiStore, reference: str) -> None:
        with suppress(*EXPECTED):
            store.pay_mobile(self.client, reference=reference, **WALLET)

    def deliver(self, store: DbApiStore, reference: str) -> None:
        try:
            settlement = store.settle(self.client, reference)
        except flexpay.InvalidError as error:
            # The process that was to pay it lost its connection before it recorded anything.
            assert error.field == "reference", error
            return
        if settlement.to_deliver:
            self.note("acknowledge", reference)
            is_first = store.acknowledge(reference).changed
            self.note("deliver" if is_first else "leave", reference)

    def reconcile(self) -> None:
        try:
            store = self.store()
            assert store.reconcile(self.client).stopped is None
            for entry in store.list(JournalFilter.TO_DELIVER, limit=1000):
                self.deliver(store, entry.reference)
            self.note("finished", str(os.getpid()))
        except BaseException:
            self.note("failed", json.dumps(traceback.format_exc()))


def lines(log: Path) -> List[List[str]]:
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return [line.split(" ", 1) for line in text.splitlines()]


def count_killed(processes: List[Any]) -> int:
    return sum(process.exitcode == -signal.SIGKILL for process in processes)


@pytest.mark.parametrize("driver", ["sqlite3", "psycopg", "pymysql"])
def test_fifty_processes(
    sandbox: Sandbox,
    servers: Servers,
    tmp_path: Path,
    driver: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = time.monotonic()
    database = Database(driver, servers.of(driver), tmp_path)
    database.run("DROP TABLE IF EXISTS flexpay_journal")
    with closing(database.connect()) as connection:
        DbApiStore(connection).create_tables()
    log = tmp_path / "log"
    fork = multiprocessing.get_context("fork")
    with sandbox.client(timeout_ms=10_000) as client:
        # Some replies are lost.
        for kind in ("reset_after_reading", "stall_after"):
            action: Dict[str, Any] = {"bytes": 0} if kind == "stall_after" else {}
            sandbox.inject("mobile", kind, times=3, **action)
        processes = []
        for number in range(PROCESSES):
            own = [f"P-{number}-{one}" for one in range(OWN_PER_PROCESS)]
            references = random.sample(SHARED + own, len(SHARED) + len(own))
            worker = Worker(database, client, log)
            processes.append(fork.Process(target=worker.run, args=(references,), daemon=True))
        for process in processes:
            process.start()

        ended: List[int] = []
        deadline = time.monotonic() + 3 * TIMEOUT_S
        while True:
            alive = [process for process in processes if process.is_alive()]
            if not alive:
                break
            assert time.monotonic() < deadline
            time.sleep(random.uniform(0, 0.5))
            if count_killed(processes) < KILLED:
                random.choice(alive).kill()
            if database.server is not None and len(ended) < ENDED:
                ended.append(database.kill_connections())
        killed = count_killed(processes)
        # As after the leases.
        database.run("UPDATE flexpay_journal SET lease_until = 0")
        later = [
            fork.Process(target=Worker(database, client, log).reconcile, daemon=True)
            for _ in range(5)
        ]
        for process in later:
            process.start()
        for process in later:
            process.join(TIMEOUT_S)

        # The callbacks of what is in doubt.
        ledger = {one["reference"]: one for one in sandbox.control("GET", "payments")}
        with closing(database.connect()) as connection:
            store = DbApiStore(connection)
            in_doubt = store.list(JournalFilter.IN_DOUBT, limit=1000)
            for entry in in_doubt:
                if entry.reference in ledger:
                    number = ledger[entry.reference]["order_number"]
                    body = (
                        f'{{"code":"0","reference":"{entry.reference}","orderNumber":"{number}"}}'
                    )
                    assert store.settle_callback(client, body.encode()).changed
            for entry in store.list(JournalFilter.TO_DELIVER, limit=1000):
                Worker(database, client, log).deliver(store, entry.reference)
            entries = {one.reference: one for one in store.list(limit=1000)}

    failures = [json.loads(line[1]) for line in lines(log) if line[0] == "failed"]
    assert failures == []
    # A process may be killed after it has finished.
    finished = {int(line[1]) for line in lines(log) if line[0] == "finished"}
    expected = {one.pid for one in processes + later if one.exitcode != -signal.SIGKILL}
    assert expected <= finished

    # 1. One request a reference, unless the journal knows that nothing was sent.
    requests = [json.loads(one["body"])["reference"] for one in sandbox.requests("mobile")]
    assert max(Counter(requests).values()) == 1
    # 2. Nothing is forgotten. 3. Nothing is PAID that is not.
    assert set(ledger) <= set(requests)
    for reference, payment in ledger.items():
        entry = entries[reference]
        assert (entry.state, entry.order_number) == (EntryState.PAID, payment["order_number"])
    # 5. What was not sent is either known to be so, or in doubt. So is what a killed process sent,
    # if the network delivered it after the ledger was read.
    not_sent = {one.state for reference, one in entries.items() if reference not in ledger}
    assert not_sent <= {EntryState.IN_DOUBT, EntryState.NOT_SENT}
    # 4. Everything is delivered, once. A process that is killed, or loses its connection, during
    # the acknowledgement does not know what came of it.
    noted = {word: Counter(name for kind, name in lines(log) if kind == word) for word in WORDS}
    begun, delivered, left = (noted[word] for word in WORDS)
    assert max(delivered.values()) == 1
    assert not any(one.to_deliver for one in entries.values())
    lost = set(ledger) - set(delivered)
    assert set(delivered) <= set(ledger)
    assert all(begun[one] > left[one] for one in lost)
    with capsys.disabled():
        states = Counter(one.state.name for one in entries.values())
        print(
            f"\n{driver}: {PROCESSES} processes, {killed} killed, {sum(ended)} connections ended;"
            f" {len(requests)} requests for {len(entries)} entries ({dict(states)}),"
            f" {len(in_doubt)} in doubt after reconciling, {len(delivered)} delivered;"
            f" {time.monotonic() - began:.1f} s"
        )
