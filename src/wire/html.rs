//! HTML, cut into tags and text as the standard's tokenizer does (html.spec.whatwg.org, 13.2.5).
//!
//! A tokenizer of its own, since the libraries there are weigh several hundred kilobytes, most of
//! the limit this library keeps to. What is a tag, an attribute or text here is held against
//! html5gum by the tests. Comments and doctypes are passed over; NULs stay what they are.

use std::borrow::Cow;

use super::charref::{self, Place};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Start(Tag<'a>),
    /// An end tag, by its name in lower case.
    End(String),
    /// What stands between tags, its character references decoded.
    Text(Cow<'a, str>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// In lower case.
    pub(super) name: String,
    /// As written, with the `>` behind them. Few of them are ever asked for, and a page may have a
    /// great many: they are read when they are.
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Its value, decoded. The first of this name counts, in capitals or not.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self
            .attributes()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(charref::decode(value, Place::Attribute))
    }

    /// Names and values as written; repeated ones, too.
    fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut tokens = tokens(self.attributes);
        std::iter::from_fn(move || tokens.attribute())
    }
}

/// The text with every end of line a `\n`, as the standard wants it before anything else.
pub(super) fn one_newline(html: &str) -> Cow<'_, str> {
    match html.contains('\r') {
        true => Cow::Owned(html.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(html),
    }
}

/// The tokens of a text whose ends of lines are `\n`.
pub(super) fn tokens(html: &str) -> Tokens<'_> {
    Tokens {
        rest: html,
        inside: None,
    }
}

pub(super) struct Tokens<'a> {
    rest: &'a str,
    /// The element, just begun, whose content is not markup.
    inside: Option<String>,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(name) = self.inside.take() {
            let content = self.take(end_of_content(self.rest, &name));
            if !content.is_empty() {
                return Some(Token::Text(match name.as_str() {
                    "title" | "textarea" => charref::decode(content, Place::Text),
                    _ => Cow::Borrowed(content),
                }));
            }
        }
        loop {
            let text = self.take(self.rest.find('<').unwrap_or(self.rest.len()));
            if !text.is_empty() {
                return Some(Token::Text(charref::decode(text, Place::Text)));
            }
            match self.rest.as_bytes() {
                [] => return None,
                [b'<', letter, ..] if letter.is_ascii_alphabetic() => {
                    let tag = self.tag("<".len())?;
                    self.inside = is_raw(&tag.name).then(|| tag.name.clone());
                    return Some(Token::Start(tag));
                }
                [b'<', b'/', letter, ..] if letter.is_ascii_alphabetic() => {
                    return Some(Token::End(self.tag("</".len())?.name));
                }
                [b'<', b'!', b'-', b'-', ..] => self.skip(end_of_comment(self.rest)),
                // A doctype, or what is read as a comment.
                [b'<', b'!' | b'?', ..] | [b'<', b'/', _, ..] => {
                    self.skip(self.rest.find('>').map(|at| at + 1));
                }
                [b'<', b'/'] => return Some(Token::Text(Cow::Borrowed(self.take(2)))),
                _ => return Some(Token::Text(Cow::Borrowed(self.take(1)))),
            }
        }
    }
}

impl<'a> Tokens<'a> {
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// Goes on there, or nowhere.
    fn skip(&mut self, to: Option<usize>) {
        self.take(to.unwrap_or(self.rest.len()));
    }

    fn next_is(&self, one: impl Fn(char) -> bool) -> bool {
        self.rest.starts_with(one)
    }

    fn take_until(&mut self, stops: impl Fn(char) -> bool) -> &'a str {
        self.take(self.rest.find(stops).unwrap_or(self.rest.len()))
    }

    fn skip_while(&mut self, skips: impl Fn(char) -> bool) {
        self.take_until(|c| !skips(c));
    }

    /// A tag whose name begins at `start`. `None` where the text ends inside of it: then there is
    /// no tag, and nothing left.
    fn tag(&mut self, start: usize) -> Option<Tag<'a>> {
        self.take(start);
        let name = self.take_until(ends_name).to_ascii_lowercase();
        let behind_name = self.rest;
        while self.attribute().is_some() {}
        self.rest = self.rest.strip_prefix('>')?;
        let attributes = &behind_name[..behind_name.len() - self.rest.len()];
        Some(Tag { name, attributes })
    }

    /// The next attribute of a tag. `None` before the `>` that ends it; and where the text ends
    /// inside of a value, with nothing left.
    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        self.skip_while(|c| is_blank(c) || c == '/');
        if self.rest.is_empty() || self.next_is(|c| c == '>') {
            return None;
        }
        // An equals sign is a letter like any other where the name begins.
        let first = usize::from(self.next_is(|c| c == '='));
        let rest = &self.rest[first..];
        let length = rest
            .find(|c| ends_name(c) || c == '=')
            .unwrap_or(rest.len());
        let name = self.take(first + length);
        self.skip_while(is_blank);
        if !self.next_is(|c| c == '=') {
            return Some((name, ""));
        }
        self.take("=".len());
        self.skip_while(is_blank);
        let value = match self.rest.chars().next()? {
            quote @ ('"' | '\'') => {
                self.take(1);
                let length = self.rest.find(quote);
                let value = self.take(length.unwrap_or(self.rest.len()));
                // No closing quote: the text is at its end.
                self.rest.get(1..)?;
                self.take(1);
                value
            }
            _ => self.take_until(|c| is_blank(c) || c == '>'),
        };
        Some((name, value))
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | ' ')
}

fn ends_name(c: char) -> bool {
    is_blank(c) || matches!(c, '/' | '>')
}

/// Whether what is in such an element is text, whatever it looks like; for a browser that runs
/// scripts.
fn is_raw(name: &str) -> bool {
    matches!(
        name,
        "title"
            | "textarea"
            | "script"
            | "style"
            | "xmp"
            | "iframe"
            | "noembed"
            | "noframes"
            | "noscript"
            | "plaintext"
    )
}

/// Where the content of such an element ends: at its end tag, or with the text.
fn end_of_content(text: &str, name: &str) -> usize {
    match name {
        "plaintext" => text.len(),
        "script" => end_of_script(text),
        _ => {
            let mut places = text.match_indices("</");
            let end = places.find(|&(at, _)| is_tag(&text[at + 2..], name));
            end.map_or(text.len(), |(at, _)| at)
        }
    }
}

/// Whether the name of a tag is here, and is this.
fn is_tag(text: &str, name: &str) -> bool {
    let bytes = text.as_bytes();
    let same = bytes
        .get(..name.len())
        .is_some_and(|given| given.eq_ignore_ascii_case(name.as_bytes()));
    same && bytes
        .get(name.len())
        .is_some_and(|&next| ends_name(char::from(next)))
}

/// A script may have a comment in it, and that a script, whose end is not that of the outer one.
fn end_of_script(text: &str) -> usize {
    enum Within {
        Script,
        Comment,
        CommentedScript,
    }
    let mut within = Within::Script;
    for (at, bracket) in text.match_indices(['<', '>']) {
        let rest = &text[at..];
        let ends = rest.starts_with("</") && is_tag(&rest[2..], "script");
        within = match within {
            Within::Script | Within::Comment if ends => return at,
            Within::Script if rest.starts_with("<!--") => Within::Comment,
            Within::Comment if bracket == "<" && is_tag(&rest[1..], "script") => {
                Within::CommentedScript
            }
            Within::CommentedScript if ends => Within::Comment,
            Within::Comment | Within::CommentedScript
                if bracket == ">" && text[..at].ends_with("--") =>
            {
                Within::Script
            }
            same => same,
        };
    }
    text.len()
}

/// Behind the comment that begins here; `None` where it does not end.
fn end_of_comment(text: &str) -> Option<usize> {
    const OPEN: usize = "<!--".len();
    let inside = &text[OPEN..];
    let (at, _) = inside.match_indices('>').find(|&(at, _)| {
        let before = &inside[..at];
        // `<!-->` and `<!--->` are whole.
        matches!(before, "" | "-") || before.ends_with("--") || before.ends_with("--!")
    })?;
    Some(OPEN + at + ">".len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use html5gum::emitters::default::DefaultEmitter;
    use proptest::prelude::*;

    /// What a page is made of, in the order in which it comes; text in one piece.
    #[derive(Debug, PartialEq, Eq)]
    enum Piece {
        Start(String, Vec<(String, String)>),
        End(String),
        Text(String),
    }

    fn add_text(pieces: &mut Vec<Piece>, more: &str) {
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push_str(more),
            _ => pieces.push(Piece::Text(more.to_owned())),
        }
    }

    fn ours(html: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for token in tokens(&one_newline(html)) {
            match token {
                Token::Start(tag) => {
                    let mut attributes: Vec<(String, String)> = Vec::new();
                    for (name, _) in tag.attributes() {
                        let name = name.to_ascii_lowercase();
                        if !attributes.iter().any(|(known, _)| *known == name) {
                            let value = tag.attribute(&name).unwrap().into_owned();
                            attributes.push((name, value));
                        }
                    }
                    attributes.sort();
                    pieces.push(Piece::Start(tag.name, attributes));
                }
                Token::End(name) => pieces.push(Piece::End(name)),
                Token::Text(text) => add_text(&mut pieces, &text),
            }
        }
        pieces
    }

    fn theirs(html: &str) -> Vec<Piece> {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
        let mut pieces = Vec::new();
        for Ok(token) in html5gum::Tokenizer::new_with_emitter(html, emitter) {
            match token {
                html5gum::Token::StartTag(tag) => {
                    let attributes = tag.attributes.iter();
                    let mut attributes: Vec<_> = attributes
                        .map(|(name, value)| (text(name), text(value)))
                        .collect();
                    attributes.sort();
                    pieces.push(Piece::Start(text(&tag.name), attributes));
                }
                html5gum::Token::EndTag(tag) => pieces.push(Piece::End(text(&tag.name))),
                html5gum::Token::String(string) => add_text(&mut pieces, &text(&string)),
                _ => {}
            }
        }
        pieces
    }

    /// Pieces of pages, and what breaks them.
    const FRAGMENTS: &[&str] = &[
        "<",
        ">",
        "/",
        "!",
        "?",
        "-",
        "--",
        "=",
        "\"",
        "'",
        " ",
        "\n",
        "\r",
        "\t",
        "\u{c}",
        "&",
        "#",
        ";",
        "x",
        "a",
        "A",
        "1",
        "\u{e9}",
        "\u{1f4b3}",
        "</",
        "<!--",
        "-->",
        "--!>",
        "<!doctype html>",
        "<![CDATA[",
        "]]>",
        "<?xml",
        "<a href=",
        "<A HREF='",
        "<a href=\"",
        "<b",
        "</b",
        "<br/>",
        "<script",
        "<script>",
        "</script",
        "</SCRIPT>",
        "<title>",
        "</title>",
        "<textarea>",
        "</textarea ",
        "<style>",
        "</style>",
        "<noscript>",
        "</noscript>",
        "<iframe>",
        "</iframe>",
        "<xmp>",
        "</xmp>",
        "<plaintext>",
        "<meta http-equiv=refresh content='0;url=",
        "&amp",
        "&amp;",
        "&copy",
        "&notin;",
        "&#233;",
        "&#x80",
        "&#xD800;",
        "&#0;",
        "&acE;",
        "&nothing;",
        "href",
        "http",
    ];

    /// What only matters beside itself.
    const COMMENTS: &[&str] = &["<!--", "-", "--", ">", "!", "<", "a"];
    const SCRIPTS: &[&str] = &[
        "<script>",
        "</script>",
        "<!--<script>",
        "</script><script>",
        "-->",
        "--",
        "<",
        ">",
        "/",
    ];
    const TAGS: &[&str] = &[
        "<a", "=", "'", "\"", " ", "/", ">", "b", "&amp", "<", "&gt;",
    ];

    fn fragments() -> impl Strategy<Value = Vec<&'static str>> {
        prop::sample::select(vec![FRAGMENTS, COMMENTS, SCRIPTS, TAGS])
            .prop_flat_map(|some| prop::collection::vec(prop::sample::select(some), 0..24))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6_000))]
        #[test]
        fn a_page_is_cut_as_html5gum_cuts_it(fragments in fragments()) {
            let html = fragments.concat();
            prop_assert_eq!(ours(&html), theirs(&html), "{:?}", html);
        }

        #[test]
        fn any_text_is_cut_as_html5gum_cuts_it(html in "[<>/!?='\"&#;a-zA-F0-9 \\n\\r-]{0,60}") {
            prop_assert_eq!(ours(&html), theirs(&html), "{:?}", html);
        }
    }

    #[test]
    fn every_named_reference_is_read_as_html5gum_reads_it() {
        for line in include_str!("charref.txt").lines() {
            let name = line.split(' ').next().unwrap();
            for html in [
                format!("&{name};"),
                format!("&{name}"),
                format!("&{name}x"),
                format!("<a href='?a&{name}'>"),
                format!("<a href=?a&{name}=1>"),
                format!("<a href=\"&{name};1\">"),
            ] {
                assert_eq!(ours(&html), theirs(&html), "{html}");
            }
        }
    }

    #[test]
    fn frames_of_old_hold_text() {
        // html5gum says "noframe", an element that never was.
        assert_eq!(
            ours("<noframes><a href=x></noframes>"),
            [
                Piece::Start("noframes".to_owned(), vec![]),
                Piece::Text("<a href=x>".to_owned()),
                Piece::End("noframes".to_owned()),
            ]
        );
    }
}
