//! The messages of `VerifierService`, both ways.

use std::sync::Arc;

use shared::{
    proto::auth::{
        AcknowledgeKeysRequest, IntrospectTokenResponse, Revocation as RevocationMessage,
        RevocationDelta, RevocationHeartbeat, RevocationSnapshot, VerificationKeys,
        WatchRevocationsRequest, WatchRevocationsResponse,
        watch_revocations_response::Event as EventMessage,
    },
    refusal::{Problem, Violations},
    revocation::{Revocation, timestamp},
    token::{Claims, PublicKey},
};

use super::messages::json_web_key;
use crate::{
    error::Error,
    feed::{Event, Heartbeat, Message, Since, VerifierId},
};

/// Most keys that one acknowledgement names.
const MOST_KIDS: usize = 1_000;
/// Longest key id, in bytes (RFC 8725 section 3.10).
const LONGEST_KID: usize = 64;

/// An incarnation that is none of ours is no fault: it asks for a snapshot.
pub(super) fn watch_revocations(
    message: WatchRevocationsRequest,
) -> Result<(VerifierId, Since), Error> {
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

pub(super) fn acknowledge_keys(
    message: AcknowledgeKeysRequest,
) -> Result<(VerifierId, Vec<String>), Error> {
    let AcknowledgeKeysRequest { verifier_id, kids } = message;
    let mut violations = Violations::default();
    let verifier = violations.take("verifier_id", VerifierId::parse(&verifier_id));
    let kids = violations.take("kids", acceptable(kids));
    violations
        .finish(|| Some((verifier?, kids?)))
        .map_err(Error::FieldInvalid)
}

fn acceptable(kids: Vec<String>) -> Result<Vec<String>, Problem> {
    if kids.len() > MOST_KIDS {
        return Err(Problem::new("TOO_MANY", "must be at most 1000"));
    }
    if !kids
        .iter()
        .all(|kid| (1..=LONGEST_KID).contains(&kid.len()))
    {
        return Err(Problem::new("NOT_A_KEY_ID", "must have 1 to 64 bytes each"));
    }
    Ok(kids)
}

pub(super) fn message(message: Message) -> WatchRevocationsResponse {
    let event = match message.event {
        Event::Snapshot(all) => EventMessage::Snapshot(RevocationSnapshot {
            revocations: revocations(&all),
        }),
        Event::Delta(new) => EventMessage::Delta(RevocationDelta {
            revocations: revocations(&new),
        }),
        Event::Keys(keys) => EventMessage::Keys(verification_keys(&keys)),
        Event::Heartbeat(heartbeat) => EventMessage::Heartbeat(proof(heartbeat)),
    };
    WatchRevocationsResponse {
        incarnation: String::from(&*message.incarnation),
        event: Some(event),
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

fn proof(heartbeat: Heartbeat) -> RevocationHeartbeat {
    let Heartbeat {
        head,
        count,
        digest,
        as_of,
    } = heartbeat;
    RevocationHeartbeat {
        head_sequence: head,
        count: i64::try_from(count).expect("a set fits in memory"),
        digest: digest.to_vec(),
        as_of: Some(timestamp(as_of)),
    }
}

/// RFC 7662 section 2.2: of a token that is not good, nothing is said.
pub(super) fn introspected(claims: Option<Claims>) -> IntrospectTokenResponse {
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
