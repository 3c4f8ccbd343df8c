//! The settings of this sandbox as each language writes them, to be copied.

use serde_json::Value;

/// What a client of this sandbox is told.
pub(crate) struct Settings<'a> {
    pub(crate) merchant: &'a str,
    pub(crate) token: &'a str,
    pub(crate) pay_url: &'a str,
    pub(crate) check_url: &'a str,
    /// The authority to trust, where the addresses are https.
    pub(crate) ca_file: Option<&'a str>,
}

/// A piece of text to copy.
pub(crate) struct Snippet {
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

impl Settings<'_> {
    pub(crate) fn snippets(&self) -> Vec<Snippet> {
        let snippet = |title, text| Snippet { title, text };
        vec![
            snippet("Shell", self.shell()),
            snippet("PHP", self.php()),
            snippet("PHP-FPM", self.fpm()),
            snippet("Python", self.python()),
            snippet("C", self.c()),
            snippet("C++", self.cpp()),
            snippet("Rust", self.rust()),
        ]
    }

    /// The settings but for the API, by their names in every language.
    fn texts(&self) -> Vec<(&'static str, &str)> {
        let mut texts = vec![
            ("merchant", self.merchant),
            ("token", self.token),
            ("pay_url", self.pay_url),
            ("check_url", self.check_url),
        ];
        texts.extend(self.ca_file.map(|file| ("ca_file", file)));
        texts
    }

    /// The environment variables, which every language reads.
    fn variables(&self) -> Vec<(String, &str)> {
        let named = |(name, value): (&str, _)| (format!("FLEXPAY_{}", name.to_uppercase()), value);
        let mut variables: Vec<_> = self.texts().into_iter().map(named).collect();
        variables.push(("FLEXPAY_API".to_owned(), "v1.1"));
        variables
    }

    pub(crate) fn shell(&self) -> String {
        lines(self.variables(), |(name, value)| {
            format!("export {name}={}", shell_quoted(value))
        })
    }

    fn fpm(&self) -> String {
        lines(self.variables(), |(name, value)| {
            format!("env[{name}] = {}", double_quoted(value))
        })
    }

    fn php(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"));
        let options = lines(self.texts(), |(name, value)| {
            format!("    '{name}' => {},", quoted(value))
        });
        format!("$client = new FlexPay\\Client([\n    'api' => 'v1.1',\n{options}\n]);")
    }

    fn python(&self) -> String {
        let arguments = lines(self.texts(), |(name, value)| {
            format!("    {name}={},", double_quoted(value))
        });
        format!("client = flexpay.Client(\n    api=\"v1.1\",\n{arguments}\n)")
    }

    fn c(&self) -> String {
        let fields = lines(self.texts(), |(name, value)| {
            format!("config.{name} = {};", double_quoted(value))
        });
        format!(
            "flexpay_config config = FLEXPAY_CONFIG_INIT;\nconfig.api = FLEXPAY_API_V1_1;\n{fields}"
        )
    }

    fn cpp(&self) -> String {
        let fields = lines(self.texts(), |(name, value)| {
            format!("config.{name} = {};", double_quoted(value))
        });
        format!("flexpay::Config config;\nconfig.api = flexpay::Api::v1_1;\n{fields}")
    }

    fn rust(&self) -> String {
        let set = self.texts().into_iter().skip(2);
        let fields = lines(set, |(name, value)| {
            format!("    {name}: Some({}.into()),", double_quoted(value))
        });
        format!(
            "let config = Config {{\n    api: Api::V1_1,\n{fields}\n    ..Config::new({}, {})\n}};",
            double_quoted(self.merchant),
            double_quoted(self.token)
        )
    }
}

fn lines<T>(items: impl IntoIterator<Item = T>, line: impl FnMut(T) -> String) -> String {
    items.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A string as C, C++, Python, Rust and ini files have it: JSON's are the same where no control
/// character is in them.
fn double_quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value as the shell wants it: in quotes only where it must be.
pub fn shell_quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_quoted;

    #[test]
    fn the_shell_reads_back_what_was_meant() {
        assert_eq!(shell_quoted("http://a:1/b-c_d.e"), "http://a:1/b-c_d.e");
        assert_eq!(shell_quoted(""), "''");
        assert_eq!(shell_quoted("it's $5"), r"'it'\''s $5'");
    }
}
