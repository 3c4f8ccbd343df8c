//! Generates the C headers from `src/ffi`, and the PHP and Python files from these headers. Sets the
//! linker options of the shared library.
//!
//! The files are written to the build folder. A test compares them with the committed files
//! ([`GENERATED`]); `make header` (which sets FLEXPAY_WRITE_HEADER) replaces the committed files.

#[path = "bindings/generate.rs"]
mod generate;

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The files of `src/ffi` with C functions or types, in the order in which the header has them.
const SOURCES: [&str; 10] = [
    "error",
    "config",
    "client",
    "payment",
    "transaction",
    "cancel",
    "wait",
    "callback",
    "names",
    "version",
];

/// The generated files, and the folders of the committed copies.
const GENERATED: [(&str, &str); 4] = [
    ("flexpay.h", "include"),
    ("flexpay.ffi.h", "bindings/php"),
    ("Abi.php", "bindings/php/src/Internal"),
    ("_abi.py", "bindings/python/flexpay"),
];

/// The structs that a caller fills in, and the macros that initialize them.
const INPUT_STRUCTS: [(&str, &str); 4] = [
    ("flexpay_config", "FLEXPAY_CONFIG_INIT"),
    ("flexpay_payment_request", "FLEXPAY_PAYMENT_REQUEST_INIT"),
    ("flexpay_wait_options", "FLEXPAY_WAIT_OPTIONS_INIT"),
    ("flexpay_expected", "FLEXPAY_EXPECTED_INIT"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=bindings/generate.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src/ffi");
    println!("cargo:rerun-if-env-changed=FLEXPAY_WRITE_HEADER");

    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let full = cbindgen::Config {
        after_includes: Some(version_macros() + &init_macros()),
        ..config.clone()
    };
    write_header(&root, full, &out.join("flexpay.h"));
    write_header(&root, declarations_only(config), &out.join("flexpay.ffi.h"));
    let generated = |name| fs::read_to_string(out.join(name)).expect("written above");
    let header = generate::Header::parse(&generated("flexpay.h"), &generated("flexpay.ffi.h"));
    fs::write(out.join("Abi.php"), header.php()).expect("the build folder is writable");
    fs::write(out.join("_abi.py"), header.python()).expect("the build folder is writable");
    if env::var_os("FLEXPAY_WRITE_HEADER").is_some() {
        for (name, folder) in GENERATED {
            let committed = root.join(folder).join(name);
            fs::copy(out.join(name), committed).expect("the committed file is writable");
        }
    }

    set_linker_options();
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
    let sources = SOURCES.map(|name| root.join(format!("src/ffi/{name}.rs")));
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
        "\n/* The version of this header. flexpay_version() returns that of the library. */\n\
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
        "\n\n/*\n * Initialize every struct that you fill in with its macro: it sets the size, and zeroes the rest.\n *\n\
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

/// Sets the linker options of the shared library, on ELF systems.
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
        // `dylib`, although gcc_eh is an archive: so it is passed to the linker as -lgcc_eh, before
        // std's -lgcc_s, and is not bundled into an rlib. A cdylib-link-arg would come after -lgcc_s,
        // too late. Rust programs that use the crate link it, too. It is next to libgcc.a, so it is
        // present wherever gcc or clang can link.
        //
        // It uses `_dl_find_object`: a library linked on Debian 12 requires glibc 2.35, not 2.34.
        println!("cargo:rustc-link-lib=dylib=gcc_eh");
    }
}
