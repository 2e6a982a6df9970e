//! The client's side of `grpc.health.v1`.

use contract::proto::health::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use http::{Request, Response};
use tonic::{
    Status,
    body::Body,
    codegen::{Service, StdError},
};

use super::server::READINESS;

/// Asks the server behind `transport` for the status of [`READINESS`].
///
/// # Errors
/// The status with which the call failed.
pub async fn check_readiness<T>(transport: T) -> Result<ServingStatus, Status>
where
    T: Service<Request<Body>, Response = Response<Body>>,
    T::Error: Into<StdError>,
{
    let request = HealthCheckRequest {
        service: READINESS.to_owned(),
    };
    let answer = HealthClient::new(transport).check(request).await?;
    Ok(answer.get_ref().status())
}
