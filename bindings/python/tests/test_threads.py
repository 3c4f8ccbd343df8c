"""Many threads on one client, and what runs while a call blocks."""

from __future__ import annotations

import os
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import List

import pytest
from conftest import ORDER, PATIENCE_S, Sandbox, python, take_in

import flexpay
from flexpay import Client, State


def test_other_threads_run_during_a_call(sandbox: Sandbox, client: Client) -> None:
    order = take_in(client)
    answered = threading.Event()
    sandbox.inject("check", "stall_after", bytes=0, times=None)
    token = flexpay.CancelToken()

    def wait() -> None:
        with pytest.raises(flexpay.WaitCancelledError):
            client.wait(order, cancel=token)
        answered.set()

    thread = threading.Thread(target=wait)
    thread.start()
    sandbox.wait_for_request("check")
    # The call is under way, and will be until it is cancelled from here: so this thread runs.
    assert not answered.is_set()
    token.cancel()
    thread.join(PATIENCE_S)
    assert answered.is_set()


def test_many_threads_share_a_client(client: Client) -> None:
    def one(number: int) -> State:
        return client.check(take_in(client, f"R-{number}")).state

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(one, range(40))) == {State.PENDING}


def test_a_client_closed_during_a_call_is_freed_after_it(sandbox: Sandbox) -> None:
    client = sandbox.client()
    order = take_in(client)
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
    thread.join(PATIENCE_S)
    assert results[0].order_number == order
    assert handle() is None


def test_clients_closed_in_the_midst_of_many_calls(sandbox: Sandbox) -> None:
    for _ in range(10):
        client = sandbox.client()
        begun = threading.Barrier(5)

        def ask(client: Client = client, begun: threading.Barrier = begun) -> None:
            begun.wait()
            for _ in range(20):
                try:
                    client.check("unknown")
                except flexpay.NotFoundError:
                    continue
                except flexpay.InvalidError as error:
                    assert error.field == "client"
                    return

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        client.close()
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def test_a_forked_child_uses_its_parent_s_client(sandbox: Sandbox, client: Client) -> None:
    order = take_in(client)
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


def test_a_question_in_the_interpreter_s_last_moments(sandbox: Sandbox) -> None:
    script = """
import atexit
import flexpay
client = flexpay.Client.from_env()
def ask():
    try:
        client.check("unknown")
    except flexpay.NotFoundError:
        print("asked")
atexit.register(ask)
"""
    process = python(script, sandbox.environment())
    assert process.communicate(timeout=PATIENCE_S) == ("asked\n", "")
