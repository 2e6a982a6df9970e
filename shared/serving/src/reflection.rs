//! Server reflection: describes the services of a server to clients that have no copy of the `.proto` files.
//!
//! Versions v1 and v1alpha share one implementation, because their messages differ only in the package. In contrast to
//! tonic-reflection, a failed lookup is an answer within the stream, and the stream goes on, as `reflection.proto` requires; and
//! descriptors are sent as the compiler made them, with comments and custom options.
//!
//! Each answer is made when the client can receive it. Nothing is queued. The requests of a stream are bounded in size and number,
//! and a stream without requests ends.

mod answers;
mod catalog;

use std::{sync::Arc, time::Duration};

use contract::proto::{reflection_v1 as v1, reflection_v1alpha as v1alpha};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use prost::Message;
use prost_reflect::DescriptorPool;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status, Streaming};

use self::{
    answers::Answers,
    catalog::{Catalog, ReflectionStream},
};
use crate::caller::Call;
use v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use v1alpha::server_reflection_server as alpha;

/// The largest request: a name, and the host that is repeated in the answer.
const MAX_REQUEST_BYTES: usize = 4096;
/// How long a stream may have no request. Clients open another when they need it.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// The infrastructure services that every server with reflection has.
const INFRASTRUCTURE: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// The descriptors of a server, as clients can ask for them. Clones share the descriptors.
#[derive(Debug, Clone)]
pub struct Reflection {
    catalog: Arc<Catalog>,
    stop: CancellationToken,
    idle_timeout: Duration,
}

impl Reflection {
    /// Describes everything in `pool`. Lists `services` (full names), health and reflection as served.
    #[must_use]
    pub fn new(pool: DescriptorPool, services: Vec<String>) -> Self {
        let infrastructure = INFRASTRUCTURE.into_iter().map(str::to_owned);
        Self {
            catalog: Arc::new(Catalog::new(
                pool,
                services.into_iter().chain(infrastructure),
            )),
            stop: CancellationToken::new(),
            idle_timeout: IDLE_TIMEOUT,
        }
    }

    /// Ends all streams at `stop`, so that an idle client does not delay a graceful stop.
    #[must_use]
    pub fn with_stop(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// Ends a stream that has had no request for this long; a minute without this.
    #[must_use]
    pub fn with_idle_timeout(self, idle_timeout: Duration) -> Self {
        Self {
            idle_timeout,
            ..self
        }
    }

    /// The service `grpc.reflection.v1.ServerReflection`.
    #[must_use]
    pub fn v1(&self) -> ServerReflectionServer<Self> {
        ServerReflectionServer::new(self.clone())
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// The service `grpc.reflection.v1alpha.ServerReflection`, the only one that the Python client and older tools use.
    #[must_use]
    pub fn v1alpha(&self) -> alpha::ServerReflectionServer<Self> {
        alpha::ServerReflectionServer::new(self.clone())
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
    }

    /// The answers to `requests` of the call with this id.
    fn answers(
        &self,
        request_id: String,
        requests: impl Stream<Item = Result<v1::ServerReflectionRequest, Status>> + Send + 'static,
    ) -> BoxStream<'static, Result<v1::ServerReflectionResponse, Status>> {
        let lookups = ReflectionStream::new(Arc::clone(&self.catalog));
        Answers::new(requests.boxed(), lookups, self.idle_timeout, request_id)
            .stream()
            .take_until(self.stop.clone().cancelled_owned())
            .boxed()
    }
}

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream =
        BoxStream<'static, Result<v1::ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<v1::ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let id = request_id(&request);
        Ok(Response::new(self.answers(id, request.into_inner())))
    }
}

#[tonic::async_trait]
impl alpha::ServerReflection for Reflection {
    type ServerReflectionInfoStream =
        BoxStream<'static, Result<v1alpha::ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<v1alpha::ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let id = request_id(&request);
        let requests = request.into_inner().map_ok(|request| convert(&request));
        let answers = self.answers(id, requests).map_ok(|answer| convert(&answer));
        Ok(Response::new(answers.boxed()))
    }
}

/// The id of a call, for a refusal within its stream. The layer around the call completes other refusals.
fn request_id<T>(request: &Request<T>) -> String {
    let call = request.extensions().get::<Call>();
    call.map(|call| call.request_id.clone()).unwrap_or_default()
}

/// Converts a message of one version to the same message of the other.
fn convert<To: Message + Default>(from: &impl Message) -> To {
    To::decode(from.encode_to_vec().as_slice())
        .expect("v1 and v1alpha have the same fields with the same numbers and types")
}
