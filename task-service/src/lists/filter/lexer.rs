//! Splits the text of a filter into tokens, each with its position.

use contract::refusal::Problem;

use super::{Operator, syntax_error};

/// A token of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Operator(Operator),
    /// `:`
    Has,
    /// `*`
    Star,
    /// `-`
    Minus,
    /// `(`
    Open,
    /// `)`
    Close,
}

/// The position of a token, in characters from 1, and the token.
pub(super) type PositionedToken = (usize, Token);

/// The tokens of `text`.
pub(super) fn tokens(text: &str) -> Result<Vec<PositionedToken>, Problem> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut position = 0;
    while let Some(&c) = characters.get(position) {
        let (token, length) = match c {
            ' ' | '\t' | '\n' => {
                position += 1;
                continue;
            }
            '"' => string(&characters, position)?,
            ':' => (Token::Has, 1),
            '*' => (Token::Star, 1),
            '-' => (Token::Minus, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '=' | '!' | '<' | '>' => operator(&characters, position)?,
            c if c.is_ascii_alphabetic() => word(&characters, position),
            c => {
                return Err(syntax_error(
                    position + 1,
                    &format!("`{c}` is not allowed here"),
                ));
            }
        };
        tokens.push((position + 1, token));
        position += length;
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
        _ => return Err(syntax_error(start + 1, "expected `!=`")),
    };
    Ok((Token::Operator(operator), length))
}

/// A string in double quotes; `\"` and `\\` stand for `"` and `\`.
fn string(characters: &[char], start: usize) -> Result<(Token, usize), Problem> {
    let mut text = String::new();
    let mut position = start + 1;
    while let Some(&c) = characters.get(position) {
        match (c, characters.get(position + 1)) {
            ('"', _) => return Ok((Token::Text(text), position + 1 - start)),
            ('\\', Some(&escaped @ ('"' | '\\'))) => {
                text.push(escaped);
                position += 2;
            }
            ('\\', _) => {
                return Err(syntax_error(
                    position + 1,
                    "only \\\" and \\\\ can be escaped",
                ));
            }
            _ => {
                text.push(c);
                position += 1;
            }
        }
    }
    Err(syntax_error(start + 1, "the string is not closed"))
}
