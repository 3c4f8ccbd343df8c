"""Tests for memory leaks: `memory.py [SANDBOX_URL [NETWORK_CALLS]]`.

Calls every local function 100 000 times, with valid and invalid arguments, and, with a sandbox, the
network functions NETWORK_CALLS times (1 000). Prints the allocated bytes of the C heap (if glibc
reports them; the library allocates there, but Python's small objects are elsewhere) and the
resident memory. They may grow while the process warms up, but not after the first fifth of the
calls.

First the test tests itself: it must detect a leak when nothing is freed.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List

import flexpay
from flexpay._library import library
from flexpay.journal._table import SETTLE, step

LOCAL_CALLS = 100_000
STEPS = 10
# The allowed growth of the C heap in bytes: per call, and once (for caches). Every object of the
# library is larger than the growth per call.
SLACK_PER_CALL = 24
SLACK_ONCE = 64 * 1024
# Resident memory changes in larger steps.
RESIDENT_SLACK_ONCE = 2048 * 1024
# The calls of each self-test: local, network.
LOCAL_LEAK_CALLS, NETWORK_LEAK_CALLS = 20_000, 1_000

BODY = b'{"code":"0","reference":"R-1","orderNumber":"9bsTX7qXdpQe243815877848","message":"Bien"}'
CLOSED = "http://127.0.0.1:1"


class HeapCounts(ctypes.Structure):
    """mallinfo2 of glibc 2.33."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def resident() -> int:
    """The resident memory of this process, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not report the resident memory")


def heap() -> int:
    """The allocated bytes of the C heap; if glibc does not report them, the resident memory."""
    try:
        count = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return resident()
    count.restype = HeapCounts
    counts = count()
    return int(counts.uordblks + counts.hblkhd)


def refused(call: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            call()
        except flexpay.FlexPayError:
            return
        raise AssertionError("the call was not refused")

    return run


def settings(**others: str) -> Dict[str, str]:
    return {"merchant": "ZANDO", "token": "t", **others}


def create_and_close() -> None:
    flexpay.Client(**settings()).close()  # type: ignore[arg-type]


def create_and_drop() -> None:
    flexpay.Client(**settings())  # type: ignore[arg-type]


def cancel() -> None:
    flexpay.CancelToken().cancel()


def is_stable(name: str, call: Callable[[], object], count: int) -> bool:
    """Whether memory does not grow during `count` calls."""
    allocated, in_memory = [], []
    for _ in range(STEPS):
        for _ in range(max(count // STEPS, 1)):
            call()
        gc.collect()
        allocated.append(heap())
        in_memory.append(resident())
    warm = STEPS // 5
    slack = SLACK_PER_CALL * count * (STEPS - warm) // STEPS
    stable = (
        allocated[-1] - allocated[warm] <= slack + SLACK_ONCE
        and in_memory[-1] - in_memory[warm] <= slack + RESIDENT_SLACK_ONCE
    )
    sizes = [f"{a // 1024}/{b // 1024}" for a, b in zip(allocated, in_memory)]
    print(f"{name}, {count} times: {' '.join(sizes)} KiB, {'stable' if stable else 'GROWN'}")
    sys.stdout.flush()
    return stable


def leak_is_detected(name: str, free: str, call: Callable[[], object], count: int) -> bool:
    """Whether the measurement detects that the library's `free` is never called."""
    functions: Any = library().functions
    original = getattr(functions, free)
    setattr(functions, free, lambda pointer: None)
    try:
        return not is_stable(f"{name} without {free} (must grow)", call, count)
    finally:
        setattr(functions, free, original)


def main(sandbox_url: str, network_calls: int) -> int:
    offline = flexpay.Client(**settings(pay_url=CLOSED, check_url=CLOSED))  # type: ignore[arg-type]
    cancelled = flexpay.CancelToken()
    cancelled.cancel()
    traced = flexpay.Client(trace=True, **settings())  # type: ignore[arg-type]
    # `refused` needs no log.
    logging.getLogger("flexpay").addHandler(logging.NullHandler())
    order = {"reference": "R-1", "currency": "CDF"}
    wallet = {"phone": "no phone", "callback_url": "https://shop.example/"}
    local: Dict[str, Callable[[], object]] = {
        "parse_callback": lambda: flexpay.parse_callback(BODY),
        "parse_callback, unreadable": refused(lambda: flexpay.parse_callback(b"nonsense")),
        "a client, closed": create_and_close,
        "a client, not closed": create_and_drop,
        "a client, refused": refused(lambda: flexpay.Client(merchant="", token="t")),
        "a client from an empty environment": refused(flexpay.Client.from_env),
        "a cancel token": cancel,
        "normalize_phone": lambda: flexpay.normalize_phone("081 234 56 78"),
        "normalize_phone, invalid": refused(lambda: flexpay.normalize_phone("+33")),
        "the rule of the journal": lambda: step(None, SETTLE),
        "the journal, not set": refused(offline.journal_list),
        "may_replace": lambda: flexpay.State.PAID.may_replace(flexpay.State.PENDING),
        "pay, invalid": refused(lambda: offline.pay(amount="x", **order)),
        "pay_mobile, invalid": refused(lambda: offline.pay_mobile(amount=1, **order, **wallet)),
        "payout, not allowed": refused(lambda: offline.payout(amount=1, **order, **wallet)),
        "check, invalid": refused(lambda: offline.check("")),
        "check, invalid, traced": refused(lambda: traced.check("")),
        "wait, cancelled": refused(lambda: offline.wait("O-1", cancel=cancelled)),
        "verify_callback, unreadable": refused(
            lambda: offline.verify_callback(b"nonsense", amount=1, **order)
        ),
    }
    results: List[bool] = [
        leak_is_detected(name, free, local[name], LOCAL_LEAK_CALLS)
        for name, free in (
            ("parse_callback", "flexpay_callback_free"),
            ("parse_callback, unreadable", "flexpay_error_free"),
            ("a cancel token", "flexpay_cancel_token_free"),
            ("check, invalid", "flexpay_error_free"),
            ("the rule of the journal", "flexpay_text_free"),
        )
    ]
    # Not in the main thread: there, each call starts a thread because of Ctrl-C, which is slow. The
    # calls to the sandbox test that path.
    with ThreadPoolExecutor(1) as thread:
        results += thread.map(is_stable, local, local.values(), [LOCAL_CALLS] * len(local))
    if sandbox_url:
        online = flexpay.Client(
            merchant="ZANDO",
            token="conformance",
            api=flexpay.Api.V1_1,
            pay_url=sandbox_url + "/vectors/pay/json-as-observed",
            check_url=sandbox_url + "/vectors/check/documented-example",
            mobile_url=sandbox_url + "/vectors/mobile/as-observed",
            payout_url=sandbox_url + "/vectors/payout/as-observed",
            allow_payout=True,
            trace=True,
        )
        number = "9bsTX7qXdpQe243815877848"
        body = f'{{"code":"0","reference":"MMO00012","orderNumber":"{number}"}}'.encode()
        expected = {"reference": "MMO00012", "amount": "50", "currency": "CDF"}
        addresses = dict.fromkeys(
            ("callback_url", "approve_url", "cancel_url", "decline_url"), "https://shop.example/"
        )
        valid = {**wallet, "phone": "0812345678"}
        network: Dict[str, Callable[[], object]] = {
            "check": lambda: online.check(number),
            "wait": lambda: online.wait(number),
            "verify_callback": lambda: online.verify_callback(body, **expected),
            "verify_callback, mismatch": refused(
                lambda: online.verify_callback(body, **{**expected, "amount": "51"})
            ),
            "pay": lambda: online.pay(amount=100, **order, **addresses),
            "pay_mobile": lambda: online.pay_mobile(amount=100, **order, **valid),
            "payout": lambda: online.payout(amount=100, **order, **valid),
            "pay, no connection": refused(lambda: offline.pay(amount=100, **order)),
        }
        folder = tempfile.TemporaryDirectory()
        recording = flexpay.Client(
            merchant="ZANDO",
            token="conformance",
            api=flexpay.Api.V1_1,
            pay_url=sandbox_url + "/vectors/pay/json-as-observed",
            check_url=sandbox_url + "/vectors/check/documented-example",
            journal=folder.name + "/journal.db",
        )
        recording.pay(amount=100, **order, **addresses)
        network["pay, recorded"] = lambda: recording.pay(amount=100, **order, **addresses)
        network["settle, mismatch"] = refused(lambda: recording.settle("R-1"))
        network["journal_get"] = lambda: recording.journal_get("R-1")
        network["journal_list"] = recording.journal_list
        network["journal_prune"] = lambda: recording.journal_prune(1)
        network["reconcile"] = recording.reconcile
        loop = asyncio.new_event_loop()
        async_client = flexpay.AsyncClient(
            merchant="ZANDO",
            token="conformance",
            check_url=sandbox_url + "/vectors/check/documented-example",
        )
        network["check, in a task"] = lambda: loop.run_until_complete(async_client.check(number))
        network["verify_callback in a task, unreadable"] = refused(
            lambda: loop.run_until_complete(async_client.verify_callback(b"nonsense", **expected))
        )
        results += [
            leak_is_detected(name, free, network[name], NETWORK_LEAK_CALLS)
            for name, free in (
                ("check", "flexpay_transaction_free"),
                ("pay", "flexpay_payment_free"),
                ("journal_get", "flexpay_settlement_free"),
                ("journal_list", "flexpay_settlements_free"),
                ("check, in a task", "flexpay_transaction_free"),
            )
        ]
        results += [is_stable(name, call, network_calls) for name, call in network.items()]
        loop.close()
        recording.close()
        folder.cleanup()
    return 0 if all(results) else 1


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(main(url, int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
