#!/usr/bin/env python3
"""Tests the checker: it must refuse each kind of change that breaks an old program, and tell what to record if
something was only added.

Each test changes a copy of the header and of the version script. A library without code stands for libflexpay.so.
"""

import contextlib
import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import abi  # noqa: E402
import header as c_header  # noqa: E402
import stub  # noqa: E402

HEADER = (ROOT / "include/flexpay.h").read_text()
VERSIONS = (ROOT / "src/ffi/libflexpay.map").read_text()
DECLARATION = "int32_t flexpay_abi_version(void);"
# The first and the third field of flexpay_error change places: they have the same type.
EXCHANGED = (
    ("    // One of FLEXPAY_ERROR_*.\n    int32_t code;", "    // One of FLEXPAY_ERROR_*.\n    int32_t http_status;"),
    ("    int32_t http_status;\n    // For people", "    int32_t code;\n    // For people"),
)
NEXT_VERSION = ("#define FLEXPAY_VERSION_MINOR 0", "#define FLEXPAY_VERSION_MINOR 1")
NEW_VERSION = "FLEXPAY_1.1 {\n    global:\n        flexpay_refund;\n} FLEXPAY_1;\n"


class Copy(unittest.TestCase):
    """A copy of the project's ABI, recorded as it is."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.paths = abi.Paths(
            header=self.folder / "flexpay.h",
            version_script=self.folder / "libflexpay.map",
            library=self.folder / "libflexpay.so",
            recorded=self.folder / "recorded",
            baseline=self.folder / "baseline",
        )
        self.build(HEADER, VERSIONS)
        self.assertEqual(self.run_abi("record")[0], abi.SAME)

    def build(self, header: str, versions: str, soname: str = "libflexpay.so.1"):
        self.paths.header.write_text(header)
        self.paths.version_script.write_text(versions)
        stub.build(
            c_header.read(header), self.paths.header, self.paths.version_script, soname, self.paths.library
        )

    def run_abi(self, command: str):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = abi.run(command, self.paths)
        return status, output.getvalue()

    def changed(self, *replacements, versions: str = VERSIONS, soname: str = "libflexpay.so.1"):
        """Replaces texts in the header, each of which it must have. Returns the result of the check."""
        header = HEADER
        for old, new in replacements:
            self.assertEqual(header.count(old), 1, old)
            header = header.replace(old, new)
        self.build(header, versions, soname)
        return self.run_abi("check")


class Broken(Copy):
    def refuses(self, result, *texts):
        status, output = result
        self.assertEqual(status, abi.BROKEN, output)
        for text in texts:
            self.assertIn(text, output)
        before = sorted((path, path.read_bytes()) for path in self.paths.recorded.iterdir())
        self.assertEqual(self.run_abi("record")[0], abi.BROKEN)
        self.assertEqual(sorted((path, path.read_bytes()) for path in self.paths.recorded.iterdir()), before)

    def test_a_removed_function(self):
        self.refuses(
            self.changed((DECLARATION, ""), versions=VERSIONS.replace("        flexpay_abi_version;\n", "")),
            "function flexpay_abi_version: removed",
            "symbol flexpay_abi_version: removed",
            "abidiff (status 12)",
        )

    def test_a_function_that_is_not_exported(self):
        self.refuses(
            self.changed(versions=VERSIONS.replace("        flexpay_abi_version;\n", "")),
            "symbol flexpay_abi_version: removed",
        )

    def test_another_symbol_version(self):
        # A program asks the dynamic linker for the function together with its version.
        self.refuses(
            self.changed(versions=VERSIONS.replace("FLEXPAY_1 {", "FLEXPAY_2 {")),
            "symbol flexpay_pay: it was FLEXPAY_1, and is FLEXPAY_2",
        )

    def test_another_parameter(self):
        for name, new in {
            "type": "int32_t flexpay_state_may_replace(int32_t recorded, int64_t now);",
            "number": "int32_t flexpay_state_may_replace(int32_t recorded, int32_t now, int32_t more);",
            "result": "int64_t flexpay_state_may_replace(int32_t recorded, int32_t now);",
        }.items():
            with self.subTest(name):
                self.refuses(
                    self.changed(("int32_t flexpay_state_may_replace(int32_t recorded, int32_t now);", new)),
                    "function flexpay_state_may_replace: it was",
                    "abidiff (status 4)",
                )

    def test_parameters_of_one_type_in_another_order(self):
        # abidiff does not compare names.
        self.refuses(
            self.changed(("(int32_t recorded, int32_t now)", "(int32_t now, int32_t recorded)")),
            "function flexpay_state_may_replace: it was",
        )

    def test_fields(self):
        code = "    const char *gateway_code;\n"
        for name, *replacements in (
            ("removed", (code, "")),
            ("removed at the end", ("    const char *journal;\n} flexpay_config;", "} flexpay_config;")),
            ("inserted", (code, "    // Detail. Since ABI 1.1.\n    const char *detail;\n" + code)),
            ("larger", ("    int32_t http_status;\n", "    int64_t http_status;\n")),
            ("unsigned", ("    int32_t http_status;\n", "    uint32_t http_status;\n")),
            ("exchanged", *EXCHANGED),
        ):
            with self.subTest(name):
                texts = ["field flexpay_"] if name == "inserted" else ["field flexpay_", "abidiff (status 4)"]
                self.refuses(self.changed(NEXT_VERSION, *replacements), *texts)

    def test_fields_that_are_exchanged_while_another_is_added(self):
        self.refuses(
            self.changed(
                NEXT_VERSION,
                *EXCHANGED,
                ("} flexpay_error;", "    // Detail. Since ABI 1.1.\n    const char *detail;\n} flexpay_error;"),
            ),
            "field flexpay_error.code: it was int32_t, at 0, and is int32_t, at 8",
        )

    def test_a_renamed_field(self):
        self.refuses(
            self.changed(("    const char *gateway_code;\n", "    const char *code_of_gateway;\n")),
            "field flexpay_error.gateway_code: removed",
        )

    def test_a_field_in_the_padding_of_an_input_struct(self):
        # On a system with 32 bits, flexpay_config ends with 4 bytes of padding. An old program passes the same size,
        # and does not clear them.
        status, output = self.changed(("} flexpay_config;", "    const char *more;\n} flexpay_config;"))
        self.refuses((status, output), "windows-32: field flexpay_config.more: it is in the padding")
        self.assertNotIn("64: field", output)

    def test_a_constant(self):
        for name, new in (("another value", "#define FLEXPAY_STATE_CANCELLED 7"), ("removed", "")):
            with self.subTest(name):
                self.refuses(
                    self.changed(("#define FLEXPAY_STATE_CANCELLED 6", new)), "constant FLEXPAY_STATE_CANCELLED: "
                )

    def test_a_type(self):
        self.refuses(
            self.changed(("typedef int32_t flexpay_result;", "typedef int64_t flexpay_result;")),
            "type flexpay_result: it was int32_t, and is int64_t",
        )

    def test_the_soname(self):
        self.refuses(self.changed(soname="libflexpay.so.2"), "soname: it was libflexpay.so.1, and is libflexpay.so.2")

    def test_the_abi_version(self):
        self.refuses(
            self.changed(("#define FLEXPAY_ABI_VERSION 1", "#define FLEXPAY_ABI_VERSION 2")),
            "constant FLEXPAY_ABI_VERSION: it was 1, and is 2",
        )


class Added(Copy):
    def asks_to_record(self, result, *texts):
        """The addition must be recorded; then its removal is refused."""
        status, output = result
        self.assertEqual(status, abi.ADDED, output)
        for text in (*texts, "make abi-record"):
            self.assertIn(text, output)
        self.assertEqual(self.run_abi("record")[0], abi.SAME)
        self.assertEqual(self.run_abi("check")[0], abi.SAME)
        # The first programs are still tested.
        self.assertEqual((self.paths.baseline / "flexpay.h").read_text(), HEADER)
        self.build(HEADER, VERSIONS)
        status, output = self.run_abi("check")
        self.assertEqual(status, abi.BROKEN, output)
        self.assertIn(": removed", output)

    def refuses(self, result, text):
        status, output = result
        self.assertEqual(status, abi.BROKEN, output)
        self.assertIn(text, output)

    def test_nothing(self):
        self.assertEqual(self.run_abi("check")[0], abi.SAME)

    def test_a_function(self):
        self.asks_to_record(
            self.changed(
                NEXT_VERSION,
                (DECLARATION, f"{DECLARATION}\n\n// Refunds. Since ABI 1.1.\nint32_t flexpay_refund(int32_t cents);"),
                versions=VERSIONS + NEW_VERSION,
            ),
            "function flexpay_refund",
            "symbol flexpay_refund",
        )

    def test_a_field(self):
        new = "    // More. Since ABI 1.1.\n    const char *more;\n} flexpay_error;"
        self.asks_to_record(self.changed(NEXT_VERSION, ("} flexpay_error;", new)), "field flexpay_error.more")

    def test_a_field_of_an_input_struct(self):
        new = "    // More. Since ABI 1.1.\n    uint64_t more;\n} flexpay_config;"
        self.asks_to_record(self.changed(NEXT_VERSION, ("} flexpay_config;", new)), "field flexpay_config.more")

    def test_a_struct(self):
        new = "// A refund. Since ABI 1.1.\ntypedef struct flexpay_refund {\n    int32_t cents;\n} flexpay_refund;\n"
        self.asks_to_record(
            self.changed(NEXT_VERSION, ("// A text. Free", f"{new}\n// A text. Free")), "struct flexpay_refund"
        )

    def test_a_constant(self):
        new = "\n\n// Disputed. Since ABI 1.1.\n#define FLEXPAY_STATE_DISPUTED 7"
        old = "#define FLEXPAY_STATE_CANCELLED 6"
        self.asks_to_record(self.changed(NEXT_VERSION, (old, old + new)), "constant FLEXPAY_STATE_DISPUTED")

    def test_since_is_required(self):
        for name, comment in (("absent", "More."), ("old", "More. Since ABI 1."), ("other", "More. Since ABI 1.10.")):
            with self.subTest(name):
                new = f"    // {comment}\n    const char *more;\n}} flexpay_error;"
                self.refuses(
                    self.changed(NEXT_VERSION, ("} flexpay_error;", new)),
                    'field flexpay_error.more: its comment must say "Since ABI 1.1."',
                )
        old = "#define FLEXPAY_STATE_CANCELLED 6"
        self.refuses(
            self.changed(NEXT_VERSION, (old, old + "\n\n#define FLEXPAY_STATE_DISPUTED 7")),
            'constant FLEXPAY_STATE_DISPUTED: its comment must say "Since ABI 1.1."',
        )

    def test_a_new_function_has_a_new_symbol_version(self):
        new = f"{DECLARATION}\n\n// Refunds. Since ABI 1.1.\nint32_t flexpay_refund(int32_t cents);"
        self.refuses(
            self.changed(
                NEXT_VERSION,
                (DECLARATION, new),
                versions=VERSIONS.replace("    local:", "        flexpay_refund;\n    local:"),
            ),
            "symbol flexpay_refund: its version is FLEXPAY_1; put it under FLEXPAY_1.1",
        )

    def test_the_first_version_is_complete(self):
        new = "    // More. Since ABI 1.0.\n    const char *more;\n} flexpay_error;"
        self.refuses(
            self.changed(("} flexpay_error;", new)), "ABI 1 is complete in version 1.0: raise the minor version"
        )


class TheHeader(Copy):
    def test_what_cannot_be_read_is_not_overlooked(self):
        for old, new in (
            ("typedef int32_t flexpay_result;", "enum flexpay_result { FLEXPAY_GOOD };"),
            ("    int32_t http_status;", "    int32_t http_status : 3;"),
            ("#define FLEXPAY_OK 0", "#define FLEXPAY_OK (1 - 1)"),
            (DECLARATION, "int32_t flexpay_abi_version(void (*callback)(void));"),
        ):
            with self.subTest(new):
                self.assertEqual(HEADER.count(old), 1)
                with self.assertRaises(c_header.Unreadable):
                    c_header.read(HEADER.replace(old, new))


class TheLibrary(Copy):
    def check_library(self):
        command = [ROOT / "scripts/check-library.sh", self.paths.header, self.paths.library]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def test_every_symbol_has_its_version(self):
        status, output = self.check_library()
        self.assertEqual(status, 0, output)
        for name, versions in (
            ("no version", "{ global: flexpay_*; local: *; };"),
            ("another version", VERSIONS.replace("FLEXPAY_1 {", "FLEXPAY_2 {")),
            ("one with another version", VERSIONS.replace("        flexpay_abi_version;\n", "")
             + "FLEXPAY_1.1 { global: flexpay_abi_version; } FLEXPAY_1;\n"),
            ("one not exported", VERSIONS.replace("        flexpay_abi_version;\n", "")),
        ):
            with self.subTest(name):
                self.build(HEADER, versions)
                status, output = self.check_library()
                self.assertEqual(status, 1, output)
                self.assertIn("flexpay_abi_version", output)

    def test_a_program_that_needs_a_newer_library_does_not_start(self):
        older = self.folder / "older"
        older.mkdir()
        self.paths.library.rename(older / "libflexpay.so.1")
        newer = HEADER.replace(DECLARATION, DECLARATION + "\nint32_t flexpay_refund(void);")
        self.build(newer, VERSIONS + NEW_VERSION)

        def start_with_older(function):
            source, program = self.folder / "program.c", self.folder / "program"
            # It does not come to the call.
            source.write_text(
                f"#include <flexpay.h>\nint main(int argc, char **argv)\n{{\n    (void)argv;\n"
                f"    return argc == 1 ? 0 : {function}();\n}}\n"
            )
            command = ["cc", source, "-o", program, f"-I{self.folder}", f"-L{self.folder}", "-lflexpay"]
            subprocess.run(command, check=True)
            environment = {"LD_LIBRARY_PATH": str(older)}
            return subprocess.run([program], env=environment, stderr=subprocess.PIPE, text=True)

        self.assertEqual(start_with_older("flexpay_abi_version").returncode, 0)
        refused = start_with_older("flexpay_refund")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("version `FLEXPAY_1.1' not found", refused.stderr)

    def test_a_function_that_the_header_does_not_declare(self):
        self.build(HEADER.replace(DECLARATION, DECLARATION + "\nint32_t flexpay_refund(void);"), VERSIONS + NEW_VERSION)
        self.paths.header.write_text(HEADER)
        status, output = self.check_library()
        self.assertEqual(status, 1, output)
        self.assertIn("flexpay_refund", output)


if __name__ == "__main__":
    unittest.main()
