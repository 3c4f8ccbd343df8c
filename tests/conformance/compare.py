#!/usr/bin/env python3
"""Compares the results of the languages with the test vectors and with each other.

    compare.py VECTORS_DIR LANG=FILE [LANG=FILE ...]

Each FILE has the output of one runner: one line of JSON per case, {"case": "check/…", "result": …}.
"""

import hashlib
import json
import os
import re
import sys

FILES = ("callback", "check", "pay", "mobile", "payout", "phone", "forgery", "states", "journal")
ABSENT = object()


class Unreadable(Exception):
    """A file that is not the output of a runner."""


def read_vectors(directory):
    """The expected results by case, in file order."""
    expected = {}
    for name in FILES:
        with open(os.path.join(directory, name + ".json"), encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                expected[name + "/" + case["name"]] = expectation(name, case["expect"])
    return expected


def expectation(name, expect):
    """What a case expects, in the form of a result."""
    if name == "callback" and "ok" in expect:
        return {"ok": dict(expect["ok"], key=callback_key(expect["ok"]))}
    if name != "forgery":
        return expect
    if "error" in expect:
        # tests/forgery.rs compares the text of the message.
        return {"error": {key: value for key, value in expect["error"].items() if key != "says"}}
    return {"ok": {"state": "PAID" if "paid" in expect else expect["not_paid"]}}


def callback_key(callback):
    """The key of a callback, computed independently of the library."""
    # 1 and 1.0 are the same code.
    code = re.sub(r"^([^.]*)\.0+$", r"\1", callback["code"])
    claim = "success" if callback["claims_success"] else code
    digest = hashlib.sha256()
    for part in (callback.get("order_number"), callback.get("reference"), claim):
        part = (part or "").encode()
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def read_results(path):
    """A runner's results by case, and the cases it printed more than once."""
    results, repeated = {}, []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line)
                case, result = entry["case"], entry["result"]
                kind, fields = only(result)
                if kind not in ("ok", "error") or not isinstance(fields, dict):
                    raise ValueError("a result is one of ok and error, with its fields")
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Unreadable("%s:%d: %s" % (path, number, error))
            if case in results:
                repeated.append(case)
            results[case] = result
    return results, repeated


def same(one, other):
    """Whether two values are equal and have the same type: True is not 1, and 1 is not 1.0. In a vector,
    $GATEWAY stands for the address of the server that replied. Where in a request the parser stopped
    depends on the spaces that the runner wrote."""
    if isinstance(one, str) and isinstance(other, str):
        if one.startswith("$GATEWAY/"):
            other = re.sub(r"^http://127\.0\.0\.1:\d+", "$GATEWAY", other)
        one, other = (re.sub(r" at line 1 column \d+$", "", text) for text in (one, other))
    return type(one) is type(other) and one == other


def shown(value, start=0):
    """The value as JSON. Of a long text, only 300 characters, from `start`."""
    if value is ABSENT:
        return "absent"
    if isinstance(value, str):
        part = json.dumps(value[start:start + 300])
        return part if len(value) <= 300 else "%s (from %d of %d)" % (part, start, len(value))
    return json.dumps(value, sort_keys=True)


def shown_both(left, right):
    """Both values. Long texts start shortly before the first difference."""
    start = 0
    if isinstance(left, str) and isinstance(right, str) and max(len(left), len(right)) > 300:
        start = max(0, len(os.path.commonprefix([left, right])) - 40)
    return shown(left, start), shown(right, start)


def differing_fields(one, other, every_field):
    """The fields in which two results differ, with both values. Compares the fields of `one` or, with
    `every_field`, the fields of both."""
    (kind, fields), (other_kind, other_fields) = only(one), only(other)
    if kind != other_kind:
        yield "result", one, other
        return
    for field in sorted(set(fields) | set(other_fields) if every_field else fields):
        left, right = fields.get(field, ABSENT), other_fields.get(field, ABSENT)
        if not same(left, right):
            yield kind + "." + field, left, right


def only(result):
    """The kind of a result, "ok" or "error", and its fields."""
    ((kind, fields),) = result.items()
    return kind, fields


def describe(case, one, other, differing):
    """The differences between two results, one line of text each."""
    lines = []
    for field, left, right in differing:
        left, right = shown_both(left, right)
        lines.append("%s: %s: %s: %s, %s: %s" % (case, field, one, left, other, right))
    return lines


def compare(vectors, languages):
    """The differences, and how many comparisons passed and failed.

    `languages` maps a name to (results, repeated cases). Each language is compared with the vectors
    and, in every field, with the first language that ran the case. Languages that equal the first also
    equal each other.
    """
    differences, passed, failed = [], 0, 0
    for case, expected in vectors.items():
        first = next((name for name, (results, _) in languages.items() if case in results), None)
        for name, (results, repeated) in languages.items():
            found = []
            if case not in results:
                found.append("%s: missing: not in the results of %s" % (case, name))
            else:
                result = results[case]
                found += describe(case, "vectors", name, differing_fields(expected, result, False))
                if name != first:
                    reference = languages[first][0][case]
                    found += describe(case, first, name, differing_fields(reference, result, True))
                if case in repeated:
                    found.append("%s: repeated: more than once in the results of %s" % (case, name))
            differences.extend(found)
            passed, failed = (passed, failed + 1) if found else (passed + 1, failed)
    for name, (results, _) in languages.items():
        for case in results:
            if case not in vectors:
                differences.append("%s: extra: in the results of %s, not in the vectors" % (case, name))
                failed += 1
    return differences, passed, failed


def main(arguments):
    pairs = [argument.partition("=") for argument in arguments[1:]]
    names = [name for name, _, _ in pairs]
    if not pairs or not all(name and path for name, _, path in pairs) or len(set(names)) < len(names):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        vectors = read_vectors(arguments[0])
        languages = {name: read_results(path) for name, _, path in pairs}
    except (OSError, ValueError, KeyError, TypeError, Unreadable) as error:
        print("cannot compare: %s" % error, file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    differences, passed, failed = compare(vectors, languages)
    for difference in differences:
        print(difference)
    if not vectors:
        print("the vectors have no cases")
        failed += 1
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
