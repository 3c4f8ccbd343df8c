//! Names for the enums that have numbers in the C ABI.

/// Implements `name`, and `from_number`, which finds a variant by its number. All variants must be
/// listed: if one is missing, the code does not compile.
macro_rules! numbered {
    ($kind:ident, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $kind {
            /// The name, in capitals: `NOT_FOUND`.
            pub fn name(self) -> &'static str {
                // This cannot fail: the names are the literals of this list, in ASCII.
                self.c_name().to_str().expect("ASCII")
            }

            /// The name as a C string.
            pub(crate) fn c_name(self) -> &'static std::ffi::CStr {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            pub(crate) fn from_number(number: i32) -> Option<Self> {
                let mut all = [$(Self::$variant),+].into_iter();
                all.find(|variant| *variant as i32 == number)
            }
        }
    };
}

pub(crate) use numbered;
