//! Names of the enums that have a number in the C ABI.

/// Gives an enum its names, and finds a variant by its number. Each variant must be listed: one that
/// is missing does not compile.
macro_rules! numbered {
    ($kind:ident, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $kind {
            /// The name, in capitals: `NOT_FOUND`.
            pub fn name(self) -> &'static str {
                self.c_name().to_str().expect("ASCII")
            }

            /// The same for C.
            pub(crate) fn c_name(self) -> &'static std::ffi::CStr {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            pub(crate) fn from_number(number: i32) -> Option<Self> {
                let mut all = [$(Self::$variant),+].into_iter();
                all.find(|one| *one as i32 == number)
            }
        }
    };
}

pub(crate) use numbered;
