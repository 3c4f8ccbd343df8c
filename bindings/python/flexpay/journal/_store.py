"""The calls of a shop, recorded in its own database."""

from __future__ import annotations

import inspect
import random
import secrets
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from .. import _results
from .._arguments import Amount, Body, amount_text, integer, invalid, text, wrong_type
from .._client import Client, Expected, normalize_phone, parse_callback
from .._codes import Outcome, ResultCode
from .._enums import EntryState, JournalFilter, Kind
from .._errors import (
    FlexPayError,
    InvalidError,
    JournalError,
    TimedOutError,
)
from .._interrupted import PaymentInterrupted
from .._models import Callback, Payment, Reconciliation, Settlement
from ._table import SETTLE, Json, Row, Table, refusal, step

# A request must begin within this time after its call. Its lease lasts as long, and as the longest
# request.
LEASE_MARGIN_S = 120

# After so many failures one after the other that are not about an order, no other order is asked
# about.
FAILURES_TO_STOP = 3

# The gateway answered, and the next order is as likely to have an answer.
_ABOUT_THE_ORDER = (
    ResultCode.NOT_FOUND,
    ResultCode.MISMATCH,
    ResultCode.INVALID,
    ResultCode.REFUSED,
)

# Asking about another order would fail too.
_ABOUT_ALL_ORDERS = (
    ResultCode.RESOLVE,
    ResultCode.CONNECT,
    ResultCode.TLS,
    ResultCode.PROXY,
    ResultCode.UNAUTHORIZED,
    ResultCode.CANCELLED,
    ResultCode.JOURNAL,
)

# The width of the column.
MAX_REFERENCE_LENGTH = 255


class DbApiStore:
    """The journal in a table of the shop's own database: MariaDB, MySQL, PostgreSQL or SQLite. It
    promises what the journal of a `Client` promises (see its setting `journal`), to all programs
    and machines that use the table. The client must have no journal of its own: it would be a
    second one, and each of the two would deliver once.

    connection: of psycopg, psycopg2, PyMySQL or sqlite3. One thread at a time may use it.

    **One table** is for one merchant, and for live or test. It does not check that: another
    merchant's payment with the same reference would be taken for this one's.

    **Transactions.** `pay`, `pay_mobile`, `payout`, `reconcile` and `prune` commit by themselves:
    what is about to be sent must be on the disk before. So they refuse a connection with an open
    transaction; most drivers open one with the first SELECT. The other calls do the same, unless
    you pass commit=False: then they write in your transaction, and you commit it. So one commit
    marks your order and the journal, or neither:

        settlement = store.settle_callback(client, body, query=query, commit=False)
        if settlement.to_deliver:
            if store.acknowledge(settlement.reference, commit=False).changed:
                cursor.execute("UPDATE orders SET ...")
        connection.commit()

    No row is locked while the gateway is asked. After that, the calls with commit=False lock the
    entry until you commit: do so soon. SQLite then locks its whole file.

    **A sender that dies.** A call records a lease before it sends: two minutes and the client's
    timeout, by the clock of the database. After it, the entry is IN_DOUBT. Just before it sends, a
    call asks the database whether the lease lasts for its request; if not, it does not send. What
    remains is a machine that stands still between that answer and its first byte for longer than
    the lease: it sends when it goes on. The gateway then gets a second request only if a person has
    resolved the entry as NOT_SENT meanwhile, and paid again.

    **Errors.** An error of the database is a JournalError; its cause is the driver's error. If the
    connection is lost before the request is recorded, nothing is sent: NOT_SENT. If it is lost
    after the request, the error has the outcome of the request: UNKNOWN if the gateway accepted it.
    Transactions that lose against others (deadlocks, serialization failures) are repeated. With
    commit=False, errors of the driver are raised as they are, and nothing is repeated: the
    transaction is yours.

    **A commit that is not confirmed.** If the connection is lost during a commit, the outcome is
    UNKNOWN: it may be recorded. A call that was about to send has sent nothing then; its entry, if
    there is one, is SENDING until its lease ends, and IN_DOUBT after that. If the call was
    `acknowledge`, the next one may return a settlement without `changed`, although nothing was
    delivered. So acknowledge with commit=False, in the transaction that marks your order: if its
    commit fails, your order says whether it took effect.

    **The disk.** What the database commits must be on its disk. That is not so with PostgreSQL's
    synchronous_commit=off, with an innodb_flush_log_at_trx_commit other than 1 in MariaDB and
    MySQL, and with synchronous=NORMAL in SQLite's WAL mode.

    **Replicas.** Use the table on the primary. A replica that is promoted without the newest
    commits has forgotten payments, and their references would be sent again. So replicate
    synchronously: PostgreSQL's synchronous_standby_names, or semi-synchronous replication in
    MariaDB and MySQL. After a failover to a replica that may lack commits, look at FlexPay's
    merchant console before you pay again what the table does not have.
    """

    def __init__(self, connection: Any) -> None:
        self._table = Table(connection)

    def create_tables(self) -> None:
        """Creates the table if there is none. Or add mysql.sql, postgresql.sql or sqlite.sql, which
        are in the folder of this module, to your migrations."""
        self._table.create()

    def pay(
        self, client: Client, *, reference: str, amount: Amount, currency: str, **request: Any
    ) -> Payment:
        """`Client.pay`, with the same arguments, at most once for a reference. A second call with
        the same reference sends nothing: it returns the recorded payment, or raises InDoubtError,
        InProgressError, or InvalidError if the amount or the currency is another. After NOT_SENT
        and REFUSED the request may be sent again.

        Raises JournalError in addition to what `Client.pay` raises.
        """
        request = {"reference": reference, "amount": amount, "currency": currency, **request}
        return self._pay(client, client.pay, Kind.CARD, request)

    def pay_mobile(
        self,
        client: Client,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        phone: str,
        **request: Any,
    ) -> Payment:
        """`Client.pay_mobile`, at most once for a reference: see `pay`."""
        request = {"reference": reference, "amount": amount, "currency": currency, **request}
        return self._pay(client, client.pay_mobile, Kind.MOBILE, {**request, "phone": phone})

    def payout(
        self,
        client: Client,
        *,
        reference: str,
        amount: Amount,
        currency: str,
        phone: str,
        **request: Any,
    ) -> Payment:
        """`Client.payout`, at most once for a reference: see `pay`."""
        request = {"reference": reference, "amount": amount, "currency": currency, **request}
        return self._pay(client, client.payout, Kind.PAYOUT, {**request, "phone": phone})

    def settle(
        self,
        client: Client,
        reference: str,
        *,
        commit: bool = True,
        wait: bool = False,
        **options: Any,
    ) -> Settlement:
        """`Client.settle`, with the same arguments: asks the gateway about the order of an entry,
        compares, and records the state.

        commit: False: writes in your transaction, and leaves the commit to you.
        """
        _check_client(client)
        if options and not wait:
            raise invalid(next(iter(options)), "is only allowed with wait=True")
        self._table.check_transaction(commit)
        # Nothing is written or locked while the gateway is asked. What this event learns about a
        # sender that died, the gateway's answer will learn too.
        asked = self._table.read(lambda: self._table.load(reference), commit)
        order_number = None if asked is None else _order_to_ask(asked)
        if asked is None or order_number is None:
            row, reply = self._table.apply(reference, SETTLE, commit)
            return _settlement(row, reply["changed"])
        entry = asked.entry
        expected = _expected(entry, order_number)
        try:
            if wait:
                named = {**options, "expected": Expected(**expected)}
                transaction = client.wait(order_number, **named)
            else:
                transaction = client.verify_order(**expected)
        except FlexPayError as error:
            no_verdict = {"event": "no_verdict", "answer": error.code.name}
            self._table.apply(reference, no_verdict, commit)
            raise
        return self._record_verdict(entry, order_number, transaction.state.name, commit)

    def settle_callback(
        self, client: Client, body: Body, *, query: Optional[str] = None, commit: bool = True
    ) -> Settlement:
        """`Client.settle_callback`: finds the entry that a callback is about, asks the gateway,
        compares, and records the state. InvalidError with field "reference": it is not of this
        journal.

        commit: as for `settle`.
        """
        _check_client(client)
        self._table.check_transaction(commit)
        callback = parse_callback(body)
        entry = self._entry_of(callback, commit)
        order_number = _order_to_expect(entry, callback, client)
        # A failure is not recorded: anyone can send a callback.
        transaction = client.verify_callback(body, query=query, **_expected(entry, order_number))
        asked = order_number or callback.order_number or ""
        return self._record_verdict(entry, asked, transaction.state.name, commit)

    def reconcile(self, client: Client, *, timeout_ms: Optional[int] = None) -> Reconciliation:
        """`Client.reconcile`: settles every open entry, and commits after each.

        timeout_ms: no further order is asked about after this time. None: 300 000.
        """
        _check_client(client)
        self._table.check_transaction(commit=True)
        timeout = 300_000 if timeout_ms is None else integer(timeout_ms, "timeout_ms", 1, 2**32 - 1)
        deadline = time.monotonic() + timeout / 1000
        rows, unreadable = self._readable(JournalFilter.OPEN)
        noticed: List[Settlement] = []
        for row in rows:
            # This needs no network.
            try:
                noticed.append(self._notice_dead_sender(row))
            except FlexPayError as error:
                # It must not stop the others. The rule is stricter than what has read the row.
                noticed.append(replace(_settlement(row), problem=_problem(error)))
                unreadable = unreadable or f"{row.reference}: {_problem(error)}"
        # It may be stopped early: begin at a random entry, so that every entry gets its turn.
        first = random.randrange(len(rows)) if rows else 0
        settlements: Dict[str, Settlement] = {}
        stopped: Optional[str] = None
        failures = 0
        for recorded in noticed[first:] + noticed[:first]:
            reference = recorded.reference
            settlements[reference] = recorded
            if stopped is None and time.monotonic() >= deadline:
                stopped = "TIMEOUT: reconciling took longer than its time limit"
            if stopped is not None:
                continue
            try:
                now = self.settle(client, reference)
                failures = 0
            except FlexPayError as error:
                now = replace(self._get_or(recorded), problem=_problem(error))
                failures = 0 if error.code in _ABOUT_THE_ORDER else failures + 1
                if error.code in _ABOUT_ALL_ORDERS or failures == FAILURES_TO_STOP:
                    stopped = _problem(error)
            settlements[reference] = replace(now, changed=now.changed or recorded.changed)
        try:
            to_deliver, also_unreadable = self._readable(JournalFilter.TO_DELIVER)
        except JournalError as error:
            to_deliver, also_unreadable = [], _problem(error)
        for row in to_deliver:
            settlements.setdefault(row.reference, _settlement(row))
        stopped = stopped or unreadable or also_unreadable
        return Reconciliation(tuple(settlements.values()), stopped)

    def get(self, reference: str) -> Settlement:
        """The entry of a reference. Raises InvalidError if the journal does not have it."""
        row = self._table.read(lambda: self._table.load(reference))
        return _settlement(_found(row))

    def list(
        self,
        filter: JournalFilter = JournalFilter.ALL,
        *,
        after: str = "",
        limit: int = 100,
    ) -> List[Settlement]:
        """At most `limit` entries, in the order of their references, that come after the reference
        `after`."""
        chosen = JournalFilter(filter)
        number = integer(limit, "limit", 1, 2**31 - 1)
        rows = self._table.read(lambda: self._table.page(chosen, after, number))
        return [_settlement(row) for row in rows]

    def acknowledge(self, reference: str, *, commit: bool = True) -> Settlement:
        """Records that you deliver what was paid. Of several calls, ever, one alone returns a
        settlement with `changed`: deliver then. Raises InvalidError if the entry is not PAID.

        commit: as for `settle`.
        """
        row, reply = self._table.apply(reference, {"event": "acknowledge"}, commit)
        return _settlement(row, reply["changed"])

    def resolve(
        self,
        reference: str,
        *,
        state: Optional[EntryState] = None,
        order_number: Optional[str] = None,
        who: str,
        why: str,
        commit: bool = True,
    ) -> Settlement:
        """Records what a person says of an entry: see `Client.journal_resolve`.

        commit: as for `settle`.
        """
        if (state is None) == (order_number is None):
            raise invalid("state", "or order_number is required, and not both")
        resolution = {"state": "ORDER", "order_number": order_number}
        if state is not None:
            if state not in (EntryState.NOT_SENT, EntryState.FAILED, EntryState.CANCELLED):
                raise invalid("state", "is not NOT_SENT, FAILED or CANCELLED")
            resolution = {"state": EntryState(state).name}
        event = {"event": "resolve", "resolution": resolution, "who": who, "why": why}
        row, reply = self._table.apply(reference, event, commit)
        return _settlement(row, reply["changed"])

    def prune(self, days: int) -> int:
        """Removes the entries that are closed and delivered and did not change for so many days (at
        least one), by the clock of the database, and returns how many. Their references stay used:
        a payment with one of them is an InvalidError."""
        return self._table.prune(integer(days, "days", 1, 10**6))

    def _readable(self, filter: JournalFilter) -> Tuple[List[Row], Optional[str]]:
        """The rows that can be read, and why another one cannot."""
        readable: List[Row] = []
        problem: Optional[str] = None
        for row in self._table.all(filter):
            try:
                _settlement(row)
                readable.append(row)
            except JournalError as error:
                problem = problem or _problem(error)
        return readable, problem

    def _notice_dead_sender(self, row: Row) -> Settlement:
        """The entry of a sender that died becomes IN_DOUBT."""
        if row.entry["state"] != EntryState.SENDING.name or row.sender_is_alive:
            return _settlement(row)
        now = self._table.apply(row.reference, SETTLE, commit=True).row
        return _settlement(now, changed=now.entry["state"] == EntryState.IN_DOUBT.name)

    def _get_or(self, recorded: Settlement) -> Settlement:
        """The entry as it is now, if it can be read."""
        try:
            return self.get(recorded.reference)
        except FlexPayError:
            return recorded

    def _pay(
        self,
        client: Client,
        send: Callable[..., Payment],
        kind: Kind,
        request: Dict[str, Any],
    ) -> Payment:
        _check_client(client)
        # A wrong name of an argument is found before anything is recorded.
        inspect.signature(send).bind(**request)
        reference = text(request["reference"], "reference").decode()
        if len(reference) > MAX_REFERENCE_LENGTH:
            raise invalid("reference", f"is longer than {MAX_REFERENCE_LENGTH} characters")
        event = {
            "event": "pay",
            "reference": reference,
            "terms": {
                "kind": kind.name,
                "amount": amount_text(request["amount"], "amount").decode(),
                "currency": text(request["currency"], "currency").decode(),
                "phone": normalize_phone(request["phone"]) if "phone" in request else None,
            },
            "sender": secrets.token_hex(16),
        }
        longest_s = 1 + client._timeout_ms // 1000
        lease_s = LEASE_MARGIN_S + longest_s
        row, reply = self._table.apply(reference, event, commit=True, lease_s=lease_s)
        if reply["action"] != "send":
            return _recorded_payment(row.entry)
        attempt: int = reply["attempt"]
        try:
            if not self._table.may_send(row, longest_s):
                message = (
                    "between recording the request and sending it, its lease ended or its entry was"
                    " changed, so nothing was sent"
                )
                raise TimedOutError(message, outcome=Outcome.NOT_SENT)
            payment = send(**request)
        except FlexPayError as error:
            self._record_reply(reference, attempt, error)
            raise
        except BaseException as interrupt:
            # Ctrl-C, for example: its cause has the result, if there is one.
            cause = interrupt.__cause__
            if isinstance(cause, PaymentInterrupted):
                result = cause.payment or cause.error
                if isinstance(result, (Payment, FlexPayError)):
                    with suppress(FlexPayError):
                        self._record_reply(reference, attempt, result)
            raise
        self._record_reply(reference, attempt, payment)
        return payment

    def _record_reply(
        self, reference: str, attempt: int, result: Union[Payment, FlexPayError]
    ) -> None:
        event = {"event": "reply", "attempt": attempt, "reply": _reply(result)}
        try:
            _, recorded = self._table.record(reference, event, commit=True)
        except FlexPayError as error:
            happened, outcome = "the gateway accepted the payment", Outcome.UNKNOWN
            if isinstance(result, FlexPayError):
                happened, outcome = str(result), result.outcome
            raise JournalError(
                f"{happened}, but this could not be recorded: {error}. Do not pay again before the"
                " entry is settled",
                outcome=outcome,
                field="journal",
                order_number=result.order_number,
            ) from error
        if recorded["error"] is not None:
            # A person said NOT_SENT meanwhile, and the request was begun again.
            refused = refusal(recorded["error"])
            refused.order_number = result.order_number or refused.order_number
            raise refused

    def _record_verdict(
        self, entry: Json, order_number: str, state: str, commit: bool
    ) -> Settlement:
        """Records the gateway's word on an order, after it was compared with the entry as it was
        when the gateway was asked."""
        event = {
            "event": "verdict",
            "order_number": order_number,
            "state": state,
            "amount": entry["amount"],
            "currency": entry["currency"],
            "at": self._table.time(commit),
        }
        row, reply = self._table.apply(entry["reference"], event, commit)
        return _settlement(row, reply["changed"])

    def _entry_of(self, callback: Callback, commit: bool) -> Json:
        """The entry that a callback is about."""

        def find() -> Optional[Row]:
            row = None
            if callback.reference is not None:
                row = self._table.load(callback.reference)
            # The gateway has been seen to send the order number in place of the reference.
            for number in (callback.order_number, callback.reference):
                if row is None and number is not None:
                    row = self._table.by_order_number(number)
            return row

        return _found(self._table.read(find, commit)).entry


def _found(row: Optional[Row]) -> Row:
    if row is None or row.text == "":
        # The rule's error for an entry that does not exist.
        raise refusal(step(None, SETTLE)["error"])
    return row


def _check_client(client: Client) -> None:
    if not isinstance(client, Client):
        raise wrong_type("client", "Client", client)
    # It would deliver what it settles, and this table would deliver it again.
    if _has_journal(client):
        raise invalid(
            "journal",
            "of the client is set, and this table is a second one: use one of them. Create the"
            " client without the argument journal, and without FLEXPAY_JOURNAL in the environment",
        )


def _has_journal(client: Client) -> bool:
    try:
        client.journal_get("")
    except JournalError:
        # It has one that cannot be used.
        return True
    except InvalidError as error:
        if error.field not in ("journal", "reference"):
            raise
        return error.field == "reference"
    return True


def _reply(result: Union[Payment, FlexPayError]) -> Json:
    if isinstance(result, Payment):
        return {
            "result": "accepted",
            "order_number": result.order_number,
            "redirect_url": result.redirect_url,
            "page": result.page,
            "code": result.code,
            "message": result.message,
        }
    is_unusable = result.outcome is Outcome.UNUSABLE
    return {
        "result": "failed",
        "code": result.code.name,
        # The rule does not know why nothing was sent.
        "outcome": (Outcome.NOT_SENT if is_unusable else result.outcome).name,
        "gateway_message": result.gateway_message,
        "order_number": result.order_number,
    }


def _expected(entry: Json, order_number: Optional[str]) -> Dict[str, Any]:
    return {
        "reference": entry["reference"],
        "amount": entry["amount"],
        "currency": entry["currency"],
        "order_number": order_number,
        "kind": Kind[entry["kind"]],
    }


def _order_to_ask(row: Row) -> Optional[str]:
    """The order to ask the gateway about, to settle an entry; None: it is not asked."""
    if row.text == "":
        return None
    reply = step(row, SETTLE)
    return reply["order_number"] if reply["action"] == "ask" else None


def _order_to_expect(entry: Json, callback: Callback, client: Client) -> Optional[str]:
    """The order number to expect of a callback. None: the callback's own is asked about, because
    the gateway may have another order under the reference. For a payout without signed callback
    URLs it is always the recorded one: anyone can write a callback, and the gateway does not say of
    an order that it is a payout."""
    recorded: Optional[str] = entry["order_number"]
    is_other = callback.order_number not in (None, recorded)
    may_ask_other = client._signs_callback_urls or entry["kind"] != Kind.PAYOUT.name
    return None if is_other and may_ask_other else recorded


def _recorded_payment(entry: Json) -> Payment:
    return Payment(
        redirect_url=entry["redirect_url"],
        order_number=entry["order_number"],
        code=entry["code"],
        message=entry["message"],
        page=entry["page"],
        is_recorded=True,
    )


def _problem(error: FlexPayError) -> str:
    return f"{error.code.name}: {error}"


def _settlement(row: Row, changed: bool = False) -> Settlement:
    try:
        return _settlement_of(row.entry, row, changed)
    except (KeyError, TypeError, ValueError) as error:
        raise row.damaged() from error


def _settlement_of(entry: Json, row: Row, changed: bool) -> Settlement:
    return Settlement(
        reference=entry["reference"],
        kind=Kind[entry["kind"]],
        state=EntryState[entry["state"]],
        changed=changed,
        to_deliver=row.to_deliver,
        is_open=row.is_open,
        amount=entry["amount"],
        currency=entry["currency"],
        phone=entry["phone"],
        order_number=entry["order_number"],
        other_order_number=entry["other_order_number"],
        redirect_url=entry["redirect_url"],
        page=entry["page"],
        last_answer=entry["last_answer"],
        resolved_by=entry["resolved_by"],
        resolved_why=entry["resolved_why"],
        created_at=_results.utc_time(row.created_at),
        changed_at=_results.utc_time(row.changed_at),
    )
