//! Reads the header: its numbers, the fields of its structs, its functions.

/// A header as cbindgen writes it.
pub struct Header {
    /// `#define FLEXPAY_OK 0`: ("OK", 0), in order.
    pub numbers: Vec<(String, i64)>,
    /// Each struct with its fields: type and name.
    pub structs: Vec<(String, Vec<(String, String)>)>,
    pub functions: Vec<Function>,
}

pub struct Function {
    /// Its type.
    pub result: String,
    pub name: String,
    /// Their types.
    pub parameters: Vec<String>,
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
            functions: Vec::new(),
        };
        let mut rest = plain;
        while let Some(at) = rest.find("typedef struct ") {
            rest = &rest[at + "typedef struct ".len()..];
            let (name, behind) = rest.split_once(' ').expect("a struct has a name");
            // One without a body is opaque.
            if let Some(body) = behind.trim_start().strip_prefix('{') {
                let (fields, behind) = body.split_once('}').expect("a struct ends");
                let fields = fields.split(';').filter_map(type_and_name).collect();
                header.structs.push((name.to_owned(), fields));
                rest = behind;
            }
        }
        for declaration in rest.split(';') {
            let Some((before, parameters)) = declaration.split_once('(') else {
                continue;
            };
            let Some((result, name)) = type_and_name(before) else {
                continue;
            };
            if name.starts_with("flexpay_") {
                let parameters = parameters.trim_end_matches([')', '\n', ' ']).split(',');
                header.functions.push(Function {
                    result,
                    name,
                    parameters: parameters
                        .filter_map(type_and_name)
                        .map(|(kind, _)| kind)
                        .collect(),
                });
            }
        }
        header
    }
}

/// `const char *message`: ("const char *", "message"). None for `void` and for nothing.
fn type_and_name(declared: &str) -> Option<(String, String)> {
    let declared = declared.trim();
    let at = declared.rfind([' ', '*'])? + 1;
    Some((declared[..at].trim().to_owned(), declared[at..].to_owned()))
}
