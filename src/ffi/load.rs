//! Initialization when the library is loaded.

// SAFETY: it needs nothing that a program sets up in `main`: it allocates, takes its own lock or the loader's,
// and returns.
#[ctor::ctor(unsafe)]
fn initialize() {
    #[cfg(unix)]
    // Creates the constants of the process before any thread can fork.
    crate::transport::initialize_ureq();
    #[cfg(windows)]
    stay_loaded();
}

/// The library stays in the process when the program unloads it: a thread of it may still run, in a lookup for
/// example. On Unix, the linker marks the library (build.rs).
#[cfg(windows)]
fn stay_loaded() {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW,
    };

    let own_address: fn() = stay_loaded;
    let mut library = std::ptr::null_mut();
    // It fails only for an address that is in no module. In a program that is linked statically, the module is
    // the program.
    // SAFETY: with this flag, the second argument is an address, not a name.
    unsafe {
        GetModuleHandleExW(
            GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
            own_address as *const u16,
            &raw mut library,
        );
    }
}
