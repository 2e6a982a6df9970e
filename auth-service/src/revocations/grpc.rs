//! The RPCs of services that verify tokens.

use std::sync::Arc;

use api::time::timestamp;
use contract::{
    proto::auth::{
        AcknowledgeKeysRequest, AcknowledgeKeysResponse, IntrospectTokenRequest,
        IntrospectTokenResponse, Revocation as RevocationMessage, RevocationDelta,
        RevocationHeartbeat, RevocationSnapshot, VerificationKeys, WatchRevocationsRequest,
        WatchRevocationsResponse, watch_revocations_response::Event,
    },
    refusal::{Problem, Violations, refuse_request},
};
use futures_util::{StreamExt as _, stream::BoxStream};
use serving::caller::from_service;
use tonic::{Request, Response, Status};
use verifier::{Claims, PublicKey, revocation::Revocation};

use super::{
    Feed, FeedEvent, FeedMessage, Heartbeat, introspection::Introspection, subscribers::VerifierId,
    subscription::Since,
};
use crate::{error::Error, signing_keys::grpc::json_web_key};

/// Most keys in one acknowledgement.
const MAX_KIDS: usize = 1_000;
/// Most bytes of a key id (RFC 8725 section 3.10).
const MAX_KID_LENGTH: usize = 64;

/// The messages of the feed for one verifier.
pub(crate) type FeedStream = BoxStream<'static, Result<WatchRevocationsResponse, Status>>;

impl Feed {
    pub(crate) fn watch_revocations_rpc(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Result<Response<FeedStream>, Status> {
        let (call, message) = from_service(request)?;
        let (id, since) = parse_watch(message)?;
        let messages = self.subscribe(id, &since).messages().map(move |next| {
            next.map(Into::into)
                .map_err(|end| refuse_request(end.reason(), &call.request_id))
        });
        Ok(Response::new(messages.boxed()))
    }

    pub(crate) fn acknowledge_keys_rpc(
        &self,
        request: Request<AcknowledgeKeysRequest>,
    ) -> Result<Response<AcknowledgeKeysResponse>, Status> {
        let (_call, message) = from_service(request)?;
        let (id, kids) = parse_acknowledgement(message)?;
        self.subscribers().acknowledge(&id, kids);
        Ok(Response::new(AcknowledgeKeysResponse {}))
    }
}

impl Introspection {
    pub(crate) async fn introspect_token_rpc(
        &self,
        request: Request<IntrospectTokenRequest>,
    ) -> Result<Response<IntrospectTokenResponse>, Status> {
        let (call, IntrospectTokenRequest { token }) = from_service(request)?;
        let claims = self.introspect(&call, &token).await?;
        Ok(Response::new(introspected(claims)))
    }
}

/// An unknown incarnation is not an error: it asks for a snapshot.
fn parse_watch(message: WatchRevocationsRequest) -> Result<(VerifierId, Since), Error> {
    let WatchRevocationsRequest {
        since_sequence,
        incarnation,
        verifier_id,
    } = message;
    let mut violations = Violations::default();
    let sequence = match since_sequence {
        0.. => Ok(since_sequence),
        _ => Err(Problem::new("NEGATIVE", "must not be negative")),
    };
    let sequence = violations.take("since_sequence", sequence);
    let verifier = violations.take("verifier_id", VerifierId::parse(&verifier_id));
    let build = || {
        let since = Since {
            sequence: sequence?,
            incarnation,
        };
        Some((verifier?, since))
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

fn parse_acknowledgement(
    message: AcknowledgeKeysRequest,
) -> Result<(VerifierId, Vec<String>), Error> {
    let AcknowledgeKeysRequest { verifier_id, kids } = message;
    let mut violations = Violations::default();
    let verifier = violations.take("verifier_id", VerifierId::parse(&verifier_id));
    let kids = violations.take("kids", check_kids(kids));
    violations
        .finish(|| Some((verifier?, kids?)))
        .map_err(Error::FieldInvalid)
}

fn check_kids(kids: Vec<String>) -> Result<Vec<String>, Problem> {
    if kids.len() > MAX_KIDS {
        return Err(Problem::new("TOO_MANY", "must be at most 1000"));
    }
    let fits = |kid: &String| (1..=MAX_KID_LENGTH).contains(&kid.len());
    if !kids.iter().all(fits) {
        return Err(Problem::new("NOT_A_KEY_ID", "must have 1 to 64 bytes each"));
    }
    Ok(kids)
}

impl From<FeedMessage> for WatchRevocationsResponse {
    fn from(message: FeedMessage) -> Self {
        let event = match message.event {
            FeedEvent::Snapshot(all) => Event::Snapshot(RevocationSnapshot {
                revocations: revocations(&all),
            }),
            FeedEvent::Delta(new) => Event::Delta(RevocationDelta {
                revocations: revocations(&new),
            }),
            FeedEvent::Keys(keys) => Event::Keys(verification_keys(&keys)),
            FeedEvent::Heartbeat(heartbeat) => Event::Heartbeat(heartbeat.into()),
        };
        Self {
            incarnation: String::from(&*message.incarnation),
            event: Some(event),
        }
    }
}

fn revocations(all: &[Arc<Revocation>]) -> Vec<RevocationMessage> {
    all.iter()
        .map(|one| RevocationMessage::from(Revocation::clone(one)))
        .collect()
}

fn verification_keys(keys: &[PublicKey]) -> VerificationKeys {
    VerificationKeys {
        keys: keys.iter().map(json_web_key).collect(),
    }
}

impl From<Heartbeat> for RevocationHeartbeat {
    fn from(heartbeat: Heartbeat) -> Self {
        let Heartbeat {
            head,
            count,
            digest,
            as_of,
            age,
        } = heartbeat;
        Self {
            head_sequence: head,
            count: i64::try_from(count).expect("a set fits in memory"),
            digest: digest.to_vec(),
            as_of: Some(timestamp(as_of)),
            age: age.try_into().ok(),
        }
    }
}

/// The response for a token that is not valid says nothing else (RFC 7662 section 2.2).
fn introspected(claims: Option<Claims>) -> IntrospectTokenResponse {
    let Some(claims) = claims else {
        return IntrospectTokenResponse::default();
    };
    let seconds = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
    IntrospectTokenResponse {
        active: true,
        sub: claims.sub.to_string(),
        sid: claims.sid.to_string(),
        scope: claims.scope,
        client_id: claims.client_id,
        issue_time: Some(seconds(claims.iat)),
        expire_time: Some(seconds(claims.exp)),
        jti: claims.jti,
    }
}
