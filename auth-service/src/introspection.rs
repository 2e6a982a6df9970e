//! Whether a token is good right now (RFC 7662): for services that would rather ask than hold the feed.

use futures_util::FutureExt as _;
use shared::{
    caller::{Call, Caller},
    token::{Claims, Verifier, key_id},
};

use crate::{error::Error, sessions::Sessions, store::feed};

/// What knows whether tokens are good. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Introspection {
    pub(crate) sessions: Sessions,
    pub(crate) verifier: Verifier,
}

impl Introspection {
    /// What the token says, if it is good; nobody learns why it is not (RFC 7662 section 2.2). The database is asked only
    /// about a token that verifies and that no revocation known here voids.
    pub(crate) async fn introspect(
        &self,
        call: &Call,
        token: &str,
    ) -> Result<Option<Claims>, Error> {
        let Some(claims) = self.verified(token) else {
            return Ok(None);
        };
        let (caller, now) = (Caller::from(&claims), self.sessions.now());
        let live = self
            .sessions
            .lanes
            .run(call.deadline, move |connection| {
                async move { Ok::<_, Error>(feed::is_live(connection, &caller, now).await?) }
                    .boxed()
            })
            .await?;
        Ok(live.then_some(claims))
    }

    fn verified(&self, token: &str) -> Option<Claims> {
        let claims = self.verifier.verify(token).ok()?;
        let void = self.sessions.feed.revokes(&claims, &key_id(token)?);
        (!void).then_some(claims)
    }
}
