//! The formats of the Connect protocol: how a message is encoded, and whether the call is unary or a stream.

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, header};

use crate::{
    json::{self, JsonError, Undecodable},
    rpc_catalog::Rpc,
};

/// How a message is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Json,
    Proto,
}

impl Codec {
    /// By its name in a content type or in the query of a GET.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "proto" => Some(Self::Proto),
            _ => None,
        }
    }

    /// The request of `rpc` in the encoding of protobuf.
    pub(super) fn decode(self, rpc: &Rpc, request: Bytes) -> Result<Bytes, JsonError> {
        match self {
            Self::Json => Ok(json::to_protobuf(&rpc.input, &request)?.into()),
            Self::Proto => Ok(request),
        }
    }

    /// An answer of `rpc` in this encoding.
    pub(super) fn encode(self, rpc: &Rpc, answer: Bytes) -> Result<Bytes, Undecodable> {
        match self {
            Self::Json => Ok(json::from_protobuf(&rpc.output, &answer)?.into()),
            Self::Proto => Ok(answer),
        }
    }
}

/// The content type of a request and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    pub(super) codec: Codec,
    /// Whether the call is a stream.
    pub(crate) streaming: bool,
}

impl Format {
    /// `None` if this is not Connect. Parameters and case do not matter: proxies add and change them.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = content_type.split(';').next()?.trim().to_ascii_lowercase();
        let subtype = essence.strip_prefix("application/")?;
        let (streaming, codec) = match subtype.strip_prefix("connect+") {
            Some(codec) => (true, codec),
            None => (false, subtype),
        };
        let codec = Codec::by_name(codec)?;
        Some(Self { codec, streaming })
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match (self.streaming, self.codec) {
            (false, Codec::Json) => "application/json",
            (false, Codec::Proto) => "application/proto",
            (true, Codec::Json) => "application/connect+json",
            (true, Codec::Proto) => "application/connect+proto",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter_and_other_types_are_not_connect() {
        let format = |text| {
            let value = HeaderValue::from_static(text);
            Format::from_headers(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
        };
        for (text, streaming, codec) in [
            ("application/json", false, Codec::Json),
            ("Application/JSON; charset=UTF-8", false, Codec::Json),
            ("application/proto ;a=b", false, Codec::Proto),
            ("application/connect+json", true, Codec::Json),
            ("application/Connect+Proto", true, Codec::Proto),
        ] {
            assert_eq!(format(text), Some(Format { codec, streaming }), "{text}");
        }
        for other in [
            "",
            "text/json",
            "application/xml",
            "application/connect+",
            "application/connect+xml",
            "application/grpc",
            "application/grpc-web+proto",
        ] {
            assert_eq!(format(other), None, "{other}");
        }
    }
}
