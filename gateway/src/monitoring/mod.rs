//! What operators see of requests: one log line each, metrics, and the spans of calls that are traced.

mod access_log;
mod request_metrics;
mod spans;

pub(crate) use self::{
    access_log::{AccessLog, GrpcStatus, OwnRefusal, record, request_id},
    request_metrics::{LossCounter, RequestMetrics},
    spans::UpstreamSpan,
};
