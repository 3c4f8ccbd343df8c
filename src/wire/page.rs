//! Reads an HTML page: its links, forms, scripts and visible text.

use html5gum::emitters::default::{DefaultEmitter, StartTag, Token as HtmlToken};
use html5gum::{HtmlString, Tokenizer};

use crate::token::Token;

/// What a browser would find in a page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The address of a `<meta http-equiv="refresh">`, which the browser opens automatically.
    pub(crate) refresh: Option<String>,
    /// Every `<a href>`, in order.
    pub(crate) links: Vec<String>,
    /// The `<title>`.
    pub(crate) title: String,
    /// Whether there is a form, which a script may submit.
    pub(crate) has_form: bool,
    /// The `action` of each form that has one.
    pub(crate) form_actions: Vec<String>,
    /// Whether there is a password field: then this is a login page, not a payment page.
    pub(crate) has_password_field: bool,
    /// Whether there is a script, which may open any address.
    pub(crate) has_script: bool,
    /// Whether the page contained the token, after character references were decoded.
    pub(crate) has_token: bool,
    /// The visible text: whitespace collapsed, cut at 2,000 characters.
    pub(crate) text: String,
}

const MAX_TEXT: usize = 2_000;

/// Reads a page, and masks the token in every decoded text. Never fails: any text is valid HTML.
pub(crate) fn read(html: &str, token: &Token) -> Page {
    let mut page = Page::default();
    // The open element whose content a browser does not show.
    let mut hidden: Option<HtmlString> = None;
    let mut text = VisibleText::default();
    let mut in_title = false;
    let mut title = VisibleText::default();
    let mut emitter = DefaultEmitter::default();
    // As in a browser, the content of a script or a title is text, not markup.
    emitter.naively_switch_states(true);
    for Ok(html_token) in Tokenizer::new_with_emitter(html, emitter) {
        match html_token {
            HtmlToken::StartTag(mut tag) => {
                for value in tag.attributes.values_mut() {
                    page.has_token |= token.mask_in(&mut value.0);
                }
                if hidden.is_none() {
                    page.read_tag(&tag);
                    in_title |= tag.name.as_slice() == b"title";
                }
                text.break_word();
                // html5gum reads the content of `noframes` as markup, and a browser as text.
                if matches!(
                    tag.name.as_slice(),
                    b"script" | b"style" | b"noscript" | b"noframes" | b"template"
                ) {
                    hidden.get_or_insert(tag.name);
                }
            }
            HtmlToken::EndTag(tag) => {
                text.break_word();
                in_title &= tag.name.as_slice() != b"title";
                hidden.take_if(|hidden| *hidden == tag.name);
            }
            HtmlToken::String(mut string) => {
                page.has_token |= token.mask_in(&mut string.0);
                if hidden.is_none() {
                    let string = String::from_utf8_lossy(&string);
                    text.add(&string);
                    if in_title {
                        title.add(&string);
                    }
                }
            }
            HtmlToken::Comment(_) | HtmlToken::Doctype(_) | HtmlToken::Error(_) => {}
        }
    }
    // Again: a comment may have divided the token.
    page.text = token.masked(text.text);
    page.title = token.masked(title.text);
    page
}

impl Page {
    fn read_tag(&mut self, tag: &StartTag<()>) {
        let attribute = |name: &str| {
            let value = tag.attributes.get(name.as_bytes())?;
            Some(String::from_utf8_lossy(value).trim().to_owned())
        };
        match tag.name.as_slice() {
            b"a" | b"area" => self.links.extend(attribute("href")),
            b"form" => {
                self.has_form = true;
                self.form_actions.extend(attribute("action"));
            }
            b"input" => {
                let kind = attribute("type").unwrap_or_default();
                self.has_password_field |= kind.eq_ignore_ascii_case("password");
            }
            b"script" => self.has_script = true,
            b"meta" => {
                let equiv = attribute("http-equiv").unwrap_or_default();
                if equiv.eq_ignore_ascii_case("refresh") && self.refresh.is_none() {
                    self.refresh = attribute("content").as_deref().and_then(refresh_address);
                }
            }
            _ => {}
        }
    }
}

/// A page with a longer refresh delay has something for the customer to do first: its refresh leads
/// to the page for customers who did nothing.
const MAX_REFRESH_DELAY_S: u32 = 10;

/// The address in `5; url='https://…'`, as browsers read it. `None` if there is only a number, which
/// reloads the page; if there is no number, since browsers ignore that; and if the delay is longer
/// than [`MAX_REFRESH_DELAY_S`].
fn refresh_address(content: &str) -> Option<String> {
    let content = content.trim_start();
    let rest = content.trim_start_matches(|c: char| c.is_ascii_digit());
    let seconds = &content[..content.len() - rest.len()];
    let is_soon = seconds
        .parse()
        .is_ok_and(|seconds: u32| seconds <= MAX_REFRESH_DELAY_S);
    // Browsers read `.5` as 0.
    if !(is_soon || seconds.is_empty() && rest.starts_with('.')) {
        return None;
    }
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest = rest
        .trim_start()
        .trim_start_matches([';', ','])
        .trim_start();
    let rest = match rest.get(..3) {
        Some(word) if word.eq_ignore_ascii_case("url") => {
            let tail = rest[3..].trim_start();
            tail.strip_prefix('=').map_or(rest, str::trim_start)
        }
        _ => rest,
    };
    let address = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next().unwrap_or(""),
        _ => rest,
    };
    let address = address.trim();
    (!address.is_empty()).then(|| address.to_owned())
}

/// Collects visible text, with one space between words.
#[derive(Default)]
struct VisibleText {
    text: String,
    length: usize,
    gap: bool,
}

impl VisibleText {
    fn break_word(&mut self) {
        self.gap = true;
    }

    fn add(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() || c.is_control() {
                self.gap = true;
            } else if self.length < MAX_TEXT {
                if std::mem::take(&mut self.gap) && !self.text.is_empty() {
                    self.text.push(' ');
                    self.length += 1;
                }
                self.text.push(c);
                self.length += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_page(html: &str) -> Page {
        read(html, &Token::accept("token-of-tests").unwrap())
    }

    #[test]
    fn markup_in_comments_and_scripts_is_ignored() {
        let page = read_page(
            "<!-- <a href='https://evil/1'>x</a> --><script>'<a href=\"https://evil/2\">'</script>\
             <style>a{}</style><title>T</title><textarea><a href=x></textarea>\
             <p>Payer <a href='https://gw/checkout?a=1&amp;b=2'>ici</a>",
        );
        assert_eq!(page.links, ["https://gw/checkout?a=1&b=2"]);
        assert!(page.has_script && !page.has_form);
        assert_eq!(page.text, "T <a href=x> Payer ici");
    }

    #[test]
    fn the_token_is_masked_after_character_references_are_decoded() {
        for (html, text) in [
            ("<p>a token&#45;of-tests b", "a [token] b"),
            ("<p title='token&#x2d;of-tests'>b", "b"),
            ("<input type=hidden value=token&#45;of-tests>b", "b"),
            ("<title>&#116;oken-of-tests</title>b", "[token] b"),
        ] {
            let page = read_page(html);
            assert!(page.has_token, "{html}");
            assert_eq!(page.text, text, "{html}");
        }
        assert_eq!(read_page("<p>token-<!-- -->of-tests b").text, "[token] b");
        let page = read_page("<a href='https://gw/checkout/1?t=token&#45;of-tests'>x");
        assert_eq!(page.links, ["https://gw/checkout/1?t=[token]"]);
        assert!(!read_page("<p>token of tests").has_token);
    }

    #[test]
    fn content_a_browser_does_not_show_is_ignored() {
        let page = read_page("<noframes><a href='https://gw/checkout/1'>x</a></noframes>y");
        assert!(page.links.is_empty());
        assert_eq!(page.text, "y");
        let page = read_page("<template><a href='https://gw/1'>x</a><form></form></template>y");
        assert!(page.links.is_empty() && !page.has_form);
        assert_eq!(page.text, "y");
    }

    #[test]
    fn a_refresh_is_read_as_browsers_read_it() {
        for (content, address) in [
            ("0;url=https://gw/1", Some("https://gw/1")),
            ("0; URL='https://gw/1'", Some("https://gw/1")),
            ("5 ; url = \"https://gw/1\" ", Some("https://gw/1")),
            ("0,https://gw/1", Some("https://gw/1")),
            ("0.5;https://gw/1", Some("https://gw/1")),
            (".5;https://gw/1", Some("https://gw/1")),
            ("https://gw/1", None),
            ("url=https://gw/1", None),
            ("900;url=https://gw/expired", None),
            ("30", None),
            ("0;url=", None),
            ("", None),
        ] {
            assert_eq!(refresh_address(content).as_deref(), address, "{content}");
        }
    }

    /// The shortest time, of three, to read a page, in nanoseconds.
    fn reading_time_ns(page: &str) -> u128 {
        let one = || {
            let start = std::time::Instant::now();
            std::hint::black_box(read_page(page));
            start.elapsed().as_nanos()
        };
        (0..3).map(|_| one()).min().unwrap()
    }

    #[test]
    fn the_time_to_read_a_hostile_page_is_linear_in_its_length() {
        const SHORT: usize = 1 << 13;
        const TIMES: usize = 32;
        for piece in [
            "<",
            "<!--",
            "<!",
            "</title",
            "<title>",
            "<title></titl",
            "<textarea></textarea",
            "<a ",
            "<a b=",
            "<a =",
            "<a href='",
            "<a href=x ",
            "<a href=x>",
            "<a/",
            "<meta b http-equiv=refresh content=0;",
            "&",
            "&a",
            "&aaaaaa",
            "&#",
            "&#1",
            "--",
            "<script>",
            "</script",
            "<script><!--",
            "<script><!--<script",
            "<template>",
        ] {
            let page = |bytes: usize| piece.repeat(bytes / piece.len());
            let short = reading_time_ns(&page(SHORT));
            let long = reading_time_ns(&page(SHORT * TIMES));
            // 32 times the work, with a wide margin; quadratic work would be 1,024 times.
            assert!(
                long <= short * 8 * TIMES as u128,
                "{piece:?}: {short} ns for {SHORT} bytes, {long} ns for {TIMES} times as many"
            );
        }
    }
}
