"""Many threads with one client, and other threads during a call."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import List

import pytest
from conftest import ORDER, TIMEOUT_S, Sandbox, new_payment, python

import flexpay
from flexpay import Client, State


def test_other_threads_run_during_a_call(sandbox: Sandbox, client: Client) -> None:
    order = new_payment(client)
    cancelled = threading.Event()
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    token = flexpay.CancelToken()

    def wait() -> None:
        with pytest.raises(flexpay.WaitCancelledError):
            client.wait(order, cancel=token)
        cancelled.set()

    thread = threading.Thread(target=wait)
    thread.start()
    sandbox.wait_for_request("check")
    # The call blocks until this thread cancels it. So this thread runs during the call.
    assert not cancelled.is_set()
    token.cancel()
    thread.join(TIMEOUT_S)
    assert cancelled.is_set()


def test_many_threads_share_a_client(client: Client) -> None:
    def one(number: int) -> State:
        return client.check(new_payment(client, f"R-{number}")).state

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(40))) == {State.PENDING}


def test_a_client_closed_during_a_call_is_freed_after_it(sandbox: Sandbox) -> None:
    client = sandbox.client()
    order = new_payment(client)
    handle = weakref.ref(client._handle)
    sandbox.inject("check", "delay", ms=1000)
    results: List[flexpay.Transaction] = []
    thread = threading.Thread(target=lambda: results.append(client.check(order)))
    thread.start()
    sandbox.wait_for_request("check")
    client.close()
    assert handle() is not None
    with pytest.raises(flexpay.InvalidError, match="closed"):
        client.check(order)
    thread.join(TIMEOUT_S)
    assert results[0].order_number == order
    assert handle() is None


def test_a_client_closed_during_many_calls(sandbox: Sandbox) -> None:
    for _ in range(10):
        client = sandbox.client()
        started = threading.Barrier(5)

        def check(client: Client = client, started: threading.Barrier = started) -> None:
            started.wait()
            for _ in range(20):
                try:
                    client.check("unknown")
                except flexpay.NotFoundError:
                    continue
                except flexpay.InvalidError as error:
                    assert error.field == "client"
                    return

        threads = [threading.Thread(target=check) for _ in range(4)]
        for thread in threads:
            thread.start()
        started.wait()
        client.close()
        for thread in threads:
            thread.join(TIMEOUT_S)
            assert not thread.is_alive()


def test_a_forked_child_uses_the_client_of_its_parent(sandbox: Sandbox, client: Client) -> None:
    order = new_payment(client)
    client.check(order)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if client.check(order).state is State.PENDING else 2
            client.close()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert client.pay(reference="R-2", **ORDER).order_number


def test_a_check_while_the_interpreter_shuts_down(sandbox: Sandbox) -> None:
    script = """
import atexit
import flexpay
client = flexpay.Client.from_env()
def check():
    try:
        client.check("unknown")
    except flexpay.NotFoundError:
        print("checked")
atexit.register(check)
"""
    process = python(script, sandbox.environment())
    assert process.communicate(timeout=TIMEOUT_S) == ("checked\n", "")
