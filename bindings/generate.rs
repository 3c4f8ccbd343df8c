//! What PHP and Python know of the header: its numbers, the fields of its structs, its functions.
//! Part of build.rs, and written from flexpay.h, so that each is said in one place.

use std::fmt::Write;

const NOTE: &str = "Written from include/flexpay.h by bindings/generate.rs: `make header`.";

/// A header as cbindgen writes it.
pub struct Header {
    /// `#define FLEXPAY_OK 0`: ("OK", 0), in order.
    numbers: Vec<(String, i64)>,
    /// Each struct with its fields: type and name.
    structs: Vec<(String, Vec<(String, String)>)>,
    functions: Vec<Function>,
}

struct Function {
    result: String,
    name: String,
    /// Their types.
    parameters: Vec<String>,
}

impl Header {
    /// `full` has the numbers, as macros; `plain` the declarations, and nothing else.
    pub fn read(full: &str, plain: &str) -> Self {
        let numbers = full.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("#define FLEXPAY_")?.split_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        let mut header = Self {
            numbers: numbers
                .filter(|(name, _)| !name.starts_with("VERSION"))
                .collect(),
            structs: Vec::new(),
            functions: Vec::new(),
        };
        let mut rest = plain;
        while let Some(at) = rest.find("typedef struct ") {
            rest = &rest[at + "typedef struct ".len()..];
            let (name, behind) = rest.split_once(' ').expect("a struct has a name");
            // One without a body is opaque.
            if let Some(body) = behind.trim_start().strip_prefix('{') {
                let (fields, behind) = body.split_once('}').expect("a struct ends");
                let fields = fields.split(';').filter_map(type_and_name).collect();
                header.structs.push((name.to_owned(), fields));
                rest = behind;
            }
        }
        for declaration in rest.split(';') {
            let Some((before, parameters)) = declaration.split_once('(') else {
                continue;
            };
            let Some((result, name)) = type_and_name(before) else {
                continue;
            };
            if name.starts_with("flexpay_") {
                let parameters = parameters.trim_end_matches([')', '\n', ' ']).split(',');
                header.functions.push(Function {
                    result,
                    name,
                    parameters: parameters
                        .filter_map(type_and_name)
                        .map(|(kind, _)| kind)
                        .collect(),
                });
            }
        }
        header
    }

    /// bindings/php/src/Internal/Abi.php
    pub fn php(&self) -> String {
        let mut php = format!(
            "<?php\n\ndeclare(strict_types=1);\n\nnamespace FlexPay\\Internal;\n\n/**\n \
             * The numbers of include/flexpay.h, and the fields of its structs.\n *\n * {NOTE}\n *\n \
             * @internal\n */\nfinal class Abi\n{{\n"
        );
        for (name, value) in &self.numbers {
            let _ = writeln!(php, "    public const {name} = {value};");
        }
        php.push_str(
            "\n    /** The fields of each struct, in order. */\n    public const FIELDS = [\n",
        );
        for (name, fields) in &self.structs {
            let _ = writeln!(php, "        '{name}' => [");
            for (_, field) in fields {
                let _ = writeln!(php, "            '{field}',");
            }
            php.push_str("        ],\n");
        }
        php.push_str("    ];\n\n    private function __construct()\n    {\n    }\n}\n");
        php
    }

    /// bindings/python/flexpay/_abi.py
    pub fn python(&self) -> String {
        let mut python = format!(
            "\"\"\"include/flexpay.h for ctypes: its numbers, structs and functions.\n\n{NOTE}\n\"\"\"\n\n\
             from __future__ import annotations\n\n\
             from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p\n\
             from typing import Any, Dict, List, Tuple\n\n"
        );
        for (name, value) in &self.numbers {
            let _ = writeln!(python, "{name} = {value}");
        }
        python.push_str("\nFIELDS: Dict[str, List[Tuple[str, Any]]] = {\n");
        for (name, fields) in &self.structs {
            let _ = writeln!(python, "    \"{name}\": [");
            for (kind, field) in fields {
                let _ = writeln!(python, "        (\"{field}\", {}),", ctypes_of(kind));
            }
            python.push_str("    ],\n");
        }
        python.push_str(
            "}\n\n# The result and the parameters of each function. A body is a pointer and a length: as a \
             c_char_p,\n# ctypes passes the address of the bytes, NUL or not. Every other pointer is a \
             c_void_p.\nFUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {\n",
        );
        for Function {
            result,
            name,
            parameters,
        } in &self.functions
        {
            let _ = writeln!(python, "    \"{name}\": (\n        {},", ctypes_of(result));
            if parameters.is_empty() {
                python.push_str("        [],\n");
            } else {
                python.push_str("        [\n");
                for parameter in parameters {
                    let _ = writeln!(python, "            {},", ctypes_of(parameter));
                }
                python.push_str("        ],\n");
            }
            python.push_str("    ),\n");
        }
        python.push_str("}\n");
        python
    }
}

/// `const char *message`: ("const char *", "message"). None for `void` and for nothing.
fn type_and_name(declared: &str) -> Option<(String, String)> {
    let declared = declared.trim();
    let at = declared.rfind([' ', '*'])? + 1;
    Some((declared[..at].trim().to_owned(), declared[at..].to_owned()))
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
        other => panic!("the header has a type that is not known here: {other}"),
    }
}
