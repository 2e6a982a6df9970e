//! What gRPC status codes mean for spans (OpenTelemetry semantic conventions for RPC).

use tonic::Code;

/// Whether a server that answers this has failed; the other codes are the caller's affair.
#[must_use]
pub const fn blames_server(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
