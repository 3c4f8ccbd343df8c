#!/usr/bin/env python3
"""Writes the fuzzers' seed inputs to fuzz/corpus, from tests/vectors and fuzz/regressions."""

import hashlib
import json
import pathlib
import shutil
import struct

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "tests" / "vectors"
# As in src/lib.rs: the first byte of an input selects the reply's status.
STATUSES = [200, 201, 204, 302, 303, 304, 400, 401, 403, 404, 408, 422, 429, 500, 503, 599]
ORDER = "O42iABI27568020268434827"
# Longer inputs slow the fuzzer down and find nothing more.
MAX_LENGTH = 8192


def cases(name):
    with open(VECTORS / f"{name}.json", encoding="utf-8") as file:
        return json.load(file)["cases"]


def body(case):
    if "body_hex" in case:
        return bytes.fromhex(case["body_hex"])
    if "body_repeat" in case:
        repeat = case["body_repeat"]
        return (repeat["before"] + repeat["unit"] * repeat["times"] + repeat["after"]).encode()
    return case.get("body", "").encode()


def status(code):
    return bytes([STATUSES.index(code) if code in STATUSES else 0])


def callbacks():
    for case in cases("callback") + cases("forgery"):
        yield body(case).replace(b"$dear", ORDER.encode())


# As in src/fuzzing.rs: the token, as it is and escaped.
TOKENS = [b"fuzzed-token-4711", b"fuzzed\\u002dtoken-4711", b"fuzzed&#45;token-4711"]


def check_replies():
    for token in TOKENS:
        yield status(200) + b'{"code":"1","message":"' + token + b'"}'
        yield status(500) + b"<p>" + token
    for case in cases("check"):
        order_number = case["order_number"].encode()
        yield status(case["status"]) + body(case).replace(order_number, ORDER.encode())
    for case in cases("forgery"):
        reply = case.get("gateway", {}).get("reply")
        if reply:
            yield status(reply["status"]) + body(reply)


def pay_replies():
    for token in TOKENS:
        yield status(200) + b'{"code":0,"url":"https://gw.example/checkout/1?t=' + token + b'"}'
        yield status(200) + b"<form action=x><input name=t value='" + token + b"'></form>"
    for case in cases("pay"):
        headers = {name.lower(): value for name, value in case.get("headers", {}).items()}
        first = status(case["status"])
        if 300 <= case["status"] < 400:
            first = status(302) + headers.get("location", "").encode() + b"\n"
        yield first + body(case)


def wallet_replies():
    for token in TOKENS:
        yield status(200) + b'{"code":"0","orderNumber":"' + token + b'"}'
        yield status(200) + b'{"code":"1","message":"' + token + b'","data":{"orderNumber":"N1"}}'
        yield status(302) + b"https://gw.example/?t=" + token + b"\n{}"
    for case in cases("mobile") + cases("payout"):
        headers = {name.lower(): value for name, value in case.get("headers", {}).items()}
        first = status(case["status"])
        if 300 <= case["status"] < 400:
            first = status(302) + headers.get("location", "").encode() + b"\n"
        yield first + body(case)


def phones():
    for case in cases("phone"):
        yield case["phone"].encode()


def text(value):
    """Encodes NULL or a string after its length, as fuzz_targets/ffi_structs.rs reads it."""
    if value is None:
        return b"\0"
    raw = value.encode()[:254]
    return bytes([len(raw) + 1]) + raw


def kind(expected):
    """The kind of an expected payment, as fuzz_targets/ffi_structs.rs reads it."""
    return bytes([1 + ["CARD", "MOBILE", "PAYOUT"].index(expected.get("kind", "CARD"))])


def ffi_structs():
    sizes = [b"\0", b"\x04\x03", b"\x05\x02\x01", b"\x05\x02\x00" + b"\1" * 16, b"\x06\x0c", b"\x07" + b"\xff" * 8]
    secret = text("a test callback secret")
    config = (
        text("ZANDO") + text("Bearer t") + b"\1\2" + text("https://127.0.0.1/pay") + text(None)
        + struct.pack("<QQ", 1500, 0) + text(None) + text("http://proxy.example:3128") + text("Zando/1")
        + struct.pack("<Q", 3) + secret + secret + text("https://127.0.0.1/mobile") + text(None)
        + text("till.db")
    )
    request = b"".join(map(text, ["R1", "25.50", "USD", "Deux pagnes", "https://a.example/cb", None, None, None, None, "panier-7"]))
    wallet = ["R1", "25.50", "USD", "+243 81 234 56 78", "https://a.example/cb"]
    mobile = b"".join(map(text, [*wallet, "Deux pagnes", "https://a.example/ok", None, "app://no", None, "panier-7"]))
    payout = b"".join(map(text, [*wallet, "7"]))
    expected = b"".join(map(text, ["R1", "25.50", "USD", "N1", None])) + b"\2" + text("7") + b"\0"
    options = struct.pack("<QQQQ", 10, 1, 1, 0)
    for size in sizes:
        yield b"\0" + config + size
        yield b"\1" + request + size
        yield b"\2" + options + b"\0" + text(None) + size
        yield b"\2" + options + b"\1" + expected + text("7") + size
        yield b"\4" + mobile + size
        yield b"\5" + payout + size
        for filter in [0, 1, 4, 6]:  # the number and 1
            yield b"\x08" + text("A") + bytes([filter]) + struct.pack("<Q", 10) + size
        yield b"\x08" + text(None) + b"\1" + struct.pack("<Q", 0) + size
        for cancelled in [b"\0", b"\1"]:
            yield b"\x07" + cancelled + struct.pack("<Q", 1000) + b"\0" + size
            yield b"\x07" + cancelled + struct.pack("<Q", 1000) + b"\xff" + size
        for reference in ["R1", "R2"]:
            by = text("Awa") + text("not in the console")
            yield b"\x09" + text(reference) + text("N1") + by + b"\1\0" + size
            yield b"\x09" + text(reference) + text(None) + by + b"\3\0" + size
            yield b"\x09" + text(reference) + text(None) + by + b"\7\0" + size
    for phone in ["+243 81 234 56 78", "0812345678", "812345678", "0812x"]:
        for size in [0, 12, 13]:
            yield b"\6" + text(phone) + bytes([size])
    for case in cases("forgery")[::4]:
        expected = case["expected"]
        yield b"\3" + b"".join(
            text(expected[key]) for key in ["reference", "amount", "currency", "order_number"]
        ) + text(case.get("query")) + kind(expected) + text(None) + b"\0" + body(case)


ENTRY = {
    "reference": "Z-1", "kind": "MOBILE", "amount": "25.50", "currency": "USD", "phone": "243812345678",
    "state": "SENDING", "attempt": 1, "sender": "till-1", "order_number": None, "redirect_url": None,
    "page": None, "code": None, "message": None, "last_answer": None, "was_paid": False,
    "failures": 0, "failure_at": None, "is_delivered": False,
    "other_order_number": None, "resolved_by": None, "resolved_why": None,
}  # fmt: skip
ENTRY_STATES = [
    "SENDING", "NOT_SENT", "REFUSED", "IN_DOUBT", "ACCEPTED", "PAID", "FAILED", "CANCELLED", "REFUNDING", "REFUNDED",
]  # fmt: skip


def events():
    terms = {key: ENTRY[key] for key in ["kind", "amount", "currency", "phone"]}
    for price in ["25.5", "26"]:
        yield {"event": "pay", "reference": "Z-1", "terms": {**terms, "amount": price}, "sender": "till-2"}
        for state in ["PAID", "REFUNDED"]:
            verdict = {"order_number": "N1", "state": state, "amount": price, "currency": "USD", "at": 1764283581}
            yield {"event": "verdict", **verdict}
    accepted = {"redirect_url": None, "page": None, "code": "0", "message": "OK"}
    for attempt in [1, 2]:
        reply = {"result": "accepted", "order_number": "N1", **accepted}
        yield {"event": "reply", "attempt": attempt, "reply": reply}
    reply = {"result": "failed", "code": "TIMEOUT", "outcome": "UNKNOWN", "gateway_message": None, "order_number": None}
    yield {"event": "reply", "attempt": 1, "reply": reply}
    yield {"event": "settle"}
    yield {"event": "no_verdict", "answer": "NOT_FOUND"}
    yield {"event": "acknowledge"}
    for resolution in [{"state": "NOT_SENT"}, {"state": "ORDER", "order_number": "N1"}]:
        yield {"event": "resolve", "resolution": resolution, "who": "Awa", "why": "the console"}


def journal_steps():
    entries = [None] + [{**ENTRY, "state": state, "was_paid": state == "PAID"} for state in ENTRY_STATES]
    most = 2**32 - 1
    entries += [{**ENTRY, "state": state, "attempt": most, "failures": most} for state in ["NOT_SENT", "FAILED"]]
    for entry in entries:
        for event in events():
            yield json.dumps({"entry": entry, "sender_is_alive": False, "event": event}).encode()
    # Programs: pay, accepted, paid, acknowledged twice; pay, no reply, a person, a callback.
    yield b"p" + bytes([0, 0x10, 1, 2, 4, 0, 6, 0, 6, 0])
    yield b"p" + bytes([0, 0x10, 0x80, 0x10, 0, 0x10, 7, 4, 0, 0x10, 4, 1, 6, 0])


def write(target, inputs):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for data in inputs:
        if len(data) <= MAX_LENGTH:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
            count += 1
    for found in sorted((HERE / "regressions" / target).glob("*")):
        shutil.copy(found, folder)
        count += 1
    print(f"{target}: {count} seeds")


write("callback", callbacks())
write("check_reply", check_replies())
write("pay_reply", pay_replies())
write("wallet_reply", wallet_replies())
write("phone", phones())
write("ffi_structs", ffi_structs())
write("journal_step", journal_steps())
