"""The trace of a call, and its log record."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest
from conftest import ORDER, TIMEOUT_S, WALLET, Sandbox, new_payment, python
from test_errors import closed_port

import flexpay
from flexpay import AsyncClient, Client, Expected, InvalidError, Outcome, State

LOGGER = logging.getLogger("flexpay")
EXPECTED: Dict[str, Any] = {"reference": "R-1", "amount": "25.50", "currency": "USD"}
BODY = b'{"code":"0","reference":"R-1","orderNumber":"O-1"}'

# Everything that a trace may contain.
FIELDS: Dict[str, Set[str]] = {
    "attempt": {"attempt"},
    "proxy": {"host"},
    "tunnel": set(),
    "lookup": {"host"},
    "addresses": {"addresses", "cached"},
    "lookup_failed": {"error"},
    "connecting": {"address"},
    "connected": {"address"},
    "connect_failed": {"address", "error"},
    "connect_abandoned": {"address"},
    "tls": {"version", "cipher", "resumed"},
    "sent": {"connection"},
    "reply": {"status", "bytes", "complete", "content_type", "date"},
    "pause": {"pause_ms"},
    "end": {"result", "outcome"},
}


class Recorder(logging.Handler):
    """Keeps the records of the logger."""

    def __init__(self) -> None:
        super().__init__()
        self.records: List[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    handler = Recorder()
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    yield handler
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)


@pytest.fixture
def traced(sandbox: Sandbox) -> Iterator[Client]:
    with sandbox.client(trace=True, allow_payout=True) as client:
        yield client


def steps_of(trace: Any) -> List[str]:
    """The names of a trace's steps. Asserts that it contains only what it may contain."""
    assert isinstance(trace, str)
    document = json.loads(trace)
    assert set(document) <= {"call", "correlation_id", "omitted", "steps"}
    for step in document["steps"]:
        assert set(step) - {"ms", "step"} <= FIELDS[step["step"]]
        assert step["ms"] >= 0
    return [step["step"] for step in document["steps"]]


def test_the_results_have_a_trace(sandbox: Sandbox, traced: Client) -> None:
    payment = traced.pay(reference="R-1", correlation_id="sale-17", **ORDER)
    assert steps_of(payment.trace) == [
        *("attempt", "connecting", "connected", "sent", "reply", "end")
    ]
    document = json.loads(str(payment.trace))
    assert (document["call"], document["correlation_id"]) == ("pay", "sale-17")
    assert document["steps"][-1]["result"] == "OK"

    order = payment.order_number
    assert order is not None
    expected = Expected(order_number=order, **EXPECTED)
    sandbox.decide(order, "approve")
    body = f'{{"code":"0","reference":"R-1","orderNumber":"{order}"}}'.encode()
    ids: Dict[str, Any] = {"correlation_id": "sale-17"}
    for name, result in (
        ("pay_mobile", traced.pay_mobile(reference="M-1", **WALLET, **ids)),
        ("payout", traced.payout(reference="P-1", **WALLET, **ids)),
        ("wait", traced.wait(order, expected=expected, **ids)),
        ("verify_order", traced.verify_order(order_number=order, **EXPECTED, **ids)),
        ("verify_callback", traced.verify_callback(body, **EXPECTED, **ids)),
    ):
        document = json.loads(str(result.trace))
        assert (document["call"], document["correlation_id"]) == (name, "sale-17")
        assert steps_of(result.trace)[-1] == "end"
    # Without an id of the caller, it is random.
    first, second = (json.loads(str(traced.check(order).trace)) for _ in range(2))
    assert first["call"] == "check"
    assert first["correlation_id"] != second["correlation_id"]


def test_a_trace_is_not_shown_and_not_compared(sandbox: Sandbox, traced: Client) -> None:
    order = new_payment(traced)
    first, second = traced.check(order), traced.check(order)
    assert first.trace != second.trace
    assert first == second
    assert "trace" not in repr(first)


@pytest.mark.parametrize("endpoint", ["pay", "check"])
def test_the_token_and_the_bodies_are_not_in_it(
    sandbox: Sandbox, recorder: Recorder, endpoint: str
) -> None:
    # The reply repeats the token, in its headers too.
    reply = {
        "status": 422,
        "headers": [["Content-Type", sandbox.token], ["X-Token", sandbox.token], ["Date", "never"]],
        "body": json.dumps({"code": "1", "message": "secret " + sandbox.token}),
    }
    sandbox.inject(endpoint, "reply", times=None, **reply)
    with sandbox.client(trace=True, tls=True, callback_secret="sixteen letters!") as client:
        call: Callable[[], object] = (
            (lambda: client.pay(reference="R-1", description="Deux pagnes", **ORDER))
            if endpoint == "pay"
            else (lambda: client.check("O-1"))
        )
        with pytest.raises(flexpay.FlexPayError) as caught:
            call()
    trace = str(caught.value.trace)
    steps_of(trace)
    for text in (trace, str(vars(caught.value)), str(vars(recorder.records[0]))):
        assert sandbox.token not in text
    for text in ("Deux pagnes", "R-1", "Bearer", "sixteen letters!", "secret"):
        assert text not in trace


def test_tls_and_a_failed_connection(sandbox: Sandbox) -> None:
    with sandbox.client(trace=True, tls=True) as client:
        payment = client.pay(reference="R-1", **ORDER)
    (tls,) = [one for one in json.loads(str(payment.trace))["steps"] if one["step"] == "tls"]
    assert tls["version"].startswith("TLSv1.")
    with sandbox.client(trace=True, pay_url=f"http://127.0.0.1:{closed_port()}/pay") as client:
        with pytest.raises(flexpay.ConnectError) as caught:
            client.pay(reference="R-1", **ORDER)
        assert "connect_failed" in steps_of(caught.value.trace)
        assert "sent" not in steps_of(caught.value.trace)
    with sandbox.client(trace=True, check_url="https://nowhere.invalid/check") as client:
        with pytest.raises(flexpay.ResolveError) as unresolved:
            client.check("O-1")
        assert "lookup_failed" in steps_of(unresolved.value.trace)


@pytest.mark.parametrize("wrong", ["", "a" * 65, "a b", "é", "a\n"])
def test_an_invalid_correlation_id(sandbox: Sandbox, client: Client, wrong: str) -> None:
    calls: List[Callable[[], object]] = [
        lambda: client.pay(reference="R-1", correlation_id=wrong, **ORDER),
        lambda: client.pay_mobile(reference="R-1", correlation_id=wrong, **WALLET),
        lambda: client.wait("O-1", correlation_id=wrong),
        lambda: client.verify_callback(BODY, correlation_id=wrong, **EXPECTED),
        lambda: client.verify_order(order_number="O-1", correlation_id=wrong, **EXPECTED),
    ]
    for call in calls:
        with pytest.raises(InvalidError) as caught:
            call()
        assert (caught.value.field, caught.value.outcome) == ("correlation_id", Outcome.NOT_SENT)


def test_the_environment_turns_it_on(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**sandbox.settings, "FLEXPAY_TRACE": "1"}.items():
        monkeypatch.setenv(name, value)
    with Client.from_env() as client:
        assert client.pay(reference="R-1", **ORDER).trace is not None


def test_one_record_of_each_call(sandbox: Sandbox, traced: Client, recorder: Recorder) -> None:
    payment = traced.pay(reference="R-1", correlation_id="sale-17", **ORDER)
    order = str(payment.order_number)
    traced.check(order)
    with pytest.raises(flexpay.NotFoundError) as not_found:
        traced.check("unknown")
    with pytest.raises(InvalidError) as invalid:
        traced.pay(reference="R-2", **{**ORDER, "currency": "EUR"})
    sandbox.inject("pay", "reply", status=502, body="")
    with pytest.raises(flexpay.GatewayError) as unknown:
        traced.pay(reference="R-3", **ORDER)
    sandbox.decide(order, "approve")
    traced.wait(order)

    assert [(record.levelname, record.getMessage()) for record in recorder.records] == [
        ("DEBUG", f"pay succeeded: the gateway accepted the request, order number {order!r}"),
        ("DEBUG", f"check succeeded: order {order!r} is PENDING"),
        ("WARNING", f"check failed: {not_found.value} (NOT_FOUND, outcome REFUSED)"),
        ("WARNING", f"pay failed: {invalid.value} (INVALID, outcome NOT_SENT)"),
        ("ERROR", f"pay failed: {unknown.value} (GATEWAY, outcome UNKNOWN)"),
        ("DEBUG", f"wait succeeded: order {order!r} is PAID"),
    ]
    record = recorder.records[0]
    assert record.name == "flexpay"
    assert record.trace == json.loads(str(payment.trace))
    assert record.correlation_id == "sale-17"
    for record in recorder.records:
        assert record.correlation_id == record.trace["correlation_id"]


def test_nothing_is_logged_without_a_trace(
    sandbox: Sandbox, client: Client, recorder: Recorder
) -> None:
    new_payment(client)
    with pytest.raises(flexpay.NotFoundError) as caught:
        client.check("unknown")
    assert caught.value.trace is None
    # An argument that the package itself refuses has no trace either.
    with sandbox.client(trace=True) as traced, pytest.raises(InvalidError):
        traced.check("a\0b")
    assert recorder.records == []


class RaisingHandler(logging.Handler):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error


class RaisingFilter(RaisingHandler):
    def filter(self, record: logging.LogRecord) -> Any:
        raise self.error


ERRORS = [ValueError("of the handler"), KeyboardInterrupt(), SystemExit(1)]


@pytest.mark.parametrize("kind", [RaisingHandler, RaisingFilter])
@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("in_main_thread", [True, False])
def test_a_handler_that_raises(
    sandbox: Sandbox,
    traced: Client,
    capsys: pytest.CaptureFixture[str],
    kind: Any,
    error: BaseException,
    in_main_thread: bool,
) -> None:
    def calls() -> None:
        order = traced.pay(reference="R-1", **ORDER).order_number
        assert order is not None
        assert traced.check(order).state is State.PENDING
        with pytest.raises(flexpay.NotFoundError) as caught:
            traced.check("unknown")
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    handler = kind(error)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        if in_main_thread:
            calls()
        else:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(calls).result(TIMEOUT_S)
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(logging.NOTSET)
    # It is printed, as logging prints the exceptions of its own handlers.
    assert capsys.readouterr().err.count(f"\n{type(error).__name__}") == 3


def test_a_handler_that_raises_after_a_cancellation(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=500)

    async def main() -> None:
        async with AsyncClient(**sandbox.arguments(trace=True)) as client:
            paying = asyncio.ensure_future(client.pay(reference="R-1", **ORDER))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, sandbox.wait_for_request, "pay")
            paying.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await paying
            assert isinstance(caught.value.__cause__, flexpay.PaymentInterrupted)
            assert caught.value.__cause__.payment is not None

    handler = RaisingHandler(ValueError("of the handler"))
    LOGGER.addHandler(handler)
    try:
        asyncio.run(main())
    finally:
        LOGGER.removeHandler(handler)


def test_a_record_factory_that_refuses_the_fields(
    traced: Client, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    factory = logging.getLogRecordFactory()

    def with_trace(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = factory(*arguments, **named)
        record.trace = "another library's"
        return record

    logging.setLogRecordFactory(with_trace)
    try:
        new_payment(traced)
    finally:
        logging.setLogRecordFactory(factory)
    assert recorder.records == []
    assert "Attempt to overwrite 'trace' in LogRecord" in capsys.readouterr().err


def test_several_threads(sandbox: Sandbox, traced: Client, recorder: Recorder) -> None:
    names = [f"id-{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(
            lambda name: traced.pay(reference=name, correlation_id=name, **ORDER), names
        ):
            assert result.trace is not None
    assert sorted(record.correlation_id for record in recorder.records) == sorted(names)
    for record in recorder.records:
        assert record.trace["correlation_id"] == record.correlation_id


def test_asyncio(sandbox: Sandbox, recorder: Recorder) -> None:
    async def main() -> None:
        async with AsyncClient(**sandbox.arguments(trace=True)) as client:
            payment = await client.pay(reference="R-1", correlation_id="sale-17", **ORDER)
            order = str(payment.order_number)
            sandbox.decide(order, "approve")
            await client.wait(order, correlation_id="wait-17")
            await client.verify_order(order_number=order, correlation_id="order-17", **EXPECTED)
            with pytest.raises(flexpay.NotFoundError) as caught:
                await client.check("unknown")
            assert caught.value.trace is not None

    asyncio.run(main())
    logged = [(one.levelname, one.trace["call"], one.correlation_id) for one in recorder.records]
    *first, (level, call, _) = logged
    assert first == [
        ("DEBUG", "pay", "sale-17"),
        ("DEBUG", "wait", "wait-17"),
        ("DEBUG", "verify_order", "order-17"),
    ]
    assert (level, call) == ("WARNING", "check")


def test_a_cancelled_payment_is_logged_at_its_end(sandbox: Sandbox, recorder: Recorder) -> None:
    sandbox.inject("pay", "delay", ms=500)

    async def main() -> None:
        async with AsyncClient(**sandbox.arguments(trace=True)) as client:
            paying = asyncio.ensure_future(client.pay(reference="R-1", **ORDER))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, sandbox.wait_for_request, "pay")
            # The second cancellation does not wait for the end.
            for _ in range(2):
                paying.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await paying
            while any(thread.name == "flexpay" for thread in threading.enumerate()):
                await asyncio.sleep(0.01)

    asyncio.run(main())
    in_progress, call, result = recorder.records
    assert in_progress.getMessage().endswith("still in progress (outcome UNKNOWN)")
    assert (call.levelname, call.trace["call"]) == ("DEBUG", "pay")
    assert "the gateway accepted it" in result.getMessage()


def test_logging_is_imported_only_for_a_trace(sandbox: Sandbox) -> None:
    script = f"""
import sys, flexpay
with flexpay.Client.from_env() as client:
    client.pay(reference="R-1", **{ORDER!r})
    try:
        client.check("unknown")
    except flexpay.NotFoundError:
        pass
print([name for name in ("logging", "json", "traceback") if name in sys.modules])
with flexpay.Client(**{sandbox.arguments(trace=True)!r}) as client:
    client.pay(reference="R-2", **{ORDER!r})
print("logging" in sys.modules)
""".replace("<Api.V1_1: 1>", "1")
    process = python(script, sandbox.environment())
    assert process.communicate(timeout=TIMEOUT_S) == ("[]\nTrue\n", "")


def test_without_a_handler_only_failures_are_printed(sandbox: Sandbox) -> None:
    # As Python does it for every logger.
    script = f"""
import flexpay
with flexpay.Client.from_env() as client:
    client.pay(reference="R-1", **{ORDER!r})
    try:
        client.check("unknown")
    except flexpay.NotFoundError:
        pass
"""
    process = python(script, sandbox.environment(FLEXPAY_TRACE="1"))
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output) == (0, "")
    (line,) = errors.splitlines()
    assert line.startswith("check failed: ")
    assert line.endswith("(NOT_FOUND, outcome REFUSED)")
