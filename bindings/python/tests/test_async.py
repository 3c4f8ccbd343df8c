"""AsyncClient."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import socket
import sys
import threading
from typing import Any, Awaitable, Callable, Coroutine, Dict, List, Optional, TypeVar

import pytest
from conftest import ORDER, TIMEOUT_S, Sandbox

import flexpay
from flexpay import AsyncClient, Client, State

T = TypeVar("T")


def run(sandbox: Sandbox, main: Callable[[AsyncClient], Awaitable[T]], **settings: Any) -> T:
    async def with_client() -> T:
        async with AsyncClient(**sandbox.arguments(**settings)) as client:
            return await asyncio.wait_for(main(client), TIMEOUT_S)

    return asyncio.run(with_client())


async def request_arrived(sandbox: Sandbox, endpoint: str) -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sandbox.wait_for_request, endpoint)


@pytest.mark.parametrize("tls", [False, True])
def test_a_payment_from_beginning_to_end(sandbox: Sandbox, tls: bool) -> None:
    async def main(client: AsyncClient) -> None:
        payment = await client.pay(reference="R-1", **ORDER)
        order = payment.order_number
        assert order is not None
        assert (await client.check(order)).state is State.PENDING
        sandbox.decide(order, "approve")
        assert (await client.wait(order)).state is State.PAID
        body = f'{{"code":"0","reference":"R-1","orderNumber":"{order}"}}'.encode()
        expected = {"reference": "R-1", "amount": "25.50", "currency": "USD"}
        assert (await client.verify_callback(body, **expected)).state is State.PAID
        with pytest.raises(flexpay.MismatchError):
            await client.verify_callback(body, **{**expected, "amount": "1"})
        assert (await client.verify_order(order_number=order, **expected)).state is State.PAID
        right = flexpay.Expected(order_number=order, **expected)
        assert (await client.wait(order, expected=right)).state is State.PAID
        wrong = {**expected, "amount": "1", "order_number": order}
        with pytest.raises(flexpay.MismatchError):
            await client.verify_order(**wrong)
        with pytest.raises(flexpay.MismatchError):
            await client.wait(order, expected=flexpay.Expected(**wrong))
        with pytest.raises(flexpay.InvalidError):
            await client.verify_order(order_number=None, **expected)

    run(sandbox, main, tls=tls)


def test_other_tasks_run_during_a_call(sandbox: Sandbox) -> None:
    async def main(client: AsyncClient) -> List[State]:
        orders = [
            (await client.pay(reference=f"R-{number}", **ORDER)).order_number or ""
            for number in range(20)
        ]
        # More waits than the loop's default executor has threads. All run, and this task continues.
        waits = [
            asyncio.ensure_future(client.wait(order, interval_ms=50, max_interval_ms=50))
            for order in orders
        ]
        await request_arrived(sandbox, "check")
        assert (await client.check(orders[0])).state is State.PENDING
        assert not any(wait.done() for wait in waits)
        for order in orders:
            sandbox.decide(order, "approve")
        return [transaction.state for transaction in await asyncio.gather(*waits)]

    assert run(sandbox, main) == [State.PAID] * 20


def test_a_cancelled_task_ends_its_wait(sandbox: Sandbox) -> None:
    sandbox.inject("check", "stall_after", bytes=0, times=None)

    async def main(client: AsyncClient) -> None:
        wait = asyncio.ensure_future(client.wait("O-1"))
        await request_arrived(sandbox, "check")
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        # The library's own wait, which would last ten minutes, ends too.
        while any(thread.name == "flexpay" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)

    run(sandbox, main)


def test_a_wait_with_an_asyncio_timeout(sandbox: Sandbox) -> None:
    async def main(client: AsyncClient) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.wait("O-1"), 0.2)

    run(sandbox, main)


def warnings_of(caplog: pytest.LogCaptureFixture) -> List[str]:
    """The logged messages. Only this package may log, and only warnings."""
    assert {(one.name, one.levelno) for one in caplog.records} <= {("flexpay", logging.WARNING)}
    return [one.getMessage() for one in caplog.records]


async def cancelled_task(
    pay: Callable[[], Coroutine[Any, Any, object]], arrival: Awaitable[None]
) -> None:
    paying = asyncio.ensure_future(pay())
    await arrival
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying


async def gathered(
    pay: Callable[[], Coroutine[Any, Any, object]], arrival: Awaitable[None]
) -> None:
    paying = asyncio.ensure_future(pay())
    gathering = asyncio.gather(paying, asyncio.sleep(TIMEOUT_S))
    await arrival
    gathering.cancel()
    # It does not wait for the payment's end, and raises an error without a cause.
    with pytest.raises(asyncio.CancelledError) as caught:
        await gathering
    assert caught.value.__cause__ is None
    await asyncio.wait([paying])


async def grouped(pay: Callable[[], Coroutine[Any, Any, object]], arrival: Awaitable[None]) -> None:
    async def fail() -> None:
        await arrival
        raise LookupError("the other task")

    async def both() -> None:
        async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
            group.create_task(pay())
            group.create_task(fail())

    # Python has no ExceptionGroup before 3.11.
    with pytest.raises(Exception, match="unhandled errors in a TaskGroup") as caught:
        await both()
    # The group contains the error of the other task, but nothing about the payment.
    (only,) = caught.value.exceptions  # type: ignore[attr-defined]
    assert isinstance(only, LookupError)


async def timed_out(
    pay: Callable[[], Coroutine[Any, Any, object]], arrival: Awaitable[None]
) -> None:
    async def hurry() -> None:
        await asyncio.wait_for(pay(), 0.5)

    with pytest.raises(asyncio.TimeoutError):
        await hurry()
    await arrival


CANCELLATIONS = [
    cancelled_task,
    gathered,
    timed_out,
    pytest.param(
        grouped, marks=pytest.mark.skipif(sys.version_info < (3, 11), reason="new in Python 3.11")
    ),
]


@pytest.mark.parametrize("cancel", CANCELLATIONS)
@pytest.mark.parametrize("result", ["accepted", "refused", "unknown", "not sent"])
def test_the_result_of_a_cancelled_payment_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, cancel: Any, result: str
) -> None:
    settings: Dict[str, Any] = {"timeout_ms": 3000}
    with socket.socket() as silent:
        # It never accepts a connection, so the TLS handshake never continues.
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        if result == "accepted":
            sandbox.inject("pay", "delay", ms=1500)
        elif result == "refused":
            settings["token"] = "another"
            sandbox.inject("pay", "delay", ms=1500)
        elif result == "unknown":
            sandbox.inject("pay", "stall_after", bytes=0)
        else:
            settings["pay_url"] = f"https://127.0.0.1:{silent.getsockname()[1]}/v1.1/pay"

        async def main(client: AsyncClient) -> None:
            async def arrival() -> None:
                if result == "not sent":
                    await asyncio.sleep(0.3)
                else:
                    await request_arrived(sandbox, "pay")

            await cancel(lambda: client.pay(reference="R-1", **ORDER), arrival())

        run(sandbox, main, **settings)
    (warning,) = warnings_of(caplog)
    assert warning.startswith("interrupted during the payment request for 'R-1': ")
    if result == "accepted":
        (payment,) = sandbox.control("GET", "payments")
        assert warning.endswith(f"the gateway accepted it, order number {payment['order_number']}")
    else:
        assert warning.endswith(f"(outcome {result.upper().replace(' ', '_')})")
    assert sandbox.token not in warning


def test_a_payment_that_has_not_started_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the thread has not run yet.
    monkeypatch.setattr(flexpay._async, "_start", lambda function, future: None)

    async def main(client: AsyncClient) -> None:
        async def at_once() -> None:
            await asyncio.sleep(0)

        await cancelled_task(lambda: client.pay(reference="R-1", **ORDER), at_once())

    run(sandbox, main)
    assert warnings_of(caplog) == [
        "interrupted before the payment request for 'R-1': nothing was sent (outcome NOT_SENT)"
    ]
    assert sandbox.requests("pay") == []


def test_a_payment_whose_coroutine_is_closed_is_logged(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.inject("pay", "delay", ms=1000)

    async def main(client: AsyncClient) -> None:
        paying = client.pay(reference="R-1", **ORDER)
        paying.send(None)
        await request_arrived(sandbox, "pay")
        paying.close()
        while any(thread.name == "flexpay" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)

    run(sandbox, main)
    (payment,) = sandbox.control("GET", "payments")
    prefix = "interrupted during the payment request for 'R-1': "
    assert warnings_of(caplog) == [
        f"{prefix}it is still in progress (outcome UNKNOWN)",
        f"{prefix}the gateway accepted it, order number {payment['order_number']}",
    ]


def test_a_cancelled_payment_has_its_result_as_the_cause(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1000)

    async def main(client: AsyncClient) -> Optional[BaseException]:
        async def pay() -> Optional[BaseException]:
            with pytest.raises(asyncio.CancelledError) as caught:
                await client.pay(reference="R-1", **ORDER)
            return caught.value.__cause__

        task = asyncio.ensure_future(pay())
        await request_arrived(sandbox, "pay")
        task.cancel()
        return await task

    cause = run(sandbox, main)
    (recorded,) = sandbox.control("GET", "payments")
    assert isinstance(cause, flexpay.PaymentInterrupted)
    assert cause.payment is not None
    assert cause.payment.order_number == recorded["order_number"]
    assert cause.error is None


def test_a_second_cancellation_ends_a_payment(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)

    async def main(client: AsyncClient) -> None:
        task = asyncio.ensure_future(client.pay(reference="R-1", **ORDER))
        await request_arrived(sandbox, "pay")
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.__cause__ is None
        # Its last log message must not appear in the next test.
        while any(thread.name == "flexpay" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)

    run(sandbox, main, timeout_ms=2000)


def test_asyncio_logs_nothing_about_a_cancelled_payment_that_fails(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    loop_errors: List[object] = []

    async def main(client: AsyncClient) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: loop_errors.append(context))
        sandbox.inject("pay", "stall_after", bytes=0, times=2)
        for cancellations in (1, 2):
            paying = asyncio.ensure_future(client.pay(reference="R-1", **ORDER))
            await request_arrived(sandbox, "pay")
            for _ in range(cancellations):
                paying.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await paying
            del paying
        while any(thread.name == "flexpay" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)
        gc.collect()
        await asyncio.sleep(0.05)

    run(sandbox, main, timeout_ms=1000)
    assert loop_errors == []
    # `warnings_of` also asserts that asyncio logged nothing.
    prefix = "interrupted during the payment request for 'R-1': "
    failed = f"{prefix}it failed: "
    first, second, third = warnings_of(caplog)
    assert first.startswith(failed)
    assert first.endswith("(outcome UNKNOWN)")
    assert second == f"{prefix}it is still in progress (outcome UNKNOWN)"
    # The second cancellation did not wait for the end; the result is logged nevertheless.
    assert third.startswith(failed)
    assert third.endswith("(outcome UNKNOWN)")


def test_errors_are_those_of_the_client(sandbox: Sandbox) -> None:
    async def main(client: AsyncClient) -> None:
        with pytest.raises(flexpay.NotFoundError):
            await client.check("unknown")
        with pytest.raises(TypeError, match="float"):
            await client.pay(reference="R-1", **{**ORDER, "amount": 1.5})
        with pytest.raises(flexpay.InvalidError, match="NUL"):
            await client.wait("a\0b")
        client.close()
        assert repr(client) == "<flexpay.AsyncClient, closed>"
        with pytest.raises(flexpay.InvalidError, match="closed"):
            await client.check("unknown")

    run(sandbox, main)


def test_a_client_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)

    async def main() -> None:
        async with AsyncClient.from_env() as client:
            assert (await client.pay(reference="R-1", **ORDER)).order_number

    asyncio.run(main())


@pytest.mark.parametrize(
    "name",
    [
        "__init__",
        "pay",
        "pay_mobile",
        "payout",
        "check",
        "wait",
        "verify_callback",
        "verify_order",
    ],
)
def test_its_arguments_are_those_of_the_client(name: str) -> None:
    arguments = dict(inspect.signature(getattr(Client, name)).parameters)
    if name == "wait":
        # Cancelling the task replaces the token.
        del arguments["cancel"]
    assert dict(inspect.signature(getattr(AsyncClient, name)).parameters) == arguments
