//! Generates the C headers from `src/ffi`, and the PHP and Python files from these headers. Sets the
//! linker options of the shared library.
//!
//! The files are written to the build folder. A test compares them with the committed files
//! ([`GENERATED`]); `make header` (which sets FLEXPAY_WRITE_HEADER) replaces the committed files.

#[path = "bindings/generate/mod.rs"]
mod generate;

use std::path::{Path, PathBuf};
use std::{env, fs};

use generate::header::Header;
use generate::tables::{self, Table};
use generate::{cpp, php, python};

/// The files of `src/ffi` with C functions or types, in the order in which the header has them.
const FFI_FILES: [&str; 16] = [
    "error",
    "numbers",
    "config",
    "client",
    "payment",
    "mobile",
    "payout",
    "phone",
    "transaction",
    "cancel",
    "wait",
    "callback",
    "settlement",
    "journal",
    "names",
    "version",
];

/// The generated files, and the folders of the committed copies.
const GENERATED: [(&str, &str); 12] = [
    ("flexpay.h", "include"),
    ("flexpay.hpp", "include"),
    ("flexpay.ffi.h", "bindings/php"),
    ("Abi.php", "bindings/php/src/Internal"),
    ("FlexPayException.php", "bindings/php/src/Exception"),
    ("Transaction.php", "bindings/php/src"),
    ("Expected.php", "bindings/php/src"),
    ("Settlement.php", "bindings/php/src"),
    ("Client.php", "bindings/php/src"),
    ("_abi.py", "bindings/python/flexpay"),
    ("_codes.py", "bindings/python/flexpay"),
    ("_enums.py", "bindings/python/flexpay"),
];

/// The structs that a caller fills in, and the macros that initialize them.
const INPUT_STRUCTS: [(&str, &str); 9] = [
    ("flexpay_config", "FLEXPAY_CONFIG_INIT"),
    ("flexpay_payment_request", "FLEXPAY_PAYMENT_REQUEST_INIT"),
    ("flexpay_mobile_request", "FLEXPAY_MOBILE_REQUEST_INIT"),
    ("flexpay_payout_request", "FLEXPAY_PAYOUT_REQUEST_INIT"),
    ("flexpay_wait_options", "FLEXPAY_WAIT_OPTIONS_INIT"),
    ("flexpay_expected", "FLEXPAY_EXPECTED_INIT"),
    (
        "flexpay_reconcile_options",
        "FLEXPAY_RECONCILE_OPTIONS_INIT",
    ),
    ("flexpay_journal_query", "FLEXPAY_JOURNAL_QUERY_INIT"),
    ("flexpay_resolution", "FLEXPAY_RESOLUTION_INIT"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=bindings/generate");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src/ffi");
    for file in tables::files() {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=FLEXPAY_WRITE_HEADER");

    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let tables = tables::read(&root);
    write(&out, "numbers.rs", &tables::constants(&tables));
    let config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let full = cbindgen::Config {
        after_includes: Some(version_macros() + &init_macros()),
        ..config.clone()
    };
    write_header(&root, full, &out.join("flexpay.h"));
    write_header(&root, declarations_only(config), &out.join("flexpay.ffi.h"));
    let generated = |name| fs::read_to_string(out.join(name)).expect("written above");
    let header = Header::parse(&generated("flexpay.h"), &generated("flexpay.ffi.h"));
    write(&out, "Abi.php", &php::abi(&header));
    write(&out, "_abi.py", &python::abi(&header));
    write_regions(&root, &out, &tables);
    if env::var_os("FLEXPAY_WRITE_HEADER").is_some() {
        for (name, folder) in GENERATED {
            let committed = root.join(folder).join(name);
            fs::copy(out.join(name), committed).expect("the committed file is writable");
        }
    }

    set_linker_options();
}

/// Writes the files of which a part is generated: the lists of the numbered enums.
fn write_regions(root: &Path, out: &Path, tables: &[Table]) {
    type Fill = fn(&str, &Table) -> String;
    let regions: [(&str, &str, Fill); 22] = [
        ("flexpay.hpp", "ErrorCode", cpp::enumerators),
        ("flexpay.hpp", "Outcome", cpp::enumerators),
        ("flexpay.hpp", "State", cpp::enumerators),
        ("flexpay.hpp", "Environment", cpp::enumerators),
        ("flexpay.hpp", "Api", cpp::enumerators),
        ("flexpay.hpp", "Kind", cpp::enumerators),
        ("flexpay.hpp", "EntryState", cpp::enumerators),
        ("flexpay.hpp", "Filter", cpp::enumerators),
        ("flexpay.hpp", "Flag", cpp::switches),
        ("FlexPayException.php", "Outcome", php::constants),
        ("Transaction.php", "State", php::constants),
        ("Expected.php", "Kind", php::constants),
        ("Settlement.php", "EntryState", php::states),
        ("Client.php", "Filter", php::constants),
        ("_codes.py", "ErrorCode", python::members),
        ("_codes.py", "Outcome", python::members),
        ("_enums.py", "Environment", python::members),
        ("_enums.py", "Api", python::members),
        ("_enums.py", "Kind", python::members),
        ("_enums.py", "State", python::members),
        ("_enums.py", "EntryState", python::members),
        ("_enums.py", "Filter", python::members),
    ];
    for (name, folder) in GENERATED {
        let mut regions = regions.iter().filter(|(file, ..)| *file == name).peekable();
        if regions.peek().is_none() {
            continue;
        }
        let committed = root.join(folder).join(name);
        println!("cargo:rerun-if-changed={}", committed.display());
        let mut text = fs::read_to_string(committed).expect("the committed file is readable");
        for (_, table, fill) in regions {
            let table = tables.iter().find(|one| one.name == *table);
            text = fill(&text, table.expect("there must be a table of this name"));
        }
        write(out, name, &text);
    }
}

fn write(out: &Path, name: &str, text: &str) {
    fs::write(out.join(name), text).expect("the build folder is writable");
}

/// For PHP: `FFI::cdef` accepts no includes, no macros and no `extern "C"`.
fn declarations_only(mut config: cbindgen::Config) -> cbindgen::Config {
    config.header = None;
    config.include_guard = None;
    config.sys_includes.clear();
    config.cpp_compat = false;
    config.documentation = false;
    config
        .export
        .item_types
        .retain(|kind| !matches!(kind, cbindgen::ItemType::Constants));
    config
}

fn write_header(root: &Path, config: cbindgen::Config, header: &Path) {
    let folder = root.join("src/ffi");
    let sources = FFI_FILES.map(|name| match name {
        // It only includes a generated file, and cbindgen does not follow `include!`.
        "numbers" => header.with_file_name("numbers.rs"),
        name => folder.join(format!("{name}.rs")),
    });
    let builder = sources.iter().fold(
        cbindgen::Builder::new().with_config(config),
        |builder, source| builder.with_src(source),
    );
    let bindings = builder.generate().expect("cbindgen reads src/ffi");
    bindings.write_to_file(header);
}

fn version_macros() -> String {
    let version = |part| env::var(format!("CARGO_PKG_VERSION{part}")).expect("cargo sets it");
    format!(
        "\n/* The version of this header. flexpay_version() returns the version of the library. */\n\
         #define FLEXPAY_VERSION \"{}\"\n\
         #define FLEXPAY_VERSION_MAJOR {}\n\
         #define FLEXPAY_VERSION_MINOR {}\n\
         #define FLEXPAY_VERSION_PATCH {}",
        version(""),
        version("_MAJOR"),
        version("_MINOR"),
        version("_PATCH"),
    )
}

fn init_macros() -> String {
    let mut text = String::from(
        "\n\n/*\n * Use the macro where you declare a struct (not in an assignment): it sets the size, and zeroes\n * the rest. A wrong size is INVALID.\n *\n\
         \x20*     flexpay_config config = FLEXPAY_CONFIG_INIT;\n */\n\
         #ifdef __cplusplus\nextern \"C++\" {\n\
         template <typename T> inline T flexpay_init() {\n    T value = T();\n    \
         value.size = sizeof(T);\n    return value;\n}\n}\n",
    );
    for (kind, name) in INPUT_STRUCTS {
        text.push_str(&format!("#define {name} flexpay_init<{kind}>()\n"));
    }
    text.push_str("#else\n");
    for (kind, name) in INPUT_STRUCTS {
        text.push_str(&format!("#define {name} {{ .size = sizeof({kind}) }}\n"));
    }
    text.push_str("#endif");
    text
}

/// Sets the linker options of the shared library, on ELF systems, for whoever builds it with cargo alone. It then has no
/// symbol versions: `make build` and the packages link it with scripts/shared-library.sh.
fn set_linker_options() {
    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if matches!(
        os.as_str(),
        "linux" | "freebsd" | "netbsd" | "openbsd" | "android"
    ) {
        let major = env::var("CARGO_PKG_VERSION_MAJOR").expect("cargo sets it");
        // Unloading the library before its thread-local destructors have run would crash the process
        // (rust-lang/rust#91979). So it is never unloaded.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libflexpay.so.{major}");
    }
    if os == "linux" && env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        // Links the (small) unwinder for panics statically. libgcc_s.so.1 would be one more library to
        // find, map and relocate at every start, nearly half of the time of loading.
        //
        // The kind is `dylib`, although gcc_eh is an archive. rustc then passes -lgcc_eh before std's
        // -lgcc_s, and does not bundle it into an rlib. A cdylib-link-arg would come after -lgcc_s, too
        // late. Rust programs that use the crate link gcc_eh, too. It is next to libgcc.a, so it is
        // present wherever gcc or clang can link.
        //
        // The unwinder uses `_dl_find_object`: a library linked on Debian 12 requires glibc 2.35, not 2.34.
        println!("cargo:rustc-link-lib=dylib=gcc_eh");
    }
}
