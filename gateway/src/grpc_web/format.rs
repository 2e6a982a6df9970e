//! The two formats of gRPC-web, and which of them a request and its answer have.

use http::{HeaderMap, HeaderValue, header};

/// How frames are encoded in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// As bytes.
    Binary,
    /// As base64, for clients that can read a body while it arrives only if it is text.
    Text,
}

impl Format {
    /// The `Content-Type` of an answer.
    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Binary => "application/grpc-web+proto",
            Self::Text => "application/grpc-web-text+proto",
        })
    }

    /// The format of one media type. Its parameters and its case do not matter (RFC 9110, section 8.3.1).
    fn parse(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next()?.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/grpc-web" | "application/grpc-web+proto" => Some(Self::Binary),
            "application/grpc-web-text" | "application/grpc-web-text+proto" => Some(Self::Text),
            _ => None,
        }
    }
}

/// The formats of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Formats {
    pub(super) request: Format,
    pub(super) response: Format,
}

impl Formats {
    /// `None` if this is not gRPC-web. The answer has the first format that `Accept` names, otherwise that of the request.
    /// `*/*` names none.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let request = Format::parse(content_type)?;
        let response = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .find_map(Format::parse)
            .unwrap_or(request);
        Some(Self { request, response })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats(content_type: &'static str, accept: &'static str) -> Option<Formats> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        Formats::from_headers(&headers)
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        for (content_type, format) in [
            ("application/grpc-web", Format::Binary),
            ("application/grpc-web+proto; charset=utf-8", Format::Binary),
            ("Application/gRPC-Web-Text", Format::Text),
            ("application/grpc-web-text+proto ;a=b", Format::Text),
        ] {
            assert_eq!(
                formats(content_type, "").unwrap().request,
                format,
                "{content_type}"
            );
        }
    }

    #[test]
    fn other_types_are_not_grpc_web() {
        for content_type in [
            "application/grpc",
            "application/grpc-web+json",
            "application/json",
            "text/plain",
            "",
        ] {
            assert_eq!(formats(content_type, ""), None, "{content_type}");
        }
    }

    #[test]
    fn the_answer_has_the_format_of_the_request_unless_accept_is_explicit() {
        let response = |content_type, accept| formats(content_type, accept).unwrap().response;
        assert_eq!(response("application/grpc-web-text", "*/*"), Format::Text);
        assert_eq!(
            response("application/grpc-web", "text/html, */*;q=0.8"),
            Format::Binary
        );
        assert_eq!(
            response("application/grpc-web", "application/grpc-web-text"),
            Format::Text
        );
        assert_eq!(
            response(
                "application/grpc-web-text",
                "text/html, application/grpc-web+proto"
            ),
            Format::Binary
        );
    }
}
