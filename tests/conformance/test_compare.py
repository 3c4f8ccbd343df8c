#!/usr/bin/env python3
"""Tests of compare.py: it must find every kind of difference."""

import contextlib
import copy
import io
import json
import os
import tempfile
import unittest

import compare

# The key of the callback below.
KEY = "6c3b08cdb864537b4fd2e9a61918cffbe7257cffd9e3ebf32dd79067a21eb357"
CALLBACK = {"code": "0", "reference": "R1", "claims_success": True}
CHECK = {"state": "PAID", "amount_minor": 5000, "channel": None}
REFUSAL = {"code": "REFUSED", "outcome": "REFUSED", "field": None, "http_status": 400}

VECTORS = {
    "callback": [{"name": "good", "expect": {"ok": CALLBACK}}],
    "check": [{"name": "paid", "expect": {"ok": CHECK}}],
    "pay": [{"name": "refused", "expect": {"error": REFUSAL}}],
    "mobile": [],
    "payout": [],
    "phone": [],
    "forgery": [],
    "states": [],
    "journal": [],
}

# What a runner prints: more than the vectors expect (raw, message).
LINES = [
    {"case": "callback/good", "result": {"ok": dict(CALLBACK, key=KEY, raw="code=0&reference=R1")}},
    {"case": "check/paid", "result": {"ok": dict(CHECK, raw="{}")}},
    {"case": "pay/refused", "result": {"error": dict(REFUSAL, message="The gateway refused it")}},
]


class CompareTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        for name, cases in VECTORS.items():
            with open(os.path.join(self.directory, name + ".json"), "w", encoding="utf-8") as file:
                json.dump({"about": "a test", "cases": cases}, file)

    def compare(self, **languages):
        """Runs compare.py. Returns its exit status and its output lines."""
        arguments = [self.directory]
        for name, lines in languages.items():
            path = os.path.join(self.directory, name + ".jsonl")
            with open(path, "w", encoding="utf-8") as file:
                for line in lines:
                    file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
            arguments.append("%s=%s" % (name, path))
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = compare.main(arguments)
        return status, out.getvalue().splitlines()

    def changed(self, number, kind, **fields):
        lines = copy.deepcopy(LINES)
        lines[number]["result"][kind].update(fields)
        return lines

    def test_agreement_passes_every_case_of_every_language(self):
        self.assertEqual(self.compare(C=LINES, PHP=LINES), (0, ["6 passed, 0 failed"]))

    def test_a_changed_field_is_reported_with_both_values(self):
        status, lines = self.compare(C=LINES, PHP=self.changed(0, "ok", reference="R2"))
        self.assertEqual(status, 1)
        self.assertEqual(lines, [
            'callback/good: ok.reference: vectors: "R1", PHP: "R2"',
            'callback/good: ok.reference: C: "R1", PHP: "R2"',
            "5 passed, 1 failed",
        ])

    def test_a_missing_field_is_a_difference(self):
        lines = copy.deepcopy(LINES)
        del lines[1]["result"]["ok"]["channel"]
        status, output = self.compare(C=lines)
        self.assertEqual(status, 1)
        self.assertEqual(output[0], "check/paid: ok.channel: vectors: null, C: absent")

    def test_fields_the_vectors_lack_are_compared_between_languages(self):
        for number, kind, field in ((0, "ok", "raw"), (2, "error", "message")):
            other = self.changed(number, kind, **{field: "other"})
            self.assertEqual(self.compare(C=other), (0, ["3 passed, 0 failed"]))
            status, lines = self.compare(C=LINES, PHP=LINES, Python=other)
            self.assertEqual(status, 1)
            self.assertIn("%s.%s: C: " % (kind, field), lines[0])
            self.assertIn(', Python: "other"', lines[0])
            self.assertEqual(lines[-1], "8 passed, 1 failed")

    def test_an_extra_field_is_a_difference_between_languages(self):
        status, lines = self.compare(C=LINES, PHP=self.changed(1, "ok", extra=None))
        self.assertEqual(status, 1)
        self.assertEqual(lines[0], "check/paid: ok.extra: C: absent, PHP: null")

    def test_of_long_texts_only_the_part_that_differs_is_reported(self):
        page = "x" * 1000
        status, lines = self.compare(C=self.changed(0, "ok", raw=page + "a"),
                                     PHP=self.changed(0, "ok", raw=page + "b"))
        self.assertEqual(status, 1)
        self.assertIn('xa" (from 960 of 1001), PHP: "', lines[0])
        self.assertTrue(lines[0].endswith('xb" (from 960 of 1001)'), lines)

    def test_the_column_of_a_request_is_not_compared(self):
        at = "request: unknown field `x` at line 1 column %d"
        status, lines = self.compare(C=self.changed(0, "ok", raw=at % 57),
                                     PHP=self.changed(0, "ok", raw=at % 68))
        self.assertEqual(status, 0, lines)
        status, lines = self.compare(C=self.changed(0, "ok", raw=at % 57),
                                     PHP=self.changed(0, "ok", raw="request: column 57"))
        self.assertEqual(status, 1, lines)

    def test_a_wrong_callback_key_is_reported(self):
        status, lines = self.compare(C=self.changed(0, "ok", key="0" * 64))
        self.assertEqual(status, 1)
        self.assertIn('ok.key: vectors: "%s"' % KEY, lines[0])

    def test_an_accepted_forgery_is_reported(self):
        refusal = {"code": "MISMATCH", "outcome": "REFUSED", "field": "amount"}
        expectations = {
            "control": {"paid": True},
            "pending": {"not_paid": "PENDING"},
            "cheap": {"error": dict(refusal, says="expected")},
        }
        with open(os.path.join(self.directory, "forgery.json"), "w", encoding="utf-8") as file:
            cases = [{"name": name, "expect": expect} for name, expect in expectations.items()]
            json.dump({"about": "a test", "cases": cases}, file)
        results = {
            "control": {"ok": {"state": "PAID"}},
            "pending": {"ok": {"state": "PENDING"}},
            "cheap": {"error": refusal},
        }

        def lines(**others):
            changed = dict(results, **others)
            return LINES + [{"case": "forgery/" + name, "result": changed[name]} for name in expectations]

        self.assertEqual(self.compare(C=lines()), (0, ["6 passed, 0 failed"]))
        for name, result in (
            ("control", {"error": refusal}),
            ("pending", results["control"]),
            ("cheap", results["control"]),
            ("cheap", {"error": dict(refusal, code="REFUSED")}),
        ):
            status, output = self.compare(C=lines(**{name: result}))
            self.assertEqual(status, 1)
            self.assertTrue(output[0].startswith("forgery/%s: " % name), output)

    def test_true_is_not_one(self):
        status, lines = self.compare(C=self.changed(0, "ok", claims_success=1))
        self.assertEqual(status, 1)
        self.assertEqual(lines[0], "callback/good: ok.claims_success: vectors: true, C: 1")

    def test_an_error_instead_of_a_result_is_one_difference(self):
        lines = copy.deepcopy(LINES)
        lines[1]["result"] = {"error": {"code": "REPLY"}}
        status, output = self.compare(C=lines)
        self.assertEqual(status, 1)
        self.assertEqual(len(output), 2)
        self.assertTrue(output[0].startswith('check/paid: result: vectors: {"ok": '), output)
        self.assertTrue(output[0].endswith(', C: {"error": {"code": "REPLY"}}'), output)

    def test_a_missing_case_is_a_difference(self):
        for missing in range(len(LINES)):
            status, lines = self.compare(C=LINES[:missing] + LINES[missing + 1:], PHP=LINES)
            self.assertEqual(status, 1)
            case = LINES[missing]["case"]
            self.assertEqual(lines[0], "%s: missing: not in the results of C" % case)
            self.assertEqual(lines[-1], "5 passed, 1 failed")

    def test_an_empty_file_lacks_every_case(self):
        status, lines = self.compare(C=[])
        self.assertEqual((status, lines[-1]), (1, "0 passed, 3 failed"))

    def test_an_extra_case_is_a_difference(self):
        extra = {"case": "pay/invented", "result": {"ok": {}}}
        status, lines = self.compare(C=LINES, PHP=LINES + [extra])
        self.assertEqual(status, 1)
        self.assertEqual(lines, [
            "pay/invented: extra: in the results of PHP, not in the vectors",
            "6 passed, 1 failed",
        ])

    def test_a_repeated_case_is_a_difference(self):
        status, lines = self.compare(C=LINES + LINES[:1])
        self.assertEqual(status, 1)
        self.assertEqual(lines[0], "callback/good: repeated: more than once in the results of C")

    def test_a_line_that_is_not_from_a_runner_fails(self):
        for line in ("Warning: something", "", "[]", '{"case": "check/paid"}',
                     '{"case": "check/paid", "result": {}}', '{"case": "a", "result": {"ok": 1}}'):
            status, lines = self.compare(C=LINES + [line])
            self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"), line)
            self.assertIn("C.jsonl:4: ", lines[0])

    def test_a_missing_file_fails(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = compare.main([self.directory, "C=" + os.path.join(self.directory, "none")])
        self.assertEqual((status, out.getvalue().splitlines()[-1]), (1, "0 passed, 1 failed"))

    def test_wrong_usage_is_refused(self):
        for arguments in ([], [self.directory], [self.directory, "C"], [self.directory, "C=a", "C=b"]):
            with contextlib.redirect_stderr(io.StringIO()):
                self.assertEqual(compare.main(arguments), 2)


if __name__ == "__main__":
    unittest.main()
