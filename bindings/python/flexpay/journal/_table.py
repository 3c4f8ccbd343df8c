"""The table: loads an entry, asks the rule of the library what to do, and writes the new entry if
nobody has changed it meanwhile. It decides nothing itself.

An event and the new entry cross to the library as JSON text: see docs/journal.md.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, TypeVar

from .. import _results
from .._arguments import invalid
from .._codes import Outcome, ResultCode
from .._enums import JournalFilter
from .._errors import BY_CODE, FlexPayError, JournalError
from .._library import library
from ._databases import database_of

T = TypeVar("T")
Json = Dict[str, Any]

SETTLE: Json = {"event": "settle"}

# How often a transaction that lost against others is repeated.
_TRIES = 50

# How many rows are read at once.
_PAGE = 500

_CONDITIONS = {
    JournalFilter.ALL: "state <> 'PRUNED'",
    JournalFilter.OPEN: "is_open = 1",
    JournalFilter.IN_DOUBT: "state = 'IN_DOUBT'",
    JournalFilter.TO_DELIVER: "to_deliver = 1",
}


class Row(NamedTuple):
    """A row of the table."""

    reference: str
    #: The entry as JSON text; empty if it was pruned.
    text: str
    version: int
    is_open: bool
    to_deliver: bool
    created_at: str
    changed_at: str
    sender_is_alive: bool

    @property
    def entry(self) -> Json:
        try:
            entry: Json = json.loads(self.text)
            return entry
        except ValueError as error:
            raise self.damaged() from error

    def damaged(self) -> JournalError:
        return _journal_error(f"the entry of {self.reference} is damaged: it cannot be read")


class Applied(NamedTuple):
    """What came of an event."""

    #: The row as it is now.
    row: Row
    #: The reply of the rule.
    reply: Json


def step(row: Optional[Row], event: Json) -> Json:
    """What the rule says of an event."""
    request = {
        "entry": None if row is None else row.entry,
        "sender_is_alive": row is not None and row.sender_is_alive,
        "event": event,
    }
    return ask_rule(request)


def ask_rule(request: Json) -> Json:
    """The rule of the library."""
    functions = library().functions
    address = _results.call(functions.flexpay_journal_step, json.dumps(request).encode())
    text = _results.copy_and_free(address, functions.flexpay_text_free, _results.text)
    reply: Json = json.loads(text)
    return reply


def refusal(error: Json) -> FlexPayError:
    """The error of an event that the rule refuses."""
    code = ResultCode[error["code"]]
    return BY_CODE[code](
        error["message"],
        code=code,
        outcome=Outcome[error["outcome"]],
        field=error["field"],
        order_number=error["order_number"],
    )


class Table:
    """The table, through one connection of the caller."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._database = database = database_of(connection)
        self._select = (
            "SELECT reference, entry, version, is_open, to_deliver, created_at, changed_at,"
            f" COALESCE(lease_until, 0) > {database.clock} FROM flexpay_journal"
        )

    def create(self) -> None:
        with self._errors():
            for statement in self._database.statements():
                with closing(self._connection.cursor()) as cursor:
                    cursor.execute(statement)
            self._connection.commit()

    def check_transaction(self, commit: bool) -> None:
        """Refuses to commit a transaction of the caller, and to write outside one without a
        commit."""
        with self._errors() if commit else nullcontext():
            self._check_transaction(commit)

    def _check_transaction(self, commit: bool) -> None:
        if commit and self._database.in_transaction():
            raise invalid(
                "connection",
                "has an open transaction: commit it first. (settle, settle_callback, acknowledge"
                " and resolve can also write in it, with commit=False.)",
            )
        if not commit and self._database.is_autocommit() and not self._database.in_transaction():
            raise invalid("connection", "has no open transaction for commit=False: begin one")

    def apply(self, reference: str, event: Json, commit: bool, lease_s: int = 0) -> Applied:
        """Gives an event to the entry of a reference. Raises the error if the rule refuses it.

        commit: whether in a transaction of its own, or in that of the caller.
        lease_s: how long the sender of a request is taken to be alive.
        """
        row, reply = self.record(reference, event, commit, lease_s)
        if row is None or reply["error"] is not None:
            raise refusal(reply["error"])
        return Applied(row, reply)

    def record(
        self, reference: str, event: Json, commit: bool, lease_s: int = 0
    ) -> Tuple[Optional[Row], Json]:
        """The same. A refusal is in the reply."""
        with self._errors() if commit else nullcontext():
            self._check_transaction(commit)
            return self._repeat(reference, event, commit, lease_s)

    def _repeat(
        self, reference: str, event: Json, commit: bool, lease_s: int
    ) -> Tuple[Optional[Row], Json]:
        # The caller's transaction may see an old version. And what it learns must stay true until
        # its commit: of two transactions that deliver, the second one waits for the first.
        lock = not commit
        for number in range(_TRIES):
            try:
                with self._transaction() if commit else nullcontext():
                    applied = self._apply_once(reference, event, lock, lease_s)
                if applied is not None:
                    return applied
            except self._connection.Error as error:
                if not commit or not self._database.is_conflict(error):
                    raise
            if commit:
                time.sleep(random.uniform(0, 0.01 * (number + 1)))
        raise _journal_error("other programs change this entry all the time")

    def _apply_once(
        self, reference: str, event: Json, lock: bool, lease_s: int
    ) -> Optional[Tuple[Optional[Row], Json]]:
        """None: another program has changed the entry."""
        before = self.load(reference, lock)
        if before is not None and before.text == "":
            raise invalid(
                "reference",
                "was used before, and its entry was pruned from the journal: use a new reference"
                " for another payment",
            )
        reply = step(before, event)
        if reply["entry"] is None:
            return before, reply
        if not self._save(reference, before, reply, lease_s):
            return None
        return self.load(reference), reply

    def _save(self, reference: str, before: Optional[Row], reply: Json, lease_s: int) -> bool:
        """Writes the new entry, if nobody has changed it since it was read."""
        entry = reply["entry"]
        columns = {
            "state": entry["state"],
            "is_open": int(reply["is_open"]),
            "to_deliver": int(reply["to_deliver"]),
            "order_number": entry["order_number"],
            "entry": json.dumps(entry),
        }
        clock, now = self._database.clock, self._database.time
        lease = [lease_s] if reply["action"] == "send" else []
        if before is None:
            names = ", ".join(columns)
            self._run(
                f"INSERT INTO flexpay_journal (reference, version, {names},"
                " created_at, changed_at, lease_until)"
                f" VALUES (?, 1, ?, ?, ?, ?, ?, {now}, {now}, {clock} + ?)",
                reference,
                *columns.values(),
                *lease,
            )
            return True
        names = ", ".join(f"{name} = ?" for name in columns)
        if lease:
            names += f", lease_until = {clock} + ?"
        written = self._run(
            f"UPDATE flexpay_journal SET {names}, changed_at = {now}, version = version + 1"
            " WHERE reference = ? AND version = ?",
            *columns.values(),
            *lease,
            reference,
            before.version,
        )
        return written == 1

    def time(self, commit: bool) -> int:
        """The seconds since 1970, by the clock of the database. One that is before 1970 is only
        wrong."""
        clock = f"SELECT {self._database.clock}"
        ((now,),) = self.read(lambda: self._fetch(clock), commit)
        return max(0, int(now))

    def load(self, reference: str, lock: bool = False) -> Optional[Row]:
        """lock: reads the newest version, and locks it until the transaction ends."""
        if lock and self._database.lock:
            self._run(self._database.lock, reference)
        end = self._database.for_update if lock else ""
        found = self._rows(f"{self._select} WHERE reference = ?{end}", reference)
        if found and found[0].reference != reference:
            # "r-1" is not "R-1", and each may be another order.
            raise _journal_error(
                f"the table does not compare references byte by byte: it has {found[0].reference}"
                f" for {reference}. Its column is not that of the SQL file of this package"
            )
        return found[0] if found else None

    def may_send(self, row: Row, longest_s: int) -> bool:
        """Whether the lease lasts for a request of so many seconds, and nobody has changed the
        entry. It asks the database: the clock of a machine stands still while it is suspended."""
        lease = f"SELECT lease_until > {self._database.clock} + ? FROM flexpay_journal"
        found = self.read(
            lambda: self._fetch(
                f"{lease} WHERE reference = ? AND version = ?",
                longest_s,
                row.reference,
                row.version,
            )
        )
        return bool(found and found[0][0])

    def by_order_number(self, order_number: str) -> Optional[Row]:
        found = self._rows(f"{self._select} WHERE order_number = ? LIMIT 1", order_number)
        return found[0] if found else None

    def page(self, filter: JournalFilter, after: str, limit: int) -> List[Row]:
        return self._rows(
            f"{self._select} WHERE {_CONDITIONS[filter]} AND reference > ?"
            " ORDER BY reference LIMIT ?",
            after,
            limit,
        )

    def all(self, filter: JournalFilter) -> List[Row]:
        rows: List[Row] = []
        while True:
            after: str = rows[-1].reference if rows else ""
            page = self.read(partial(self.page, filter, after, _PAGE))
            rows += page
            if len(page) < _PAGE:
                return rows

    def prune(self, days: int) -> int:
        with self._errors():
            self.check_transaction(commit=True)
            ((now,),) = self._fetch(f"SELECT {self._database.time}")
            before = (_results.utc_time(now) - timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")
            removed = 0
            after = ""
            while True:
                with self._transaction():
                    rows = self._fetch(
                        "SELECT reference, version, state FROM flexpay_journal"
                        " WHERE is_open = 0 AND to_deliver = 0 AND state <> 'PRUNED'"
                        " AND changed_at < ? AND reference > ? ORDER BY reference LIMIT ?",
                        before,
                        after,
                        _PAGE,
                    )
                    for reference, version, state in rows:
                        removed += self._prune(reference, version, state)
                if len(rows) < _PAGE:
                    return removed
                after = rows[-1][0]

    def _prune(self, reference: str, version: int, state: str) -> int:
        # Nothing was taken under the references of these states: they are free again. The others
        # stay used.
        statement = "UPDATE flexpay_journal SET state = 'PRUNED', order_number = NULL, entry = '',"
        statement += " version = version + 1"
        if state in ("NOT_SENT", "REFUSED"):
            statement = "DELETE FROM flexpay_journal"
        return self._run(f"{statement} WHERE reference = ? AND version = ?", reference, version)

    def read(self, query: Callable[[], T], commit: bool = True) -> T:
        """Runs a query, and ends the transaction that the driver opens for it; not one of the
        caller.

        commit: False: leaves everything to the caller, also the errors of the driver.
        """
        if not commit:
            return query()
        with self._errors():
            if self._database.in_transaction():
                return query()
            try:
                return query()
            finally:
                # Nothing was written.
                with suppress(self._connection.Error):
                    self._connection.rollback()

    def _run(self, statement: str, *values: Any) -> int:
        """Runs a statement, and returns how many rows it changed."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement.replace("?", self._database.parameter), values)
            return int(cursor.rowcount)

    def _fetch(self, statement: str, *values: Any) -> List[Tuple[Any, ...]]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement.replace("?", self._database.parameter), values)
            # The caller may have chosen rows that are dicts.
            return [
                tuple(map(_text, row.values() if isinstance(row, dict) else row))
                for row in cursor.fetchall()
            ]

    def _rows(self, statement: str, *values: Any) -> List[Row]:
        return [
            Row(
                reference,
                text,
                version,
                bool(is_open),
                bool(to_deliver),
                created_at,
                changed_at,
                bool(sender_is_alive),
            )
            for (
                reference,
                text,
                version,
                is_open,
                to_deliver,
                created_at,
                changed_at,
                sender_is_alive,
            ) in self._fetch(statement, *values)
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction of the store: it is committed, or rolled back after an error."""
        try:
            yield
            self._commit()
        except BaseException:
            with suppress(self._connection.Error):
                self._connection.rollback()
            raise

    def _commit(self) -> None:
        try:
            self._connection.commit()
        except self._connection.Error as error:
            if self._database.is_conflict(error):
                raise
            problem = f"the commit was not confirmed, so it may be recorded: {_first_line(error)}"
            raise _journal_error(problem, Outcome.UNKNOWN) from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Makes a JournalError of an error of the driver."""
        try:
            yield
        except self._connection.Error as error:
            raise _journal_error(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _text(value: Any) -> Any:
    """A text that MariaDB keeps as bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _journal_error(problem: str, outcome: Outcome = Outcome.NOT_SENT) -> JournalError:
    message = f"the journal in the database: {problem}"
    return JournalError(message, outcome=outcome, field="journal")
