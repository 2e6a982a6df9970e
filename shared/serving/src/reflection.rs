//! Server reflection: the services of a server, described to clients that have no copy of the `.proto` files.
//!
//! Versions v1 and v1alpha are one implementation: their messages differ by package only. Unlike tonic-reflection, a
//! failed lookup is an answer within the stream and the stream goes on, as `reflection.proto` has it; and descriptors
//! are sent as the compiler made them, with comments and custom options.
//!
//! An answer is made when the client has room for it, one for each request: nothing is queued.

mod catalogue;

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream::BoxStream};
use prost::Message;
use prost_reflect::DescriptorPool;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use self::catalogue::{Catalogue, Conversation};
use contract::proto::{reflection_v1 as v1, reflection_v1alpha as v1alpha};
use v1::server_reflection_server::{ServerReflection, ServerReflectionServer};
use v1alpha::server_reflection_server as alpha;

/// The services that every server with reflection has besides its own.
const COMMON: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// What a server tells about itself. Clones share their descriptors.
#[derive(Debug, Clone)]
pub struct Reflection {
    catalogue: Arc<Catalogue>,
    stop: CancellationToken,
}

impl Reflection {
    /// Describes everything in `pool`, and lists `services` (full names) with health and reflection itself as served.
    #[must_use]
    pub fn new(pool: DescriptorPool, services: Vec<String>) -> Self {
        let common = COMMON.into_iter().map(str::to_owned);
        Self {
            catalogue: Arc::new(Catalogue::new(pool, services.into_iter().chain(common))),
            stop: CancellationToken::new(),
        }
    }

    /// Ends all streams at `stop`, so that an idle client does not hold up a graceful stop.
    #[must_use]
    pub fn ending_at(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// The service `grpc.reflection.v1.ServerReflection`.
    #[must_use]
    pub fn v1(&self) -> ServerReflectionServer<Self> {
        ServerReflectionServer::new(self.clone())
    }

    /// The service `grpc.reflection.v1alpha.ServerReflection`, the only one that Python's client and older tools know.
    #[must_use]
    pub fn v1alpha(&self) -> alpha::ServerReflectionServer<Self> {
        alpha::ServerReflectionServer::new(self.clone())
    }

    fn answers(
        &self,
        requests: impl Stream<Item = Result<v1::ServerReflectionRequest, Status>> + Send + 'static,
    ) -> BoxStream<'static, Result<v1::ServerReflectionResponse, Status>> {
        let mut conversation = Conversation::new(Arc::clone(&self.catalogue));
        requests
            .map_ok(move |request| conversation.answer(request))
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
        Ok(Response::new(self.answers(request.into_inner())))
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
        let requests = request
            .into_inner()
            .map_ok(|request| same_on_the_wire(&request));
        let answers = self
            .answers(requests)
            .map_ok(|answer| same_on_the_wire(&answer));
        Ok(Response::new(answers.boxed()))
    }
}

/// A message of one version as the same message of the other.
fn same_on_the_wire<To: Message + Default>(from: &impl Message) -> To {
    To::decode(from.encode_to_vec().as_slice())
        .expect("v1 and v1alpha have the same fields with the same numbers and types")
}
