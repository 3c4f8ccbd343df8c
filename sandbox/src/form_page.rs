//! Parses a page for the customer: its texts, its forms, their fields and buttons.

use html5gum::{HtmlString, StartTag, Token, Tokenizer};

/// The parsed contents of a page.
#[derive(Debug, Default)]
pub(crate) struct FormPage {
    pub(crate) title: String,
    /// The text of `<h1>`.
    pub(crate) heading: String,
    pub(crate) mistakes: Vec<String>,
    pub(crate) forms: Vec<Form>,
    /// The messages on the phone page.
    pub(crate) messages: Vec<Message>,
}

/// A message about a payment, whose order number is the end of `id`.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) text: String,
}

/// A form.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) action: String,
    /// What it asks, on the phone page.
    pub(crate) question: String,
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
    Question,
    Message,
    Button,
}

impl FormPage {
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
            b"form" => {
                *in_form = true;
                self.forms.push(Form {
                    action: attribute(tag, "action"),
                    ..Form::default()
                });
            }
            b"p" if attribute(tag, "class") == "ask" && *in_form => *reading = Reading::Question,
            b"p" if attribute(tag, "class") == "message" => {
                self.messages.push(Message {
                    id: attribute(tag, "id"),
                    text: String::new(),
                });
                *reading = Reading::Message;
            }
            b"input" if *in_form => {
                if let Some(form) = self.forms.last_mut() {
                    form.fields.push(Field {
                        name: attribute(tag, "name"),
                        value: attribute(tag, "value"),
                        autocomplete: attribute(tag, "autocomplete"),
                    });
                }
            }
            b"button" if *in_form => {
                if let Some(form) = self.forms.last_mut() {
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
            Reading::Question => self.forms.last_mut().map(|form| &mut form.question),
            Reading::Message => self.messages.last_mut().map(|message| &mut message.text),
            Reading::Button => self
                .forms
                .last_mut()
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
    use super::FormPage;

    #[test]
    fn entities_and_all_quoting_styles_are_decoded() {
        let page = FormPage::parse(
            r#"<title>A &amp; B</title><h1>12&nbsp;USD</h1>
               <form action='/x?a=1&amp;b=2'><p class="mistake">Non.</p>
               <input name=n value="&quot;v&quot;" autocomplete="cc-number">
               <button name=action value=pay>Payer</button></form><input name=outside>
               <form action=/y><p class=ask>On demande.</p><input name=second></form>"#,
        );
        assert_eq!(page.title, "A & B");
        assert_eq!(page.heading, "12\u{a0}USD");
        assert_eq!(page.mistakes, ["Non."]);
        let form = &page.forms[0];
        assert_eq!(form.action, "/x?a=1&b=2");
        assert_eq!(form.fields.len(), 1);
        assert_eq!(form.fields[0].value, "\"v\"");
        assert_eq!(form.buttons[0].label, "Payer");
        assert_eq!(page.forms[1].question, "On demande.");
        assert_eq!(page.forms[1].fields[0].name, "second");
    }
}
