#!/usr/bin/env python3
"""Runs the test vectors through `flexpay bridge`: `bridge.py VECTORS_DIR SANDBOX_URL`.

FLEXPAY_PROGRAM is the program. Prints one line of JSON per case: the reply of the bridge, as it is.
"""

import base64
import json
import os
import subprocess
import sys


class Bridge:
    """A bridge, with a client if there are settings. Use it in a "with" statement."""

    def __init__(self, settings=None):
        self._settings = settings
        self._last_id = 0

    def __enter__(self):
        self._process = subprocess.Popen(
            [os.environ["FLEXPAY_PROGRAM"], "bridge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        hello = {"bridge": 1, "client": False}
        if self._settings is not None:
            hello = {"bridge": 1, "settings": self._settings}
        reply = self.call("hello", hello)
        if "ok" not in reply:
            raise SystemExit("the bridge refused hello: %s" % reply)
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        if self._process.wait() != 0:
            raise SystemExit("the bridge ended with status %d" % self._process.returncode)

    def call(self, name, request):
        """Makes a call, and returns its result: {"ok": …} or {"error": …}."""
        self._last_id += 1
        message = {"id": self._last_id, "call": name, "request": request}
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        reply = json.loads(self._process.stdout.readline())
        if reply.pop("id") != self._last_id:
            raise SystemExit("the bridge replied to another call: %s" % reply)
        return reply


REQUEST = {
    "reference": "MM0000XXFFR159",
    "amount": "100",
    "currency": "CDF",
    "callback_url": "https://shop.example/callback",
}
PHONE = {"phone": "+243 81 234 56 78"}
PAGES = {
    "approve_url": "https://shop.example/ok",
    "cancel_url": "https://shop.example/cancel",
    "decline_url": "https://shop.example/no",
}


def body(case):
    """The body of a callback, as the bridge accepts it. Some cases are not text."""
    if "body_hex" in case:
        return {"body_base64": base64.b64encode(bytes.fromhex(case["body_hex"])).decode()}
    if "body" in case:
        return {"body": case["body"]}
    repeat = case["body_repeat"]
    return {"body": repeat["before"] + repeat["unit"] * repeat["times"] + repeat["after"]}


def settings(sandbox, case):
    urls = {
        kind + "_url": "%s/vectors/%s/%s" % (sandbox, kind, case["name"])
        for kind in ("pay", "mobile", "payout", "check")
    }
    return {
        "merchant": "ZANDO",
        "token": "conformance",
        "api": case.get("api", "v1"),
        "timeout_ms": 30000,
        "check_once": True,
        "allow_payout": True,
        **urls,
    }


def check(sandbox, case):
    with Bridge(settings(sandbox, case)) as bridge:
        return bridge.call("check", {"order_number": case["order_number"]})


def pay(sandbox, case):
    with Bridge(settings(sandbox, case)) as bridge:
        return bridge.call("pay", {**REQUEST, **PAGES})


def mobile(sandbox, case):
    with Bridge(settings(sandbox, case)) as bridge:
        return bridge.call("pay_mobile", {**REQUEST, **PHONE, **PAGES})


def payout(sandbox, case):
    with Bridge(settings(sandbox, case)) as bridge:
        return bridge.call("payout", {**REQUEST, **PHONE})


def forgery(sandbox, case):
    client = {
        "merchant": "ZANDO",
        "token": "conformance",
        "api": "v1.1",
        "check_url": "%s/vectors/forgery/%s" % (sandbox, case["name"]),
        "timeout_ms": 30000,
        "check_once": True,
        "callback_secret": case.get("secret"),
        "callback_secret_previous": case.get("secret_previous"),
    }
    expected = {**case["expected"], "query": case.get("query")}
    with Bridge(client) as bridge:
        return bridge.call("verify_callback", {**body(case), "expected": expected})


WITH_CLIENT = {"check": check, "pay": pay, "mobile": mobile, "payout": payout, "forgery": forgery}
WITHOUT_CLIENT = {
    "callback": lambda bridge, case: bridge.call("parse_callback", body(case)),
    "phone": lambda bridge, case: bridge.call("normalize_phone", {"phone": case["phone"]}),
    "states": lambda bridge, case: bridge.call(
        "state_may_replace", {"recorded": case["recorded"], "now": case["now"]}
    ),
    "journal": lambda bridge, case: bridge.call("journal_step", case["request"]),
}


def main(vectors, sandbox):
    def run(name, runner, on):
        with open(os.path.join(vectors, name + ".json"), encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                print(json.dumps({"case": name + "/" + case["name"], "result": runner(on, case)}))

    for name, runner in WITH_CLIENT.items():
        run(name, runner, sandbox)
    with Bridge() as bridge:
        for name, runner in WITHOUT_CLIENT.items():
            run(name, runner, bridge)


if __name__ == "__main__":
    main(*sys.argv[1:])
