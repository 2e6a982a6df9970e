//! Calls of a caller within the gateway, which has typed messages: the REST API, and the documents
//! about tokens.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use contract::reason::Reason;
use http::{Uri, request::Parts};
use serving::shares::CallShare;
use tokio::time::Instant;
use tonic::Status;

use super::{Call, Message, refusal};
use crate::{cookies, monitoring::request_id, routes::Service, state::GatewayState};

/// What all calls for one request share: their deadline, and their place among the calls in flight, which also counts the bytes of
/// their answers. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// When the last answer of a service must have begun.
    pub(crate) begin_by: Instant,
    place: Arc<Mutex<Option<CallShare>>>,
}

impl Exchange {
    /// For a request that has arrived now.
    pub(crate) fn new(state: &GatewayState) -> Self {
        Self {
            begin_by: Instant::now() + state.config.calls.deadline,
            place: Arc::default(),
        }
    }

    /// The same answer, which holds the place until its client has received it.
    pub(crate) fn hold(&self, answer: Response) -> Response {
        match self.take_place() {
            Some(place) => answer.map(|body| Body::new(place.hold(body, None))),
            None => answer,
        }
    }

    fn take_place(&self) -> Option<CallShare> {
        self.lock().take()
    }

    fn keep_place(&self, place: CallShare) {
        *self.lock() = Some(place);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<CallShare>> {
        // Nothing is done while it is locked that could panic half-way.
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls the unary RPC at `path` (`/package.Service/Method`) for the client whose request has the head `client`: with its
/// credentials, address, request id and trace, and within the limits of every call. It never opts in to the cookie.
///
/// # Errors
/// The status of the service or of the gateway, with its details.
pub(crate) async fn unary<Req, Res>(
    state: &GatewayState,
    exchange: &Exchange,
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
    let left = exchange.begin_by.saturating_duration_since(Instant::now());
    let call = Call::begin(state, service, parts, Some(left))?.in_place(exchange.take_place());
    let message = Message::encode(request);
    let read = |_, _| ready(Ok(Bytes::new()));
    let answer = call.forward(read, |_, _| Ok(message)).await?;
    let answer = answer.collect().await;
    let result = match &answer.message {
        Some(message) => {
            let decoded = Res::decode(&message[..]);
            decoded.map_err(|_undecodable| refusal::status(Reason::Internal, id))
        }
        None => Err(answer.status()),
    };
    exchange.keep_place(answer.place);
    result
}
