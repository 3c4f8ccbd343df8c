"""The client for asyncio."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
from typing import Any, Awaitable, Callable, List, Optional, TypeVar

import pytest
from conftest import ORDER, PATIENCE_S, Sandbox

import flexpay
from flexpay import AsyncClient, Client, State

T = TypeVar("T")


def run(sandbox: Sandbox, main: Callable[[AsyncClient], Awaitable[T]], **settings: Any) -> T:
    async def with_client() -> T:
        async with AsyncClient(**sandbox.arguments(**settings)) as client:
            return await asyncio.wait_for(main(client), PATIENCE_S)

    return asyncio.run(with_client())


async def arrived(sandbox: Sandbox, endpoint: str) -> None:
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
        asked_for = flexpay.Expected(order_number=order, **expected)
        assert (await client.wait(order, expected=asked_for)).state is State.PAID
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
        # More waits than the loop's own executor has threads; all wait, and this task runs on.
        waits = [
            asyncio.ensure_future(client.wait(order, interval_ms=50, max_interval_ms=50))
            for order in orders
        ]
        await arrived(sandbox, "check")
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
        await arrived(sandbox, "check")
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        # The library's own wait, which would last ten minutes, ends too.
        while any(thread.name == "flexpay" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)

    run(sandbox, main)


def test_a_wait_can_be_given_a_time(sandbox: Sandbox) -> None:
    async def main(client: AsyncClient) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.wait("O-1"), 0.2)

    run(sandbox, main)


def test_a_cancelled_payment_says_what_became_of_it(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "delay", ms=1000)

    async def main(client: AsyncClient) -> Optional[BaseException]:
        async def pay() -> Optional[BaseException]:
            with pytest.raises(asyncio.CancelledError) as caught:
                await client.pay(reference="R-1", **ORDER)
            return caught.value.__cause__

        task = asyncio.ensure_future(pay())
        await arrived(sandbox, "pay")
        task.cancel()
        return await task

    told = run(sandbox, main)
    (recorded,) = sandbox.control("GET", "payments")
    assert isinstance(told, flexpay.PaymentInterrupted)
    assert told.payment is not None
    assert told.payment.order_number == recorded["order_number"]
    assert told.error is None


def test_a_second_cancellation_ends_a_payment(sandbox: Sandbox) -> None:
    sandbox.inject("pay", "stall_after", bytes=0)

    async def main(client: AsyncClient) -> None:
        task = asyncio.ensure_future(client.pay(reference="R-1", **ORDER))
        await arrived(sandbox, "pay")
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.__cause__ is None

    run(sandbox, main, timeout_ms=2000)


def test_a_cancelled_payment_that_fails_is_no_noise(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    complaints: List[object] = []

    async def main(client: AsyncClient) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        sandbox.inject("pay", "stall_after", bytes=0, times=2)
        for cancellations in (1, 2):
            paying = asyncio.ensure_future(client.pay(reference="R-1", **ORDER))
            await arrived(sandbox, "pay")
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
    assert complaints == []
    assert caplog.records == []


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
    "name", ["__init__", "pay", "check", "wait", "verify_callback", "verify_order"]
)
def test_its_arguments_are_those_of_the_client(name: str) -> None:
    arguments = dict(inspect.signature(getattr(Client, name)).parameters)
    if name == "wait":
        # A task is cancelled by itself.
        del arguments["cancel"]
    assert dict(inspect.signature(getattr(AsyncClient, name)).parameters) == arguments
