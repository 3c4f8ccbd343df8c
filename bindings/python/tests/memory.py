"""Shows that memory stays level: `memory.py [SANDBOX_URL [NETWORK_CALLS]]`.

Every local function is called 100 000 times, well and badly, and, given a sandbox, those that talk
to it as often as is asked (1 000). The resident memory is printed on the way. It may grow while the
process warms up; after the first fifth it must not.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Callable, Dict

import flexpay

LOCAL_CALLS = 100_000
STEPS = 10
# What allocators and caches may still add after the warm-up. One lost error object per call would
# add ten times as much.
SLACK_KIB = 2048

BODY = b'{"code":"0","reference":"R-1","orderNumber":"9bsTX7qXdpQe243815877848","message":"Bien"}'
CLOSED = "http://127.0.0.1:1"


def resident_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("this system does not tell")


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
    seen = []
    for _ in range(STEPS):
        for _ in range(max(count // STEPS, 1)):
            call()
        gc.collect()
        seen.append(resident_kib())
    grown = seen[-1] - seen[STEPS // 5]
    is_level = grown <= SLACK_KIB
    print(f"{name}, {count} times: {seen} KiB, {'level' if is_level else 'GROWN'}", flush=True)
    return is_level


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
    results = [level(name, call, LOCAL_CALLS) for name, call in local.items()]
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
        results += [level(name, call, network_calls) for name, call in network.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    url = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(main(url, int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
