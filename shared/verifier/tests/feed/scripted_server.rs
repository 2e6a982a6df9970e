//! The server of the feed. Tests decide what it sends, and when.

use std::{net::SocketAddr, time::Duration};

use api::time::timestamp;
use chrono::{DateTime, Utc};
use contract::{
    proto::auth::{
        AcknowledgeKeysRequest, AcknowledgeKeysResponse, IntrospectTokenRequest,
        IntrospectTokenResponse, JsonWebKey, ListAccountDeletionsRequest,
        ListAccountDeletionsResponse, RevocationDelta, RevocationHeartbeat, RevocationSnapshot,
        VerificationKeys, WatchRevocationsRequest, WatchRevocationsResponse,
        verifier_service_server::{VerifierService, VerifierServiceServer},
        watch_revocations_response::Event,
    },
    refusal::{Reason, refuse_with_reason},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{
    Request, Response, Status,
    metadata::MetadataMap,
    transport::{Server, server::TcpIncoming},
};
use verifier::revocation::{Revocation, RevocationSet};

type Message = Result<WatchRevocationsResponse, Status>;

/// The requests that the server has received, in order.
#[derive(Debug)]
pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    pub(crate) watches: mpsc::UnboundedReceiver<Watch>,
    pub(crate) acknowledged: mpsc::UnboundedReceiver<AcknowledgeKeysRequest>,
}

/// One stream that a verifier has opened. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) request: WatchRevocationsRequest,
    pub(crate) bearer: String,
    /// The verifier's end of the connection.
    pub(crate) peer: SocketAddr,
    pub(crate) incarnation: String,
    set: RevocationSet,
    head: i64,
    began: Instant,
    answers: mpsc::UnboundedSender<Message>,
}

#[derive(Debug)]
struct Feed {
    watches: mpsc::UnboundedSender<Watch>,
    acknowledged: mpsc::UnboundedSender<AcknowledgeKeysRequest>,
}

impl ScriptedServer {
    pub(crate) fn serve() -> Self {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        let (watches, opened) = mpsc::unbounded_channel();
        let (acknowledged, acknowledgements) = mpsc::unbounded_channel();
        let feed = VerifierServiceServer::new(Feed {
            watches,
            acknowledged,
        });
        tokio::spawn(
            Server::builder()
                .add_service(feed)
                .serve_with_incoming(incoming),
        );
        Self {
            address,
            watches: opened,
            acknowledged: acknowledgements,
        }
    }
}

#[tonic::async_trait]
impl VerifierService for Feed {
    type WatchRevocationsStream = UnboundedReceiverStream<Message>;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        let (answers, stream) = mpsc::unbounded_channel();
        let watch = Watch {
            bearer: bearer(request.metadata()),
            peer: request.remote_addr().unwrap(),
            request: request.into_inner(),
            incarnation: "first".to_owned(),
            set: RevocationSet::default(),
            head: 0,
            began: Instant::now(),
            answers,
        };
        self.watches.send(watch).unwrap();
        Ok(Response::new(UnboundedReceiverStream::new(stream)))
    }

    async fn acknowledge_keys(
        &self,
        request: Request<AcknowledgeKeysRequest>,
    ) -> Result<Response<AcknowledgeKeysResponse>, Status> {
        assert_ne!(bearer(request.metadata()), "");
        self.acknowledged.send(request.into_inner()).unwrap();
        Ok(Response::new(AcknowledgeKeysResponse {}))
    }

    async fn list_account_deletions(
        &self,
        _: Request<ListAccountDeletionsRequest>,
    ) -> Result<Response<ListAccountDeletionsResponse>, Status> {
        Err(refuse_with_reason(Reason::Internal))
    }

    async fn introspect_token(
        &self,
        _: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        Err(refuse_with_reason(Reason::Internal))
    }
}

fn bearer(metadata: &MetadataMap) -> String {
    metadata
        .get("authorization")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

impl Watch {
    pub(crate) fn send(&self, event: Event) {
        // It fails if the verifier has closed the stream.
        let _ = self.answers.send(Ok(WatchRevocationsResponse {
            incarnation: self.incarnation.clone(),
            event: Some(event),
        }));
    }

    pub(crate) fn fail(&self, status: Status) {
        self.answers.send(Err(status)).unwrap();
    }

    pub(crate) fn snapshot(&mut self, revocations: &[Revocation]) {
        self.set = RevocationSet::default();
        let revocations = self.publish(revocations);
        self.send(Event::Snapshot(RevocationSnapshot { revocations }));
    }

    pub(crate) fn delta(&mut self, revocations: &[Revocation]) {
        let revocations = self.publish(revocations);
        self.send(Event::Delta(RevocationDelta { revocations }));
    }

    /// Publishes without sending.
    pub(crate) fn publish(
        &mut self,
        revocations: &[Revocation],
    ) -> Vec<contract::proto::auth::Revocation> {
        for revocation in revocations {
            self.set.insert(revocation);
            self.head = self.head.max(revocation.sequence);
        }
        revocations.iter().cloned().map(Into::into).collect()
    }

    pub(crate) fn keys(&self, keys: impl IntoIterator<Item = JsonWebKey>) {
        let keys = keys.into_iter().collect();
        self.send(Event::Keys(VerificationKeys { keys }));
    }

    /// A correct heartbeat; its clock was at `start` when the stream began.
    pub(crate) fn heartbeat(&self, start: DateTime<Utc>) {
        let passed = chrono::TimeDelta::from_std(self.began.elapsed()).unwrap();
        self.heartbeat_of(start + passed);
    }

    /// A heartbeat of this moment.
    pub(crate) fn heartbeat_of(&self, as_of: DateTime<Utc>) {
        self.aged_heartbeat(as_of, Some(Duration::ZERO));
    }

    /// A heartbeat of this moment, which was so long ago when the message was made.
    pub(crate) fn aged_heartbeat(&self, as_of: DateTime<Utc>, age: Option<Duration>) {
        let (count, digest) = self.set.digest(as_of);
        self.send(Event::Heartbeat(RevocationHeartbeat {
            head_sequence: self.head,
            count: i64::try_from(count).unwrap(),
            digest: digest.to_vec(),
            as_of: Some(timestamp(as_of)),
            age: age.map(|age| age.try_into().unwrap()),
        }));
    }
}
