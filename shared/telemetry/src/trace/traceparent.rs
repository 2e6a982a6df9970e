//! `traceparent`, read strictly as W3C Trace Context (level 2, section 3.2) defines it.

use std::str::FromStr as _;

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::{TRACEPARENT, TRACESTATE};

/// The length of version 00, in characters: `00-` trace id `-` parent id `-` flags.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// The trace and the span of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace_id: TraceId,
    /// The caller's span.
    pub span_id: SpanId,
    /// Whether the caller's span is recorded.
    pub sampled: bool,
}

impl TraceParent {
    /// The one in these headers; none if there is not exactly one, or if it is malformed.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut sent = headers.get_all(TRACEPARENT).iter();
        match (sent.next(), sent.next()) {
            (Some(one), None) => Self::parse(one.as_bytes()),
            _ => None,
        }
    }

    /// Later versions may add fields after those of version 00.
    fn parse(text: &[u8]) -> Option<Self> {
        let (known, later) = text.split_at_checked(LENGTH)?;
        let [version] = bytes(known.get(..2)?)?;
        let ends = match version {
            0 => later.is_empty(),
            0xff => false,
            _ => later.first().is_none_or(|next| *next == b'-'),
        };
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        let trace_id = TraceId::from_bytes(bytes(&known[3..35])?);
        let span_id = SpanId::from_bytes(bytes(&known[36..52])?);
        let [flags] = bytes(&known[53..])?;
        let valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        (ends && dashes && valid).then_some(Self {
            trace_id,
            span_id,
            sampled: flags & SAMPLED != 0,
        })
    }

    /// The header value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let Self {
            trace_id,
            span_id,
            sampled,
        } = self;
        let text = format!("00-{trace_id}-{span_id}-{:02x}", u8::from(*sampled));
        HeaderValue::try_from(text).expect("hexadecimal digits and dashes are a header value")
    }

    /// The parent context of spans under it, with the `tracestate` of the same headers, if that can be read.
    pub(super) fn context(&self, headers: &HeaderMap) -> SpanContext {
        SpanContext::new(
            self.trace_id,
            self.span_id,
            TraceFlags::default().with_sampled(self.sampled),
            true,
            tracestate(headers).unwrap_or_default(),
        )
    }
}

/// Several headers are one list (section 3.3).
fn tracestate(headers: &HeaderMap) -> Option<TraceState> {
    let sent = headers.get_all(TRACESTATE).iter();
    let parts: Vec<_> = sent
        .map(HeaderValue::to_str)
        .collect::<Result<_, _>>()
        .ok()?;
    TraceState::from_str(&parts.join(",")).ok()
}

/// The bytes of lower-case hexadecimal digits; none if there is any other character.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parsed(text: &str) -> Option<TraceParent> {
        TraceParent::parse(text.as_bytes())
    }

    #[test]
    fn the_example_of_the_specification_is_read_and_written_back() {
        let parent = parsed(GOOD).unwrap();
        assert_eq!(
            parent.trace_id.to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(parent.span_id.to_string(), "b7ad6b7169203331");
        assert!(parent.sampled);
        assert_eq!(parent.header(), GOOD);
        let unsampled = TraceParent {
            sampled: false,
            ..parent
        };
        assert_eq!(
            parsed(unsampled.header().to_str().unwrap()),
            Some(unsampled)
        );
    }

    #[test]
    fn unknown_flags_are_ignored() {
        assert!(!parsed(&GOOD.replace("-01", "-02")).unwrap().sampled);
        assert!(parsed(&GOOD.replace("-01", "-ff")).unwrap().sampled);
    }

    #[test]
    fn a_later_version_may_have_more_fields_and_version_00_may_not() {
        let later = GOOD.replacen("00", "cc", 1);
        assert!(parsed(&later).is_some());
        assert!(parsed(&format!("{later}-what-the-future")).is_some());
        assert!(parsed(&format!("{later}.what")).is_none());
        assert!(parsed(&format!("{GOOD}-more")).is_none());
    }

    #[test]
    fn a_malformed_or_repeated_header_is_ignored() {
        for wrong in [
            "",
            "00",
            &GOOD[..54],
            &GOOD.replacen("00", "ff", 1),
            &GOOD.to_uppercase(),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &GOOD.replace("b7ad6b7169203331", &"0".repeat(16)),
            &GOOD.replace('-', "_"),
            &GOOD.replace("-01", "-0g"),
            &format!(" {GOOD}"),
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
        let mut twice = HeaderMap::new();
        twice.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(TraceParent::of(&twice).is_some());
        twice.append(TRACEPARENT, HeaderValue::from_static(GOOD));
        assert!(TraceParent::of(&twice).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(text in any::<Vec<u8>>(), at in 0..55_usize) {
            let _ = TraceParent::parse(&text);
            let mut nearly = GOOD.as_bytes().to_vec();
            nearly.splice(at..=at, text);
            if let Some(parent) = TraceParent::parse(&nearly) {
                prop_assert!(parent.trace_id != TraceId::INVALID);
            }
        }
    }
}
