//! Calls of a caller within the gateway, which has typed messages: the REST API.

use std::future::ready;

use axum::body::Bytes;
use contract::reason::Reason;
use http::{Uri, request::Parts};
use tonic::Status;

use super::{Call, Message, refusal};
use crate::{cookies, monitoring::request_id, routes::Service, state::GatewayState};

/// Calls the unary RPC at `path` (`/package.Service/Method`) for the client whose request has the head `client`: with its
/// credentials, address, request id and trace, and within the limits of every call. It never opts in to the cookie.
///
/// # Errors
/// The status of the service or of the gateway, with its details.
pub(crate) async fn unary<Req, Res>(
    state: &GatewayState,
    path: &'static str,
    client: &Parts,
    request: &Req,
) -> Result<Res, Status>
where
    Req: prost::Message,
    Res: prost::Message + Default,
{
    let id = request_id(&client.headers);
    let mut parts = client.clone();
    parts.uri = Uri::from_static(path);
    cookies::opt_out(&mut parts.headers);
    let service = Service::of(path).expect("the path of an RPC names its service");
    let call = Call::begin(state, service, parts, None)?;
    let message = Message::encode(request);
    let read = |_, _| ready(Ok(Bytes::new()));
    let answer = call.forward(read, |_, _| Ok(message)).await?;
    let answer = answer.collect().await;
    let Some(message) = &answer.message else {
        return Err(answer.status());
    };
    Res::decode(&message[..]).map_err(|_undecodable| refusal::status(Reason::Internal, id))
}
