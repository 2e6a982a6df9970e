//! Known devices: clients that show a token which only a device that was signed in can have.
//!
//! The limits of an account do not apply to them. Otherwise anyone who knows an email address could lock its owner out. The
//! token may be old: it gives no access, because the password is still required, and the row of the session says whether the
//! device counts as known.

use api::ids::SessionId;
use tonic::metadata::MetadataMap;
use verifier::{Verifier, bearer};

use super::SessionTokens;
use crate::throttle::domain::{device_key, older_device_key};

/// Metadata with a refresh token of a session of the account, of any generation.
const DEVICE_TOKEN: &str = "tandem-device-token";
/// Metadata with an access token of a session of the account, which may have expired.
const AUTHORIZATION: &str = "authorization";

/// What a genuine token says of the device that shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownToken {
    pub(crate) session_id: SessionId,
    pub(crate) issued_under: IssuedUnder,
}

/// What tells whether a token is still the current one of its session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IssuedUnder {
    /// The hash of the secret in a refresh token.
    Secret([u8; 32]),
    /// The epoch in an access token.
    Epoch(i64),
}

impl ShownToken {
    /// The hash of the secret, if the token has one.
    pub(crate) const fn secret_hash(&self) -> Option<&[u8; 32]> {
        match &self.issued_under {
            IssuedUnder::Secret(hash) => Some(hash),
            IssuedUnder::Epoch(_) => None,
        }
    }

    /// The epoch, if the token has one.
    pub(crate) const fn epoch(&self) -> Option<i64> {
        match self.issued_under {
            IssuedUnder::Secret(_) => None,
            IssuedUnder::Epoch(epoch) => Some(epoch),
        }
    }

    /// The key under which its failures are counted if it is still the current token of its session.
    pub(crate) fn current_key(&self) -> [u8; 32] {
        device_key(self.session_id)
    }

    /// The key under which they are counted if it is not.
    pub(crate) fn older_key(&self) -> [u8; 32] {
        match self.issued_under {
            IssuedUnder::Secret(hash) => older_device_key(self.session_id, &hash),
            IssuedUnder::Epoch(epoch) => older_device_key(self.session_id, &epoch.to_be_bytes()),
        }
    }
}

/// The genuine token that the metadata contain, if there is one. The database says whose session it is and whether
/// it has ended. A token that is not genuine is ignored, as if there were none.
pub(super) fn shown_token(
    metadata: &MetadataMap,
    tokens: &SessionTokens,
    verifier: &Verifier,
) -> Option<ShownToken> {
    let by_refresh_token = || {
        let token = metadata.get(DEVICE_TOKEN)?.to_str().ok()?;
        let token = tokens.ring.decode(token).ok()?;
        Some(ShownToken {
            session_id: token.session_id,
            issued_under: IssuedUnder::Secret(token.secret.hash()),
        })
    };
    let by_access_token = || {
        let header = metadata.get(AUTHORIZATION)?.to_str().ok()?;
        let claims = verifier.recognize(bearer(header)?)?;
        Some(ShownToken {
            session_id: claims.sid,
            issued_under: IssuedUnder::Epoch(claims.ep),
        })
    };
    by_refresh_token().or_else(by_access_token)
}
