"""Compares this package's structs, functions and numbers with the C header."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path
from typing import Dict, Optional

import pytest
from conftest import ROOT

import flexpay
from flexpay import _abi
from flexpay._library import library
from flexpay._structs import STRUCTS

HEADER = ROOT / "include" / "flexpay.h"
TEXT = HEADER.read_text(encoding="utf-8")

# The C types of the ctypes types, for the C compiler to compare.
C_TYPES = {
    ctypes.c_int32: "int32_t",
    ctypes.c_int64: "int64_t",
    ctypes.c_uint32: "uint32_t",
    ctypes.c_uint64: "uint64_t",
    ctypes.c_size_t: "size_t",
    ctypes.c_char_p: "const char *",
}
POINTERS = {
    "cancel": "const flexpay_cancel_token *",
    "expected": "const flexpay_expected *",
    "items": "const flexpay_settlement *const *",
}


def test_structs(tmp_path: Path) -> None:
    lines = [
        "#include <stddef.h>",
        "#include <stdio.h>",
        "#include <flexpay.h>",
        "int main(void) {",
    ]
    expected = ""
    for name, fields in _abi.FIELDS.items():
        struct = STRUCTS[name]
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected += f"{name} {ctypes.sizeof(struct)}\n"
        for field, kind in fields:
            member = f"(({name} *)0)->{field}"
            c_type = POINTERS[field] if kind is ctypes.c_void_p else C_TYPES[kind]
            is_kind = f"_Generic({member}, {c_type}: 1, default: 0)"
            layout = f"offsetof({name}, {field}), sizeof({member}), {is_kind}"
            lines.append(f'printf("{field} %zu %zu %d\\n", {layout});')
            expected += f"{field} {getattr(struct, field).offset} {ctypes.sizeof(kind)} 1\n"
    source = tmp_path / "layout.c"
    source.write_text("\n".join([*lines, "return 0; }"]))
    program = tmp_path / "layout"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{HEADER.parent}"]
    subprocess.run(["gcc", *flags, "-o", str(program), str(source)], check=True)
    assert subprocess.run([str(program)], stdout=subprocess.PIPE, text=True).stdout == expected


def test_all_structs_and_fields_are_declared() -> None:
    in_header = {
        name: re.findall(r"(\w+);", re.sub(r"//.*", "", body))
        for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\n\}", TEXT, re.S)
    }
    assert in_header == {
        name: [field for field, _ in fields] for name, fields in _abi.FIELDS.items()
    }


def test_every_function_is_declared() -> None:
    code = re.sub(r"//.*|/\*[^*]*\*/", "", TEXT)
    declared = re.findall(r"^([a-z][\w ]*\*?)(flexpay_\w+)\((.*?)\);", code, re.M | re.S)
    expected = {
        name: (
            ctypes_type(result),
            [ctypes_type(one) for one in parameters.split(",") if one != "void"],
        )
        for result, name, parameters in declared
    }
    assert expected == _abi.FUNCTIONS
    for name, (restype, argtypes) in _abi.FUNCTIONS.items():
        function = getattr(library().functions, name)
        assert (function.restype, function.argtypes) == (restype, argtypes)


def ctypes_type(declared: str) -> Optional[type]:
    """The ctypes type of a parameter or result in the header."""
    if "*" in declared:
        is_text = re.search(r"\b(char|uint8_t) \*", declared)
        return ctypes.c_char_p if is_text else ctypes.c_void_p
    name = declared.split()[0]
    plain = {"void": None, "size_t": ctypes.c_size_t, "uint32_t": ctypes.c_uint32}
    return plain.get(name, ctypes.c_int32)


def numbers(prefix: str) -> Dict[str, int]:
    return {name: int(value) for name, value in re.findall(rf"#define {prefix}(\w+) (\d+)", TEXT)}


@pytest.mark.parametrize(
    ("enum", "prefix"),
    [
        (flexpay.Outcome, "FLEXPAY_OUTCOME_"),
        (flexpay.State, "FLEXPAY_STATE_"),
        (flexpay.Environment, "FLEXPAY_ENV_"),
        (flexpay.Api, "FLEXPAY_API_"),
        (flexpay.Kind, "FLEXPAY_KIND_"),
        (flexpay.EntryState, "FLEXPAY_ENTRY_"),
        (flexpay.JournalFilter, "FLEXPAY_JOURNAL_"),
    ],
)
def test_numbers(enum: type, prefix: str) -> None:
    members = {name: int(one) for name, one in enum.__members__.items()}  # type: ignore[attr-defined]
    if enum is flexpay.Outcome:
        # Only in this package, for a library that cannot be loaded.
        assert members.pop("UNUSABLE") == -1
    assert members == numbers(prefix)


def test_result_codes() -> None:
    codes = {name: int(code) for name, code in flexpay.ResultCode.__members__.items()}
    assert codes == {"OK": numbers("FLEXPAY_")["OK"], **numbers("FLEXPAY_ERROR_")}


def test_other_numbers() -> None:
    assert numbers("FLEXPAY_")["ABI_VERSION"] == _abi.ABI_VERSION
    assert numbers("FLEXPAY_FLAG_") == {
        "ALLOW_PLAIN_HTTP": _abi.FLAG_ALLOW_PLAIN_HTTP,
        "CHECK_ONCE": _abi.FLAG_CHECK_ONCE,
        "SYSTEM_ROOTS": _abi.FLAG_SYSTEM_ROOTS,
        "PRIVATE_CONNECTIONS": _abi.FLAG_PRIVATE_CONNECTIONS,
        "ALLOW_PAYOUT": _abi.FLAG_ALLOW_PAYOUT,
        "TRACE": _abi.FLAG_TRACE,
    }
    assert numbers("FLEXPAY_CALLBACK_")["KEY_SIZE"] == _abi.CALLBACK_KEY_SIZE
    assert numbers("FLEXPAY_PHONE_")["SIZE"] == _abi.PHONE_SIZE


def test_names_are_those_of_the_library() -> None:
    functions = library().functions
    for code in flexpay.ResultCode:
        assert functions.flexpay_result_name(code).decode() == code.name
    for outcome in set(flexpay.Outcome) - {flexpay.Outcome.UNUSABLE}:
        assert functions.flexpay_outcome_name(outcome).decode() == outcome.name
    for state in flexpay.State:
        assert functions.flexpay_state_name(state).decode() == state.name
    for entry_state in flexpay.EntryState:
        assert functions.flexpay_entry_state_name(entry_state).decode() == entry_state.name
    assert functions.flexpay_result_name(99).decode() == flexpay.ResultCode(99).name


def test_versions_agree() -> None:
    version = re.search(r'#define FLEXPAY_VERSION "(.*)"', TEXT)
    assert version is not None
    assert flexpay.__version__ == version[1] == flexpay.library_version()
