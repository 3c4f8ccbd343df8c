//! The generated parts of the C++ header.

use std::fmt::Write;

use super::tables::Table;
use super::{replace_region, wrap};

/// The enumerators of an enumeration: `paid = FLEXPAY_STATE_PAID,`.
pub fn enumerators(header: &str, table: &Table) -> String {
    let mut cpp = String::new();
    for entry in &table.entries {
        for line in wrap(&entry.text, 91) {
            let _ = writeln!(cpp, "    /// {line}");
        }
        let (prefix, name) = (&table.prefix, &entry.name);
        let _ = writeln!(
            cpp,
            "    {} = FLEXPAY_{prefix}_{name},",
            name.to_lowercase()
        );
    }
    replace_region(header, table, &cpp)
}

/// The switches of `flexpay::Config`: `bool check_once = false;`.
pub fn switches(header: &str, table: &Table) -> String {
    let mut cpp = String::new();
    for entry in &table.entries {
        for line in wrap(&entry.text, 91) {
            let _ = writeln!(cpp, "    /// {line}");
        }
        let _ = writeln!(cpp, "    bool {} = false;", entry.name.to_lowercase());
    }
    replace_region(header, table, &cpp)
}
