//! Text from people: normalized to NFC, measured in Unicode code points (AIP-210), and free of characters that make it look like
//! another text.
//!
//! Control characters are refused, so no NUL reaches SQL. So are the characters that reorder or hide text: bidi controls,
//! U+2028, U+2029, U+200B and U+FEFF. Joiners stay, because words of many languages and emoji need them.

use std::ops::RangeInclusive;

use contract::refusal::Problem;
use unicode_normalization::UnicodeNormalization as _;

/// One line of text, such as a name: without white space at its ends, with a length in code points within `bounds`. Unless it is
/// empty, at least one of its characters is visible.
///
/// # Errors
/// `REQUIRED`, `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER`, `FORBIDDEN_CHARACTER` or `NOT_VISIBLE`.
pub fn line(raw: &str, bounds: RangeInclusive<usize>) -> Result<String, Problem> {
    let composed: String = raw.nfc().collect();
    let text = trimmed(&composed);
    check_length(text, bounds)?;
    check_characters(text, |_| false)?;
    if !text.is_empty() && !text.chars().any(is_visible) {
        return Err(Problem::new(
            "NOT_VISIBLE",
            "must have at least one visible character",
        ));
    }
    Ok(text.to_owned())
}

/// Text of several lines, with a length in code points within `bounds`. CR LF becomes LF. The only control characters allowed are
/// newline and tab. White space at its ends stays.
///
/// # Errors
/// `REQUIRED`, `TOO_SHORT`, `TOO_LONG`, `CONTROL_CHARACTER` or `FORBIDDEN_CHARACTER`.
pub fn block(raw: &str, bounds: RangeInclusive<usize>) -> Result<String, Problem> {
    let text: String = raw.replace("\r\n", "\n").nfc().collect();
    check_length(&text, bounds)?;
    check_characters(&text, |c| matches!(c, '\n' | '\t'))?;
    Ok(text)
}

/// Text to search for in a line or a block, in the form in which those are stored.
///
/// # Errors
/// `CONTROL_CHARACTER`: other than newline and tab.
pub fn searched(raw: &str) -> Result<String, Problem> {
    let text: String = raw.replace("\r\n", "\n").nfc().collect();
    check_controls(&text, |c| matches!(c, '\n' | '\t'))?;
    Ok(text)
}

/// The text without white space at its ends, as [`line()`] stores it.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank_end)
}

fn check_length(text: &str, bounds: RangeInclusive<usize>) -> Result<(), Problem> {
    let length = text.chars().count();
    if length < *bounds.start() {
        return Err(match bounds.start() {
            1 => Problem::new("REQUIRED", "must not be empty"),
            least => Problem::new(
                "TOO_SHORT",
                format!("has {length} of at least {least} characters"),
            ),
        });
    }
    if length > *bounds.end() {
        let most = bounds.end();
        return Err(Problem::new(
            "TOO_LONG",
            format!("has {length} of at most {most} characters"),
        ));
    }
    Ok(())
}

fn check_characters(text: &str, allowed: fn(char) -> bool) -> Result<(), Problem> {
    check_controls(text, allowed)?;
    match text.chars().find(|c| is_forbidden(*c)) {
        None => Ok(()),
        Some(found) => Err(Problem::new(
            "FORBIDDEN_CHARACTER",
            format!(
                "must not contain U+{:04X}, which reorders or hides text",
                u32::from(found)
            ),
        )),
    }
}

fn check_controls(text: &str, allowed: fn(char) -> bool) -> Result<(), Problem> {
    if text.chars().any(|c| c.is_control() && !allowed(c)) {
        return Err(Problem::new(
            "CONTROL_CHARACTER",
            "must not contain control characters",
        ));
    }
    Ok(())
}

/// White space that is dropped at the ends of a line. Control characters and line separators are refused instead.
fn is_blank_end(c: char) -> bool {
    c.is_whitespace() && !c.is_control() && !is_forbidden(c)
}

/// The Unicode property `Bidi_Control`, the line and paragraph separators, the zero width space, and the byte order mark.
const FORBIDDEN: [(char, char); 6] = [
    ('\u{61c}', '\u{61c}'),
    ('\u{200b}', '\u{200b}'),
    ('\u{200e}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2066}', '\u{2069}'),
    ('\u{feff}', '\u{feff}'),
];

fn is_forbidden(c: char) -> bool {
    FORBIDDEN
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&c))
}

/// A pattern (ECMA-262) of texts that [`line()`] accepts, whatever their length. It does not have all visible characters, so that some
/// texts that do not match it are accepted too.
#[must_use]
pub fn line_pattern() -> String {
    let allowed = allowed(&[('\0', '\u{1f}'), ('\u{7f}', '\u{9f}')]);
    format!(r"^{allowed}*[!-~\u00C0-\u02FF\u0400-\u052F\u4E00-\u9FA5]{allowed}*$")
}

/// A pattern (ECMA-262) of the texts that [`block()`] accepts, whatever their length.
#[must_use]
pub fn block_pattern() -> String {
    let controls = [('\0', '\u{8}'), ('\u{b}', '\u{1f}'), ('\u{7f}', '\u{9f}')];
    format!("^{}*$", allowed(&controls))
}

/// The class of all characters but these controls and the forbidden ones.
fn allowed(controls: &[(char, char)]) -> String {
    let escaped = |c: char| format!("\\u{:04X}", u32::from(c));
    let range = |(first, last): &(char, char)| {
        if first == last {
            escaped(*first)
        } else {
            format!("{}-{}", escaped(*first), escaped(*last))
        }
    };
    let ranges: String = controls.iter().chain(&FORBIDDEN).map(range).collect();
    format!("[^{ranges}]")
}

/// Whether the character can be seen by itself: it is no white space, no character that Unicode says is ignored by default
/// (`Default_Ignorable_Code_Point`: joiners, fillers of Hangul, variation selectors, tags), and no other letter or symbol that
/// renders blank.
fn is_visible(c: char) -> bool {
    let ignored = matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    // The blank pattern of Braille, the annotation marks, the blank Egyptian hieroglyphs, and the null note head of music.
    let blank = matches!(
        c,
        '\u{2800}' | '\u{fff9}'..='\u{fffb}' | '\u{13441}'..='\u{13442}' | '\u{1d159}'
    );
    !(c.is_whitespace() || c.is_control() || ignored || blank)
}

#[cfg(test)]
mod tests;
