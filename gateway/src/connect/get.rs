//! Unary calls by GET, of RPCs without side effects: the message is in the query.

use std::future::ready;

use axum::{body::Bytes, extract::Request, response::Response};
use base64::{
    Engine as _,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use contract::reason::Reason;
use http::{StatusCode, request::Parts};

use super::{
    Target, cache,
    codec::Codec,
    error::{self, RequestError},
    headers, status_of,
    unary::{Encoding, answer, refused},
};
use crate::not_a_call::unsupported_media_type;

/// A longer path and query is refused, so that the rest of a client's header list has room. Clients then use POST.
const MAX_URL: usize = 8 * 1024;

/// base64url. Padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The parameters of the query that the protocol defines. Others may stand beside them.
#[derive(Debug, Default)]
struct Query {
    message: Option<String>,
    encoding: Option<String>,
    compression: Option<String>,
    base64: bool,
    connect: Option<String>,
}

impl Query {
    fn parse(query: &str) -> Result<Self, RequestError> {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let parameter = match &*name {
                "message" => &mut parsed.message,
                "encoding" => &mut parsed.encoding,
                "compression" => &mut parsed.compression,
                "connect" => &mut parsed.connect,
                // Another value than 1 is ignored.
                "base64" => {
                    parsed.base64 = value == "1";
                    continue;
                }
                _ => continue,
            };
            if parameter.replace(value.into_owned()).is_some() {
                return Err(RequestError::malformed(&name, "must be given only once"));
            }
        }
        Ok(parsed)
    }

    /// The bytes of the message, and how they are compressed.
    fn message(&self) -> Result<(Bytes, bool), RequestError> {
        if self
            .connect
            .as_deref()
            .is_some_and(|version| version != "v1")
        {
            return Err(RequestError::malformed("connect", "must be v1"));
        }
        let gzip = headers::is_gzip_name(self.compression.as_deref().unwrap_or_default())?;
        let text = self.message.as_deref();
        let text = text.ok_or_else(|| RequestError::malformed("message", "is missing"))?;
        let bytes = if self.base64 {
            let decoded = BASE64.decode(text);
            decoded.map_err(|_not_base64| RequestError::malformed("message", "is not base64url"))?
        } else {
            text.as_bytes().to_vec()
        };
        Ok((bytes.into(), gzip))
    }
}

/// A call by GET.
pub(crate) async fn call(target: Target<'_>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if parts
        .uri
        .path_and_query()
        .map_or(0, |url| url.as_str().len())
        > MAX_URL
    {
        let status = status_of(&RequestError::url_too_long(), &parts);
        let pool = target.state.catalog.pool();
        return error::refusal_with(StatusCode::URI_TOO_LONG, &status, pool);
    }
    let mut response = match read(&parts) {
        Ok(Some((codec, message, gzip))) => {
            let encoding = Encoding::new(codec, gzip, &parts);
            let read = |limit, _| ready(within(message, limit));
            answer(target, parts, encoding, read).await
        }
        Ok(None) => return unsupported_media_type(),
        Err(error) => refused(target, &status_of(&error, &parts)),
    };
    cache::mark(&mut response);
    response
}

fn within(message: Bytes, limit: usize) -> Result<Bytes, Reason> {
    if message.len() > limit {
        return Err(Reason::RequestTooLarge);
    }
    Ok(message)
}

/// `None` for an unknown codec.
fn read(parts: &Parts) -> Result<Option<(Codec, Bytes, bool)>, RequestError> {
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let encoding = query.encoding.as_deref();
    let encoding = encoding.ok_or_else(|| RequestError::malformed("encoding", "is missing"))?;
    let Some(codec) = Codec::by_name(encoding) else {
        return Ok(None);
    };
    let (message, gzip) = query.message()?;
    Ok(Some((codec, message, gzip)))
}
