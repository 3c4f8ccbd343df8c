"""Shows that memory stays level: `memory.py [SANDBOX_URL [NETWORK_CALLS]]`.

Every local function is called 100 000 times, well and badly, and, given a sandbox, those that talk
to it as often as is asked (1 000). Printed on the way are the bytes that the C heap has given out
(where glibc counts them; the library allocates there, Python's small objects lie elsewhere) and the
resident memory. They may grow while the process warms up; after the first fifth they must not.

First the measurement is itself tested: where nothing is freed, it must see a leak.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List

import flexpay
from flexpay._library import library

LOCAL_CALLS = 100_000
STEPS = 10
# What a call may keep on the C heap, in bytes, beside what caches take once. No object of the
# library is as small.
SLACK_PER_CALL = 24
SLACK_ONCE = 64 * 1024
# Pages come and go in greater numbers.
RESIDENT_SLACK_ONCE = 2048 * 1024
LEAKS = (20_000, 1_000)

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
    """The bytes of this process that are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell")


def heap() -> int:
    """The bytes that the C heap has given out; where it does not tell, those in memory."""
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
        raise AssertionError("it was not refused")

    return run


def settings(**others: str) -> Dict[str, str]:
    return {"merchant": "ZANDO", "token": "t", **others}


def make_and_close() -> None:
    flexpay.Client(**settings()).close()  # type: ignore[arg-type]


def make_and_forget() -> None:
    flexpay.Client(**settings())  # type: ignore[arg-type]


def cancel() -> None:
    flexpay.CancelToken().cancel()


def level(name: str, call: Callable[[], object], count: int) -> bool:
    """Calls so often, and says whether memory stayed level."""
    given_out, in_memory = [], []
    for _ in range(STEPS):
        for _ in range(max(count // STEPS, 1)):
            call()
        gc.collect()
        given_out.append(heap())
        in_memory.append(resident())
    warm = STEPS // 5
    slack = SLACK_PER_CALL * count * (STEPS - warm) // STEPS
    is_level = (
        given_out[-1] - given_out[warm] <= slack + SLACK_ONCE
        and in_memory[-1] - in_memory[warm] <= slack + RESIDENT_SLACK_ONCE
    )
    told = [f"{a // 1024}/{b // 1024}" for a, b in zip(given_out, in_memory)]
    print(f"{name}, {count} times: {' '.join(told)} KiB, {'level' if is_level else 'GROWN'}")
    sys.stdout.flush()
    return is_level


def leak_is_seen(name: str, free: str, call: Callable[[], object], count: int) -> bool:
    """Says whether the measurement sees that the library's `free` is never called."""
    functions: Any = library().functions
    freeing = getattr(functions, free)
    setattr(functions, free, lambda pointer: None)
    try:
        return not level(f"{name} without {free}, which is to be seen", call, count)
    finally:
        setattr(functions, free, freeing)


def main(sandbox_url: str, network_calls: int) -> int:
    offline = flexpay.Client(**settings(pay_url=CLOSED, check_url=CLOSED))  # type: ignore[arg-type]
    cancelled = flexpay.CancelToken()
    cancelled.cancel()
    order = {"reference": "R-1", "currency": "CDF"}
    local: Dict[str, Callable[[], object]] = {
        "parse_callback": lambda: flexpay.parse_callback(BODY),
        "parse_callback, unreadable": refused(lambda: flexpay.parse_callback(b"nonsense")),
        "a client, closed": make_and_close,
        "a client, forgotten": make_and_forget,
        "a client, refused": refused(lambda: flexpay.Client(merchant="", token="t")),
        "a client from an empty environment": refused(flexpay.Client.from_env),
        "a cancel token": cancel,
        "may_replace": lambda: flexpay.State.PAID.may_replace(flexpay.State.PENDING),
        "pay, refused here": refused(lambda: offline.pay(amount="x", **order)),
        "check, refused here": refused(lambda: offline.check("")),
        "wait, cancelled": refused(lambda: offline.wait("O-1", cancel=cancelled)),
        "verify_callback, unreadable": refused(
            lambda: offline.verify_callback(b"nonsense", amount=1, **order)
        ),
    }
    many, few = LEAKS
    results: List[bool] = [
        leak_is_seen(name, free, local[name], many)
        for name, free in (
            ("parse_callback", "flexpay_callback_free"),
            ("parse_callback, unreadable", "flexpay_error_free"),
            ("a cancel token", "flexpay_cancel_token_free"),
            ("check, refused here", "flexpay_error_free"),
        )
    ]
    # Not in the main thread, where for the sake of Ctrl-C each call has a thread of its own: so the
    # calls that stay in this process are quick, and those to the sandbox show that path.
    with ThreadPoolExecutor(1) as thread:
        results += thread.map(level, local, local.values(), [LOCAL_CALLS] * len(local))
    if sandbox_url:
        online = flexpay.Client(
            merchant="ZANDO",
            token="conformance",
            api=flexpay.Api.V1_1,
            pay_url=sandbox_url + "/vectors/pay/json-as-observed",
            check_url=sandbox_url + "/vectors/check/documented-example",
        )
        number = "9bsTX7qXdpQe243815877848"
        body = f'{{"code":"0","reference":"MMO00012","orderNumber":"{number}"}}'.encode()
        expected = {"reference": "MMO00012", "amount": "50", "currency": "CDF"}
        addresses = dict.fromkeys(
            ("callback_url", "approve_url", "cancel_url", "decline_url"), "https://shop.example/"
        )
        network: Dict[str, Callable[[], object]] = {
            "check": lambda: online.check(number),
            "wait": lambda: online.wait(number),
            "verify_callback": lambda: online.verify_callback(body, **expected),
            "verify_callback, of another": refused(
                lambda: online.verify_callback(body, **{**expected, "amount": "51"})
            ),
            "pay": lambda: online.pay(amount=100, **order, **addresses),
            "pay, without a gateway": refused(lambda: offline.pay(amount=100, **order)),
        }
        loop = asyncio.new_event_loop()
        tasks = flexpay.AsyncClient(
            merchant="ZANDO",
            token="conformance",
            check_url=sandbox_url + "/vectors/check/documented-example",
        )
        network["check, in a task"] = lambda: loop.run_until_complete(tasks.check(number))
        network["verify_callback in a task, unreadable"] = refused(
            lambda: loop.run_until_complete(tasks.verify_callback(b"nonsense", **expected))
        )
        results += [
            leak_is_seen(name, free, network[name], few)
            for name, free in (
                ("check", "flexpay_transaction_free"),
                ("pay", "flexpay_payment_free"),
                ("check, in a task", "flexpay_transaction_free"),
            )
        ]
        results += [level(name, call, network_calls) for name, call in network.items()]
        loop.close()
    return 0 if all(results) else 1


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(main(url, int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
