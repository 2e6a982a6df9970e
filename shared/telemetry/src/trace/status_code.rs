//! Which gRPC status codes make a span an error (OpenTelemetry semantic conventions for RPC).

use tonic::Code;

/// Whether this code says that the server failed. With the other codes the caller caused the refusal.
#[must_use]
pub const fn is_server_error(code: Code) -> bool {
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
