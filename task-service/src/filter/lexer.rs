//! From text to tokens, each with its position.

use shared::refusal::Problem;

use super::{Operator, fault};

/// A piece of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Operator(Operator),
    Has,
}

/// A token and where it begins, in characters from 1.
pub(super) type Placed = (usize, Token);

/// The tokens of `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Problem> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let (token, length) = match c {
            ' ' | '\t' | '\n' => {
                at += 1;
                continue;
            }
            '"' => string(&characters, at)?,
            ':' => (Token::Has, 1),
            '=' | '!' | '<' | '>' => operator(&characters, at)?,
            c if c.is_ascii_alphabetic() => word(&characters, at),
            c => return Err(fault(at + 1, &format!("`{c}` is not allowed here"))),
        };
        tokens.push((at + 1, token));
        at += length;
    }
    Ok(tokens)
}

fn word(characters: &[char], start: usize) -> (Token, usize) {
    let word: String = characters[start..]
        .iter()
        .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
        .collect();
    let length = word.len();
    (Token::Word(word), length)
}

fn operator(characters: &[char], start: usize) -> Result<(Token, usize), Problem> {
    let followed_by_equals = characters.get(start + 1) == Some(&'=');
    let (operator, length) = match (characters[start], followed_by_equals) {
        ('=', _) => (Operator::Equal, 1),
        ('!', true) => (Operator::NotEqual, 2),
        ('<', true) => (Operator::LessOrEqual, 2),
        ('<', false) => (Operator::Less, 1),
        ('>', true) => (Operator::GreaterOrEqual, 2),
        ('>', false) => (Operator::Greater, 1),
        _ => return Err(fault(start + 1, "expected `!=`")),
    };
    Ok((Token::Operator(operator), length))
}

/// A string in double quotes; `\"` and `\\` stand for `"` and `\`.
fn string(characters: &[char], start: usize) -> Result<(Token, usize), Problem> {
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(&c) = characters.get(at) {
        match (c, characters.get(at + 1)) {
            ('"', _) => return Ok((Token::Text(text), at + 1 - start)),
            ('\\', Some(&escaped @ ('"' | '\\'))) => {
                text.push(escaped);
                at += 2;
            }
            ('\\', _) => return Err(fault(at + 1, "only \\\" and \\\\ can be escaped")),
            _ => {
                text.push(c);
                at += 1;
            }
        }
    }
    Err(fault(start + 1, "the string is not closed"))
}
