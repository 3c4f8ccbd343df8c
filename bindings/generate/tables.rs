//! The numbered things that every language knows: result codes, outcomes, states, environments, APIs
//! and flags. Each has its number, its name and its sentence in one enum (or struct) of the crate.

use std::path::Path;

/// The enums, and what the names of their constants in C begin with.
const ENUMS: [(&str, &str, &str); 5] = [
    ("src/error.rs", "ErrorCode", "ERROR"),
    ("src/error.rs", "Outcome", "OUTCOME"),
    ("src/config.rs", "Environment", "ENV"),
    ("src/config.rs", "Api", "API"),
    ("src/transaction.rs", "State", "STATE"),
];

/// The source files that are read.
pub const SOURCES: [&str; 3] = ["src/error.rs", "src/config.rs", "src/transaction.rs"];

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
    /// What it means, in one or more sentences.
    pub text: String,
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
            panic!("the number of {name}::{} is none", variant.ident);
        };
        Entry {
            name: upper_snake(&variant.ident.to_string()),
            number: number.base10_parse().expect("a number of the C ABI"),
            text: doc(&variant.attrs),
        }
    });
    entries.collect()
}

/// The fields of `Config` that are `bool`: a flag each, in this order.
fn switches(file: &syn::File) -> Vec<Entry> {
    let found = file.items.iter().find_map(|item| match item {
        syn::Item::Struct(item) if item.ident == "Config" => Some(item),
        _ => None,
    });
    let fields = &found.expect("there is a struct Config").fields;
    let switches = fields
        .iter()
        .filter(|field| matches!(&field.ty, syn::Type::Path(kind) if kind.path.is_ident("bool")));
    let entries = switches.enumerate().map(|(at, field)| Entry {
        name: upper_snake(&field.ident.as_ref().expect("it has names").to_string()),
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
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}
