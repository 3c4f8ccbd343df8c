//! The numbered names that every binding has: result codes, outcomes, states, environments, APIs,
//! kinds and flags. The number, the name and the text of each are in an enum of the crate, or in `Config`.

use std::path::Path;

/// The enums: file, name, and prefix of their constants in C.
const ENUMS: [(&str, &str, &str); 8] = [
    ("src/error.rs", "ErrorCode", "ERROR"),
    ("src/error.rs", "Outcome", "OUTCOME"),
    ("src/config.rs", "Environment", "ENV"),
    ("src/config.rs", "Api", "API"),
    ("src/kind.rs", "Kind", "KIND"),
    ("src/transaction.rs", "State", "STATE"),
    ("src/journal/entry.rs", "EntryState", "ENTRY"),
    ("src/journal/mod.rs", "Filter", "JOURNAL"),
];

pub struct Table {
    /// The name of the enum.
    pub name: String,
    /// `ERROR` of `FLEXPAY_ERROR_TIMEOUT`.
    pub prefix: String,
    pub entries: Vec<Entry>,
}

pub struct Entry {
    /// `NOT_FOUND`
    pub name: String,
    pub number: u64,
    /// The documentation, in one or more sentences.
    pub text: String,
}

/// The files that [`read`] reads.
pub fn files() -> impl Iterator<Item = &'static str> {
    ENUMS.iter().map(|(file, ..)| *file)
}

/// Reads all tables.
pub fn read(root: &Path) -> Vec<Table> {
    let mut tables: Vec<Table> = ENUMS
        .map(|(file, name, prefix)| Table {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            entries: variants(&parse(root, file), name),
        })
        .into();
    tables.push(Table {
        name: "Flag".to_owned(),
        prefix: "FLAG".to_owned(),
        entries: switches(&parse(root, "src/config.rs")),
    });
    tables
}

/// The constants of the C ABI, as Rust source. cbindgen makes macros of them.
pub fn constants(tables: &[Table]) -> String {
    let mut rust = String::new();
    for table in tables {
        let kind = if table.prefix == "FLAG" { "u64" } else { "i32" };
        for entry in &table.entries {
            for line in super::wrap(&entry.text, 96) {
                rust.push_str(&format!("/// {line}\n"));
            }
            let (prefix, name, number) = (&table.prefix, &entry.name, entry.number);
            rust.push_str(&format!(
                "pub const FLEXPAY_{prefix}_{name}: {kind} = {number};\n"
            ));
        }
    }
    rust
}

fn parse(root: &Path, file: &str) -> syn::File {
    let text = std::fs::read_to_string(root.join(file)).expect("the source is readable");
    syn::parse_file(&text).expect("the source is Rust")
}

fn variants(file: &syn::File, name: &str) -> Vec<Entry> {
    let found = file.items.iter().find_map(|item| match item {
        syn::Item::Enum(item) if item.ident == name => Some(item),
        _ => None,
    });
    let item = found.unwrap_or_else(|| panic!("there is no enum {name}"));
    let entries = item.variants.iter().map(|variant| {
        let Some((_, syn::Expr::Lit(number))) = &variant.discriminant else {
            panic!("{name}::{} has no number", variant.ident);
        };
        let syn::Lit::Int(number) = &number.lit else {
            panic!("the number of {name}::{} must be an integer", variant.ident);
        };
        Entry {
            name: upper_snake(&variant.ident.to_string()),
            number: number.base10_parse().expect("the number fits into 64 bits"),
            text: doc(&variant.attrs),
        }
    });
    entries.collect()
}

/// The fields of `Config` that are `bool`. The nth one is the flag 1 << n: never reorder or remove one,
/// only append.
fn switches(file: &syn::File) -> Vec<Entry> {
    let found = file.items.iter().find_map(|item| match item {
        syn::Item::Struct(item) if item.ident == "Config" => Some(item),
        _ => None,
    });
    let fields = &found
        .expect("src/config.rs must have a struct Config")
        .fields;
    let switches = fields
        .iter()
        .filter(|field| matches!(&field.ty, syn::Type::Path(kind) if kind.path.is_ident("bool")));
    let entries = switches.enumerate().map(|(at, field)| Entry {
        name: upper_snake(
            &field
                .ident
                .as_ref()
                .expect("the fields of Config must have names")
                .to_string(),
        ),
        number: 1 << at,
        text: doc(&field.attrs),
    });
    entries.collect()
}

/// `NotFound`: `NOT_FOUND`. `check_once`: `CHECK_ONCE`.
fn upper_snake(name: &str) -> String {
    let mut snake = String::new();
    for (at, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(c.to_ascii_uppercase());
    }
    snake
}

/// A doc comment, as one paragraph.
fn doc(attributes: &[syn::Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(line),
                ..
            }) if pair.path.is_ident("doc") => Some(line.value()),
            _ => None,
        }
    });
    let text = lines.collect::<Vec<_>>().join(" ").trim().to_owned();
    // It is shown in five languages.
    assert!(
        !text.is_empty() && !text.contains(['`', '[']),
        "a doc comment in a table must be plain text: {text:?}"
    );
    text
}
