//! Parses the card page: its texts, its form, the fields and the buttons.

use html5gum::{HtmlString, StartTag, Token, Tokenizer};

/// The parsed contents of a page.
#[derive(Debug, Default)]
pub(crate) struct CardPage {
    pub(crate) title: String,
    /// The text of `<h1>`.
    pub(crate) heading: String,
    pub(crate) mistakes: Vec<String>,
    pub(crate) form: Option<Form>,
}

/// The first form on a page.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) buttons: Vec<Button>,
}

/// An input. `autocomplete` tells what to type (`cc-number`, `cc-exp`, …).
#[derive(Debug, Default)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) autocomplete: String,
}

/// A button that submits the form.
#[derive(Debug, Default)]
pub(crate) struct Button {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) label: String,
}

/// The element whose text is being read.
enum Reading {
    Nothing,
    Title,
    Heading,
    Mistake,
    Button,
}

impl CardPage {
    pub(crate) fn parse(html: &str) -> Self {
        let mut page = Self::default();
        let mut reading = Reading::Nothing;
        let mut in_form = false;
        for Ok(token) in Tokenizer::new(html) {
            match token {
                Token::StartTag(tag) => page.open(&tag, &mut reading, &mut in_form),
                Token::EndTag(tag) => match &tag.name[..] {
                    b"form" => in_form = false,
                    b"title" | b"h1" | b"p" | b"button" => reading = Reading::Nothing,
                    _ => {}
                },
                Token::String(string) => page.add_text(&text(&string.value), &reading),
                _ => {}
            }
        }
        page
    }

    fn open(&mut self, tag: &StartTag<()>, reading: &mut Reading, in_form: &mut bool) {
        match &tag.name[..] {
            b"title" => *reading = Reading::Title,
            b"h1" => *reading = Reading::Heading,
            b"p" if attribute(tag, "class") == "mistake" => {
                self.mistakes.push(String::new());
                *reading = Reading::Mistake;
            }
            b"form" if self.form.is_none() => {
                *in_form = true;
                self.form = Some(Form {
                    action: attribute(tag, "action"),
                    ..Form::default()
                });
            }
            b"input" if *in_form => {
                if let Some(form) = &mut self.form {
                    form.fields.push(Field {
                        name: attribute(tag, "name"),
                        value: attribute(tag, "value"),
                        autocomplete: attribute(tag, "autocomplete"),
                    });
                }
            }
            b"button" if *in_form => {
                if let Some(form) = &mut self.form {
                    form.buttons.push(Button {
                        name: attribute(tag, "name"),
                        value: attribute(tag, "value"),
                        label: String::new(),
                    });
                    *reading = Reading::Button;
                }
            }
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str, reading: &Reading) {
        let target = match reading {
            Reading::Nothing => None,
            Reading::Title => Some(&mut self.title),
            Reading::Heading => Some(&mut self.heading),
            Reading::Mistake => self.mistakes.last_mut(),
            Reading::Button => self
                .form
                .as_mut()
                .and_then(|form| form.buttons.last_mut())
                .map(|button| &mut button.label),
        };
        if let Some(target) = target {
            target.push_str(text);
        }
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> String {
    tag.attributes
        .get(name.as_bytes())
        .map_or_else(String::new, |value| text(&value.value))
}

fn text(bytes: &HtmlString) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::CardPage;

    #[test]
    fn entities_and_all_quoting_styles_are_decoded() {
        let page = CardPage::parse(
            r#"<title>A &amp; B</title><h1>12&nbsp;USD</h1>
               <form action='/x?a=1&amp;b=2'><p class="mistake">Non.</p>
               <input name=n value="&quot;v&quot;" autocomplete="cc-number">
               <button name=action value=pay>Payer</button></form><input name=outside>"#,
        );
        assert_eq!(page.title, "A & B");
        assert_eq!(page.heading, "12\u{a0}USD");
        assert_eq!(page.mistakes, ["Non."]);
        let form = page.form.expect("a form");
        assert_eq!(form.action, "/x?a=1&b=2");
        assert_eq!(form.fields.len(), 1);
        assert_eq!(form.fields[0].value, "\"v\"");
        assert_eq!(form.buttons[0].label, "Payer");
    }
}
