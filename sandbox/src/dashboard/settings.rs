//! The settings for this sandbox in each language, to copy.

use serde_json::Value;

/// The settings of a client of this sandbox.
pub(crate) struct Settings<'a> {
    pub(crate) merchant: &'a str,
    pub(crate) token: &'a str,
    pub(crate) pay_url: &'a str,
    pub(crate) mobile_url: &'a str,
    pub(crate) payout_url: &'a str,
    pub(crate) check_url: &'a str,
    /// The CA file to trust, if the URLs are https.
    pub(crate) ca_file: Option<&'a str>,
}

/// A text to copy.
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

    /// The settings except the API version, with the names they have in every language.
    fn texts(&self) -> Vec<(&'static str, &str)> {
        let mut texts = vec![
            ("merchant", self.merchant),
            ("token", self.token),
            ("pay_url", self.pay_url),
            ("mobile_url", self.mobile_url),
            ("payout_url", self.payout_url),
            ("check_url", self.check_url),
        ];
        texts.extend(self.ca_file.map(|file| ("ca_file", file)));
        texts
    }

    /// The environment variables, which the library reads in every language.
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

/// A string literal for C, C++, Python, Rust and ini files. A JSON string is the same in all of them
/// if it has no control characters.
fn double_quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value for the shell, in quotes only if required.
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
    fn shell_quoting() {
        assert_eq!(shell_quoted("http://a:1/b-c_d.e"), "http://a:1/b-c_d.e");
        assert_eq!(shell_quoted(""), "''");
        assert_eq!(shell_quoted("it's $5"), r"'it'\''s $5'");
    }
}
