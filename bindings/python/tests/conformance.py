"""Runs tests/vectors/*.json through this package: `conformance.py VECTORS_DIR SANDBOX_URL`.

Prints one line of JSON per case. tests/conformance/compare.py compares it with the other languages'
lines and with the expectations of the vectors.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Callable, Dict

import flexpay
from flexpay.journal._table import ask_rule

APIS = {"v1": flexpay.Api.V1, "v1.1": flexpay.Api.V1_1}


def body(case: Dict[str, Any]) -> bytes:
    if "body" in case:
        return bytes(case["body"].encode())
    if "body_hex" in case:
        return bytes.fromhex(case["body_hex"])
    repeat = case["body_repeat"]
    text = repeat["before"] + repeat["unit"] * repeat["times"] + repeat["after"]
    return bytes(text.encode())


def json_value(value: object) -> object:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else value


def fields(result: Any) -> Dict[str, object]:
    found = {
        name.name: json_value(getattr(result, name.name)) for name in dataclasses.fields(result)
    }
    for name in ("amount_minor", "amount_customer_minor"):
        if found.get(name, 0) is None:
            found[name] = -1
    return found


def outcome(call: Callable[[], object]) -> Dict[str, object]:
    try:
        result = call()
        return {"ok": result if isinstance(result, dict) else fields(result)}
    except flexpay.FlexPayError as error:
        return {
            "error": {
                "code": error.code.name,
                "field": error.field,
                "gateway_code": error.gateway_code,
                "gateway_message": error.gateway_message,
                "order_number": error.order_number,
                "http_status": error.http_status,
                "message": error.message,
                "outcome": error.outcome.name,
                "trace": error.trace,
            }
        }


def client(sandbox_url: str, case: Dict[str, Any]) -> flexpay.Client:
    return flexpay.Client(
        merchant="ZANDO",
        token="conformance",
        check_once=True,
        private_connections=True,
        allow_payout=True,
        timeout_ms=30_000,
        api=APIS[case.get("api", "v1")],
        check_url="{}/vectors/check/{}".format(sandbox_url, case["name"]),
        pay_url="{}/vectors/pay/{}".format(sandbox_url, case["name"]),
        mobile_url="{}/vectors/mobile/{}".format(sandbox_url, case["name"]),
        payout_url="{}/vectors/payout/{}".format(sandbox_url, case["name"]),
    )


def callback(_sandbox_url: str, case: Dict[str, Any]) -> object:
    return flexpay.parse_callback(body(case))


def check(sandbox_url: str, case: Dict[str, Any]) -> object:
    with client(sandbox_url, case) as flexpay_client:
        return flexpay_client.check(case["order_number"])


def pay(sandbox_url: str, case: Dict[str, Any]) -> object:
    with client(sandbox_url, case) as flexpay_client:
        return flexpay_client.pay(
            reference="MM0000XXFFR159",
            amount="100",
            currency="CDF",
            approve_url="https://shop.example/ok",
            cancel_url="https://shop.example/cancel",
            decline_url="https://shop.example/no",
            callback_url="https://shop.example/callback",
        )


def mobile(sandbox_url: str, case: Dict[str, Any]) -> object:
    with client(sandbox_url, case) as flexpay_client:
        return flexpay_client.pay_mobile(
            reference="MM0000XXFFR159",
            amount="100",
            currency="CDF",
            phone="+243 81 234 56 78",
            callback_url="https://shop.example/callback",
            approve_url="https://shop.example/ok",
            cancel_url="https://shop.example/cancel",
            decline_url="https://shop.example/no",
        )


def payout(sandbox_url: str, case: Dict[str, Any]) -> object:
    with client(sandbox_url, case) as flexpay_client:
        return flexpay_client.payout(
            reference="MM0000XXFFR159",
            amount="100",
            currency="CDF",
            phone="+243 81 234 56 78",
            callback_url="https://shop.example/callback",
        )


def phone(_sandbox_url: str, case: Dict[str, Any]) -> object:
    return {"phone": flexpay.normalize_phone(case["phone"])}


def forgery(sandbox_url: str, case: Dict[str, Any]) -> object:
    with flexpay.Client(
        merchant="ZANDO",
        token="conformance",
        api=flexpay.Api.V1_1,
        check_url="{}/vectors/forgery/{}".format(sandbox_url, case["name"]),
        check_once=True,
        private_connections=True,
        timeout_ms=30_000,
        callback_secret=case.get("secret"),
        callback_secret_previous=case.get("secret_previous"),
    ) as flexpay_client:
        expected = dict(case["expected"])
        # Most cases expect a card payment, and do not give the kind.
        kind = flexpay.Kind[expected.pop("kind", "CARD")]
        return flexpay_client.verify_callback(
            body(case), query=case.get("query"), kind=kind, **expected
        )


def states(_sandbox_url: str, case: Dict[str, Any]) -> object:
    now, recorded = (flexpay.State[case[key]] for key in ("now", "recorded"))
    return {"may_replace": now.may_replace(recorded)}


def journal(_sandbox_url: str, case: Dict[str, Any]) -> object:
    # The store in a database calls this.
    return ask_rule(case["request"])


RUNNERS = {
    "callback": callback,
    "check": check,
    "pay": pay,
    "mobile": mobile,
    "payout": payout,
    "phone": phone,
    "forgery": forgery,
    "states": states,
    "journal": journal,
}


def main(vectors: Path, sandbox_url: str) -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for name, run in RUNNERS.items():
        cases = json.loads((vectors / (name + ".json")).read_text(encoding="utf-8"))["cases"]
        for case in cases:
            line = {
                "case": "{}/{}".format(name, case["name"]),
                "result": outcome(lambda run=run, case=case: run(sandbox_url, case)),  # type: ignore[misc]
            }
            print(json.dumps(line, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
