//! The two formats of gRPC-web, and which of them a request and its answer have.

use http::{HeaderMap, HeaderValue, header};

use super::accept;

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
    pub(super) fn parse(media_type: &str) -> Option<Self> {
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
pub(crate) struct Formats {
    pub(super) request: Format,
    pub(super) response: Format,
}

impl Formats {
    /// `None` if this is not gRPC-web. The answer has the format that `Accept` prefers, otherwise that of the request.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let request = Format::parse(content_type)?;
        Some(Self {
            request,
            response: accept::preferred(headers, request),
        })
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

    /// The formats of the answers to a request in the binary format.
    fn assert_answers(cases: &[(&'static str, Format)]) {
        for (accept, format) in cases {
            let formats = formats("application/grpc-web+proto", accept).unwrap();
            assert_eq!(formats.response, *format, "{accept}");
        }
    }

    #[test]
    fn the_quality_in_accept_decides_and_zero_excludes() {
        use Format::{Binary, Text};
        assert_answers(&[
            ("application/grpc-web;q=0, application/grpc-web-text", Text),
            ("application/grpc-web-text, application/grpc-web;q=0", Text),
            ("application/grpc-web; q=0.000", Text),
            ("Application/gRPC-Web;q=0.", Text),
            (
                "application/grpc-web;q=0.5, application/grpc-web-text",
                Text,
            ),
            (
                "application/grpc-web;v=1;Q=0.5, application/grpc-web-text;q=0.51",
                Text,
            ),
            (
                "application/grpc-web-text;q=0.5, application/grpc-web",
                Binary,
            ),
            (
                "application/grpc-web-text;q=0.999, application/grpc-web;q=1.000",
                Binary,
            ),
            ("application/grpc-web-text;q=0", Binary),
            ("application/grpc-web-text, application/grpc-web", Text),
            ("application/grpc-web, application/grpc-web-text", Binary),
            (
                "application/grpc-web;q=0, application/grpc-web-text;q=0",
                Binary,
            ),
        ]);
        let text = formats("application/grpc-web-text", "application/grpc-web-text;q=0");
        assert_eq!(text.unwrap().response, Binary);
    }

    #[test]
    fn a_wildcard_in_accept_counts_for_what_is_not_named() {
        use Format::{Binary, Text};
        assert_answers(&[
            ("application/grpc-web;q=0, */*", Text),
            ("*/*, application/grpc-web;q=0.1", Text),
            ("application/grpc-web-text;q=0.5, Application/*", Binary),
            ("application/grpc-web-text;q=0.5, */*", Binary),
            (
                "*/*, application/*;q=0, application/grpc-web-text;q=0.1",
                Text,
            ),
            ("*/*;q=0.1, application/grpc-web-text;q=0.1", Text),
            ("*/*;q=0, application/grpc-web-text", Text),
            ("*/*;q=0", Binary),
            ("text/*, */*;q=0.1", Binary),
        ]);
    }

    #[test]
    fn an_entry_of_accept_that_cannot_be_read_neither_prefers_nor_excludes() {
        use Format::{Binary, Text};
        for quality in [
            "", "x", "2", "1.001", "-1", "+1", ".5", "0.0001", "00", "1e0", "\"0\"",
        ] {
            let accept = format!("application/grpc-web-text;q={quality}");
            assert_answers(&[(String::leak(accept), Binary)]);
            let accept =
                format!("application/grpc-web;q={quality}, application/grpc-web-text;q=0.1");
            assert_answers(&[(String::leak(accept), Text)]);
        }
        assert_answers(&[
            (",;, ;q=0, */, =", Binary),
            ("text/html;a=\", application/grpc-web-text, \"", Binary),
            ("text/html;a=\"\\\", application/grpc-web-text", Binary),
            (
                "application/grpc-web;a=\";q=1\";q=0, application/grpc-web-text",
                Text,
            ),
            ("application/grpc-web-text;a=\"b;c\\\"d\";q=0.5", Text),
        ]);
    }
}
