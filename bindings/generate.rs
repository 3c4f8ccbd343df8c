//! What PHP knows of the header: its numbers, and the fields of its structs. A part of build.rs, so that
//! each is said in one place.

use std::fmt::Write;

const NOTE: &str = "Written from include/flexpay.h by bindings/generate.rs: `make header`.";

/// A header as cbindgen writes it.
pub struct Header {
    /// `#define FLEXPAY_OK 0`: ("OK", 0), in order.
    numbers: Vec<(String, i64)>,
    /// Each struct with the names of its fields.
    structs: Vec<(String, Vec<String>)>,
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
        };
        let mut rest = plain;
        while let Some(at) = rest.find("typedef struct ") {
            rest = &rest[at + "typedef struct ".len()..];
            let (name, behind) = rest.split_once(' ').expect("a struct has a name");
            // One without a body is opaque.
            if let Some(body) = behind.trim_start().strip_prefix('{') {
                let (fields, behind) = body.split_once('}').expect("a struct ends");
                let fields = fields.split(';').filter_map(name_of).collect();
                header.structs.push((name.to_owned(), fields));
                rest = behind;
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
            for field in fields {
                let _ = writeln!(php, "            '{field}',");
            }
            php.push_str("        ],\n");
        }
        php.push_str("    ];\n\n    private function __construct()\n    {\n    }\n}\n");
        php
    }
}

/// The name in `const char *message`; none where nothing is declared.
fn name_of(declared: &str) -> Option<String> {
    let name = declared.trim().rsplit([' ', '*']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}
