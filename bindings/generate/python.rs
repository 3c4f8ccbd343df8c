//! The generated parts of the Python package.

use std::fmt::Write;

use super::header::{Function, Header};
use super::tables::Table;
use super::{replace_region, wrap};

/// bindings/python/flexpay/_abi.py
pub fn abi(header: &Header) -> String {
    let mut python = String::from(
        r#""""include/flexpay.h for ctypes: its constants, structs and functions.

Generated from include/flexpay.h. Run `make header` to update it.
"""

from __future__ import annotations

from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, List, Tuple

"#,
    );
    for (name, value) in &header.constants {
        let _ = writeln!(python, "{name} = {value}");
    }
    python.push_str("\nFIELDS: Dict[str, List[Tuple[str, Any]]] = {\n");
    for (name, fields) in &header.structs {
        let _ = writeln!(python, "    \"{name}\": [");
        for (kind, field) in fields {
            let _ = writeln!(python, "        (\"{field}\", {}),", ctypes_of(kind));
        }
        python.push_str("    ],\n");
    }
    python.push_str(
        r#"}

# The type of the result, and of the parameters of each function. A body is a pointer and a length:
# as a c_char_p, ctypes passes the address of the bytes, NUL or not. Other pointers are c_void_p.
FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {
"#,
    );
    for Function {
        result_type,
        name,
        parameter_types,
    } in &header.functions
    {
        let _ = writeln!(
            python,
            "    \"{name}\": (\n        {},",
            ctypes_of(result_type)
        );
        if parameter_types.is_empty() {
            python.push_str("        [],\n");
        } else {
            python.push_str("        [\n");
            for parameter in parameter_types {
                let _ = writeln!(python, "            {},", ctypes_of(parameter));
            }
            python.push_str("        ],\n");
        }
        python.push_str("    ),\n");
    }
    python.push_str("}\n");
    python
}

/// The members of an enumeration: `PAID = _abi.STATE_PAID`.
pub fn members(module: &str, table: &Table) -> String {
    let mut python = String::new();
    for entry in &table.entries {
        for line in wrap(&entry.text, 93) {
            let _ = writeln!(python, "    #: {line}");
        }
        let (prefix, name) = (&table.prefix, &entry.name);
        let _ = writeln!(python, "    {name} = _abi.{prefix}_{name}");
    }
    replace_region(module, table, &python)
}

/// What ctypes calls a type of the header.
fn ctypes_of(kind: &str) -> &'static str {
    if kind.contains('*') {
        let is_text = kind.ends_with("char *") || kind.ends_with("uint8_t *");
        return if is_text { "c_char_p" } else { "c_void_p" };
    }
    match kind {
        "void" => "None",
        "size_t" => "c_size_t",
        "int64_t" => "c_int64",
        "uint32_t" => "c_uint32",
        "uint64_t" => "c_uint64",
        "int32_t" | "flexpay_result" => "c_int32",
        other => panic!("ctypes has no type here for {other}"),
    }
}
