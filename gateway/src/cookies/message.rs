//! Tokens in protobuf messages. A message is changed field by field, without decoding the rest, so that fields that this version
//! does not know are kept.

use std::time::Duration;

use prost::{
    Message as _,
    bytes::{Buf as _, Bytes},
    encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint},
};

use super::error::Unreadable;

/// Fields of `TokenPair`.
const REFRESH_TOKEN: u32 = 3;
const SESSION_ID: u32 = 6;
const REFRESH_TOKEN_EXPIRES_IN: u32 = 9;

/// What the gateway keeps of a pair of tokens.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TokensOfPair {
    pub(super) refresh_token: String,
    pub(super) session_id: String,
    pub(super) expires_in: Duration,
}

/// One field of a message.
struct Field<'a> {
    number: u32,
    wire_type: WireType,
    /// With its key.
    whole: &'a [u8],
    /// Of a field with a length: what is in it.
    content: &'a [u8],
}

/// The text of a request's field; empty if there is none.
pub(super) fn text(message: &[u8], number: u32) -> Result<String, Unreadable> {
    let mut text = String::new();
    for field in fields(message) {
        let field = field?;
        if field.number == number {
            text = field.text()?;
        }
    }
    Ok(text)
}

/// The message with this text in an empty field.
pub(super) fn with_text(message: &[u8], number: u32, text: &str) -> Bytes {
    // Of several values of a field, the last counts.
    let mut filled = message.to_vec();
    push(&mut filled, number, text.as_bytes());
    filled.into()
}

/// The answer without its refresh token, and what was taken out. `None` if it has no tokens.
///
/// # Errors
/// It cannot be shown that the answer has no refresh token.
pub(super) fn without_refresh_token(
    answer: &[u8],
    tokens_field: u32,
) -> Result<Option<(Bytes, TokensOfPair)>, Unreadable> {
    let mut rest = Vec::with_capacity(answer.len());
    let mut found = None;
    for field in fields(answer) {
        let field = field?;
        if field.number == tokens_field {
            let pair = field.nested(found.get_or_insert_default())?;
            push(&mut rest, tokens_field, &pair);
        } else {
            rest.extend_from_slice(field.whole);
        }
    }
    let Some(tokens) = found else {
        return Ok(None);
    };
    let secret = tokens.refresh_token.as_bytes();
    if secret.is_empty() {
        return Err(Unreadable("the answer has tokens without a refresh token"));
    }
    if rest.windows(secret.len()).any(|window| window == secret) {
        return Err(Unreadable(
            "the answer has the refresh token in another field",
        ));
    }
    Ok(Some((rest.into(), tokens)))
}

impl Field<'_> {
    fn bytes(&self) -> Result<&[u8], Unreadable> {
        if self.wire_type == WireType::LengthDelimited {
            Ok(self.content)
        } else {
            Err(Unreadable("a field has another type than in the contract"))
        }
    }

    fn text(&self) -> Result<String, Unreadable> {
        let text = String::from_utf8(self.bytes()?.to_vec());
        text.map_err(|_| Unreadable("a text is not UTF-8"))
    }

    /// The pair of tokens in this field without its refresh token, which goes into `tokens` with what belongs to it.
    fn nested(&self, tokens: &mut TokensOfPair) -> Result<Vec<u8>, Unreadable> {
        let mut rest = Vec::with_capacity(self.content.len());
        for field in fields(self.bytes()?) {
            let field = field?;
            match field.number {
                REFRESH_TOKEN => {
                    tokens.refresh_token = field.text()?;
                    continue;
                }
                SESSION_ID => tokens.session_id = field.text()?,
                REFRESH_TOKEN_EXPIRES_IN => tokens.expires_in = field.duration()?,
                _ => {}
            }
            rest.extend_from_slice(field.whole);
        }
        Ok(rest)
    }

    fn duration(&self) -> Result<Duration, Unreadable> {
        let wrong = || Unreadable("a duration cannot be read");
        let duration = prost_types::Duration::decode(self.bytes()?);
        let duration = duration.map_err(|_| wrong())?;
        Duration::try_from(duration).map_err(|_| wrong())
    }
}

/// The fields of a message, in order. Ends after the first that cannot be read. Groups, which proto3 does not have, cannot.
fn fields(message: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Unreadable>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next_field(rest);
        rest = match &field {
            Ok(field) => &rest[field.whole.len()..],
            Err(_) => &[],
        };
        Some(field)
    })
}

fn next_field(message: &[u8]) -> Result<Field<'_>, Unreadable> {
    let cut = || Unreadable("a field is incomplete");
    let mut rest = message;
    let (number, wire_type) = decode_key(&mut rest).map_err(|_| cut())?;
    let length = match wire_type {
        WireType::Varint => {
            decode_varint(&mut rest).map_err(|_| cut())?;
            0
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => {
            let length = decode_varint(&mut rest).map_err(|_| cut())?;
            usize::try_from(length).map_err(|_| cut())?
        }
        WireType::StartGroup | WireType::EndGroup => return Err(Unreadable("a field is a group")),
    };
    let content = rest.get(..length).ok_or_else(cut)?;
    let end = message.len() - rest.remaining() + length;
    Ok(Field {
        number,
        wire_type,
        whole: &message[..end],
        content,
    })
}

/// Appends a field with a length.
fn push(message: &mut Vec<u8>, number: u32, content: &[u8]) {
    encode_key(number, WireType::LengthDelimited, message);
    encode_varint(content.len() as u64, message);
    message.extend_from_slice(content);
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
