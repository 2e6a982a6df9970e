//! gzip, within limits that hold after inflation.

use std::io::{Read as _, Write as _};

use axum::body::Bytes;
use contract::reason::Reason;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

/// What is not longer is not compressed.
pub(crate) const WORTH_COMPRESSING: usize = 1024;

/// The inflated bytes, at most `limit`. No bytes at all are not compressed, whatever a header says.
pub(crate) fn inflate(bytes: Bytes, limit: usize) -> Result<Bytes, Reason> {
    if bytes.is_empty() {
        return Ok(bytes);
    }
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut inflated = Vec::new();
    MultiGzDecoder::new(&bytes[..])
        .take(most)
        .read_to_end(&mut inflated)
        .map_err(|_not_gzip| Reason::RequestMalformed)?;
    if inflated.len() > limit {
        return Err(Reason::RequestTooLarge);
    }
    Ok(inflated.into())
}

/// The compressed bytes of an answer, quickly.
pub(crate) fn compress(bytes: &[u8]) -> Bytes {
    compress_by(bytes, Compression::fast())
}

/// The compressed bytes of a document that is compressed once and sent often.
pub(crate) fn compress_well(bytes: &[u8]) -> Bytes {
    compress_by(bytes, Compression::best())
}

fn compress_by(bytes: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    compressed
        .expect("writing to a vector does not fail")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_after_inflation() {
        let bytes = compress(&[7; 1000]);
        assert!(bytes.len() < 100);
        assert_eq!(inflate(bytes.clone(), 1000).unwrap(), [7; 1000].as_slice());
        assert_eq!(inflate(bytes, 999), Err(Reason::RequestTooLarge));
    }

    #[test]
    fn what_is_not_gzip_is_malformed_and_nothing_stays_nothing() {
        let cut = compress(b"text").slice(..12);
        for bad in [Bytes::from_static(b"text"), cut] {
            assert_eq!(inflate(bad, 100), Err(Reason::RequestMalformed));
        }
        assert_eq!(inflate(Bytes::new(), 0).unwrap(), "");
    }
}
