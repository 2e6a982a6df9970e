//! Known devices: clients that show a token which only a device that was signed in can have.
//!
//! The limits of an account do not apply to them. Otherwise anyone who knows an email address could lock its owner out. The
//! token may be old: it gives no access, because the password is still required, and the row of the session says whether the
//! device counts as known.

use api::ids::SessionId;
use tonic::metadata::MetadataMap;
use verifier::{Verifier, bearer};

use super::SessionTokens;

/// Metadata with a refresh token of a session of the account, of any generation.
const DEVICE_TOKEN: &str = "tandem-device-token";
/// Metadata with an access token of a session of the account, which may have expired.
const AUTHORIZATION: &str = "authorization";

/// The session whose token the metadata contain, if the token is genuine. The database says whose session it is and whether
/// it has ended. A token that is not genuine is ignored, as if there were none.
pub(super) fn shown_session(
    metadata: &MetadataMap,
    tokens: &SessionTokens,
    verifier: &Verifier,
) -> Option<SessionId> {
    let by_refresh_token = || {
        let token = metadata.get(DEVICE_TOKEN)?.to_str().ok()?;
        Some(tokens.ring.decode(token).ok()?.session_id)
    };
    let by_access_token = || {
        let header = metadata.get(AUTHORIZATION)?.to_str().ok()?;
        Some(verifier.recognize(bearer(header)?)?.sid)
    };
    by_refresh_token().or_else(by_access_token)
}
