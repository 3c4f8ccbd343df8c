//! The generated parts of the PHP package.

use std::fmt::Write;

use super::header::Header;
use super::tables::Table;
use super::{replace_region, wrap};

/// bindings/php/src/Internal/Abi.php
pub fn abi(header: &Header) -> String {
    let mut php = String::from(
        r#"<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * The constants of include/flexpay.h, and the fields of its structs.
 *
 * Generated from include/flexpay.h. Run `make header` to update it.
 *
 * @internal
 */
final class Abi
{
"#,
    );
    for (name, value) in &header.constants {
        let _ = writeln!(php, "    public const {name} = {value};");
    }
    php.push_str("\n    /** The states by name. */\n    public const STATES = [\n");
    let states = header.constants.iter();
    for name in states.filter_map(|(name, _)| name.strip_prefix("STATE_")) {
        let _ = writeln!(php, "        '{name}' => self::STATE_{name},");
    }
    php.push_str("    ];\n");
    php.push_str(
        "\n    /** The fields of each struct, in order. */\n    public const FIELDS = [\n",
    );
    for (name, fields) in &header.structs {
        let _ = writeln!(php, "        '{name}' => [");
        for (_, field) in fields {
            let _ = writeln!(php, "            '{field}',");
        }
        php.push_str("        ],\n");
    }
    php.push_str("    ];\n\n    private function __construct()\n    {\n    }\n}\n");
    php
}

/// The public constants of a class, whose values are the names: `public const STATE_PAID = 'PAID';`.
pub fn constants(class: &str, table: &Table) -> String {
    named(class, table, &table.prefix)
}

/// The same, with the prefix STATE: in its class it is plain what has the state.
pub fn states(class: &str, table: &Table) -> String {
    named(class, table, "STATE")
}

fn named(class: &str, table: &Table, prefix: &str) -> String {
    let mut php = String::new();
    for entry in &table.entries {
        let lines = wrap(&entry.text, 100);
        match lines.as_slice() {
            [line] => {
                let _ = writeln!(php, "    /** {line} */");
            }
            _ => {
                php.push_str("    /**\n");
                for line in lines {
                    let _ = writeln!(php, "     * {line}");
                }
                php.push_str("     */\n");
            }
        }
        let name = &entry.name;
        let _ = writeln!(php, "    public const {prefix}_{name} = '{name}';\n");
    }
    replace_region(class, table, &format!("{}\n", php.trim_end()))
}
