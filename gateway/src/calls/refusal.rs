//! Refusals that the gateway makes itself, with the same reasons and details as those of the services.

use axum::response::Response;
use contract::{
    reason::Reason,
    refusal::{Refusal, refuse, refuse_request, with_request_info},
};
use http::HeaderMap;
use tonic::{Status, metadata::MetadataValue};
use tonic_types::StatusExt as _;

/// In the metadata of a refusal: how a message may be compressed.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// Why a call gets no answer of its service.
#[derive(Debug)]
pub(crate) enum Refused {
    /// A reason that needs no details of its own.
    Because(Reason),
    /// A complete status.
    With(Box<Status>),
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::Because(reason)
    }
}

impl Refused {
    /// With the details of this error, for the request with this id.
    pub(crate) fn of_error(error: &dyn Refusal, request_id: &str) -> Self {
        Self::With(Box::new(status_of_error(error, request_id)))
    }

    pub(crate) fn status(self, request_id: &str) -> Status {
        match self {
            Self::Because(reason) => status(reason, request_id),
            Self::With(status) => *status,
        }
    }
}

/// The status of a refusal with this reason and no details of its own.
pub(crate) fn status(reason: Reason, request_id: &str) -> Status {
    let mut status = refuse_request(reason, request_id);
    if reason == Reason::CompressionUnsupported {
        let accepted = MetadataValue::from_static("gzip,identity");
        status.metadata_mut().insert(ACCEPT_ENCODING, accepted);
    }
    status
}

/// The status of a refusal whose details name what is wrong with the request.
pub(crate) fn status_of_error(error: &dyn Refusal, request_id: &str) -> Status {
    with_request_info(&refuse(error), request_id)
}

/// The same answer, marked as a refusal with this status that the gateway makes itself.
pub(crate) fn marked(mut answer: Response, status: &Status) -> Response {
    if let Some(reason) = reason_of(status) {
        answer.extensions_mut().insert(reason);
    }
    answer
}

/// The reason of a refusal.
pub(crate) fn reason_of(status: &Status) -> Option<Reason> {
    let info = status.get_details_error_info()?;
    Reason::ALL
        .iter()
        .copied()
        .find(|reason| reason.as_str() == info.reason)
}

/// A refusal as gRPC sends it.
pub(crate) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    status
        .add_header(&mut trailers)
        .expect("messages of refusals are percent-encoded, and details are base64");
    trailers
}
