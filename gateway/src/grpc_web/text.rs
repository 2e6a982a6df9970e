//! Base64 as gRPC-web's text format uses it: a body is one or more base64 texts in a row, split into chunks anywhere. Each text
//! is padded; the last one may also be unpadded.

use base64::{Engine, prelude::BASE64_STANDARD};

/// The text is not base64 (RFC 4648, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64")]
pub(super) struct NotBase64;

/// Decodes chunk by chunk. Padding ends one text, and what follows begins the next.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Six bits for each character of a group of four; the last in the lowest bits.
    bits: u32,
    /// How many characters of the group have arrived, 0 to 3.
    filled: u8,
    /// How many `=` are missing to complete a padded group.
    padding: u8,
}

impl Decoder {
    /// Appends to `bytes` the bytes that `chunk` completes.
    pub(super) fn decode(&mut self, chunk: &[u8], bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        chunk.iter().try_for_each(|&character| {
            if character == b'=' {
                self.pad(bytes)
            } else {
                self.push(sextet(character).ok_or(NotBase64)?, bytes)
            }
        })
    }

    /// The body has ended. The last text may be unpadded.
    pub(super) fn finish(mut self, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        if self.padding > 0 {
            return Err(NotBase64);
        }
        self.flush(bytes)
    }

    fn push(&mut self, six: u8, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        if self.padding > 0 {
            return Err(NotBase64);
        }
        self.bits = self.bits << 6 | u32::from(six);
        self.filled += 1;
        if self.filled == 4 {
            bytes.extend_from_slice(&self.bits.to_be_bytes()[1..]);
            (self.bits, self.filled) = (0, 0);
        }
        Ok(())
    }

    fn pad(&mut self, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        if self.padding > 0 {
            self.padding -= 1;
            return Ok(());
        }
        match self.filled {
            2 => self.padding = 1,
            3 => self.padding = 0,
            _ => return Err(NotBase64),
        }
        self.flush(bytes)
    }

    /// Ends a text in the middle of a group. The bits that do not fill a byte must be zero.
    fn flush(&mut self, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        let bits = std::mem::take(&mut self.bits);
        match std::mem::take(&mut self.filled) {
            0 => Ok(()),
            2 if bits.trailing_zeros() >= 4 => {
                bytes.extend_from_slice(&(bits >> 4).to_be_bytes()[3..]);
                Ok(())
            }
            3 if bits.trailing_zeros() >= 2 => {
                bytes.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]);
                Ok(())
            }
            _ => Err(NotBase64),
        }
    }
}

fn sextet(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// A complete, padded text, which a reader can decode as soon as it has arrived.
pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD_NO_PAD;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, NotBase64> {
        let mut bytes = Vec::new();
        let mut decoder = Decoder::default();
        for chunk in chunks {
            decoder.decode(chunk, &mut bytes)?;
        }
        decoder.finish(&mut bytes)?;
        Ok(bytes)
    }

    /// Splits `text` at these places, which are in any order and may repeat.
    fn split<'a>(text: &'a [u8], splits: &[prop::sample::Index]) -> Vec<&'a [u8]> {
        let mut places: Vec<usize> = splits
            .iter()
            .map(|split| split.index(text.len() + 1))
            .collect();
        places.push(0);
        places.push(text.len());
        places.sort_unstable();
        places
            .windows(2)
            .map(|pair| &text[pair[0]..pair[1]])
            .collect()
    }

    proptest! {
        #[test]
        fn texts_in_a_row_decode_to_the_same_bytes_however_they_are_split(
            texts in vec(vec(any::<u8>(), 0..40), 1..6),
            splits in vec(any::<prop::sample::Index>(), 0..20),
            pad_last: bool,
        ) {
            let (last, earlier) = texts.split_last().unwrap();
            let mut body: String = earlier.iter().map(|text| encode(text)).collect();
            body += &if pad_last { encode(last) } else { BASE64_STANDARD_NO_PAD.encode(last) };
            prop_assert_eq!(decode(split(body.as_bytes(), &splits)), Ok(texts.concat()));
        }

        #[test]
        fn one_text_is_accepted_and_refused_exactly_as_by_the_library(text in "[A-D+/=*]{0,12}") {
            let strict = BASE64_STANDARD.decode(&text).or_else(|_| BASE64_STANDARD_NO_PAD.decode(&text));
            if let Ok(bytes) = strict {
                prop_assert_eq!(decode([text.as_bytes()]), Ok(bytes));
            } else if !text.trim_end_matches('=').contains('=') {
                prop_assert_eq!(decode([text.as_bytes()]), Err(NotBase64));
            }
        }
    }

    #[test]
    fn padding_without_a_text_before_it_is_refused() {
        for text in ["=", "====", "A===", "AA=A", "AA=", "AAA==", "AAAA="] {
            assert_eq!(decode([text.as_bytes()]), Err(NotBase64), "{text}");
        }
    }
}
