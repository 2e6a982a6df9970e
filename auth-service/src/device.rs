//! Known devices: clients that show a token which only a device that was signed in can have.
//!
//! A limit of an account does not hold them: otherwise whoever knows an address of mail could lock its owner out. What they
//! show may be old. It opens nothing: the password is still asked for, and the session's row says whether it counts.

use shared::{ids::SessionId, token::Verifier};
use tonic::metadata::MetadataMap;

use crate::sessions::Sessions;

/// Metadata with a refresh token of a session of the account, of any generation.
const DEVICE_TOKEN: &str = "tandem-device-token";
/// Metadata with an access token of a session of the account, which may have expired.
const AUTHORIZATION: &str = "authorization";

/// Reads what devices show.
#[derive(Debug, Clone)]
pub(crate) struct Devices {
    pub(crate) sessions: Sessions,
    pub(crate) verifier: Verifier,
}

impl Devices {
    /// The session whose token the metadata carry, if the token is genuine. Whose session it is, and what became of it, the
    /// database must say. A token that is not genuine is passed over: it makes nothing worse than none.
    pub(crate) fn shown(&self, metadata: &MetadataMap) -> Option<SessionId> {
        self.by_refresh_token(metadata)
            .or_else(|| self.by_access_token(metadata))
    }

    fn by_refresh_token(&self, metadata: &MetadataMap) -> Option<SessionId> {
        let token = metadata.get(DEVICE_TOKEN)?.to_str().ok()?;
        let token = self.sessions.mint.ring().decode(token).ok()?;
        Some(token.session_id)
    }

    fn by_access_token(&self, metadata: &MetadataMap) -> Option<SessionId> {
        let header = metadata.get(AUTHORIZATION)?.to_str().ok()?;
        let claims = self.verifier.recognize(shared::token::bearer(header)?)?;
        Some(claims.sid)
    }
}
