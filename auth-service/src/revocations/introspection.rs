//! Whether a token is valid now (RFC 7662), for services that ask instead of reading the feed.

use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};
use verifier::{Claims, Purpose, Verifier, key_id};

use super::store;
use crate::{
    context::{Context, share_of},
    error::Error,
};

/// Checks tokens for other services.
#[derive(Debug)]
pub(crate) struct Introspection {
    pub(crate) context: Context,
    pub(crate) verifier: Verifier,
}

impl Introspection {
    /// The claims of a valid token. The caller does not learn why a token is not valid (RFC 7662 section 2.2). The database
    /// is asked only about a token that verifies and that no revocation known here revokes.
    pub(crate) async fn introspect(
        &self,
        call: &Call,
        token: &str,
    ) -> Result<Option<Claims>, Error> {
        let Some(claims) = self.verified(token) else {
            return Ok(None);
        };
        let (caller, now) = (Caller::from(&claims), self.context.now());
        let live =
            self.context
                .lanes
                .run(share_of(caller.user_id), call.deadline, move |connection| {
                    async move { Ok::<_, Error>(store::is_live(connection, &caller, now).await?) }
                        .boxed()
                });
        Ok(live.await?.then_some(claims))
    }

    fn verified(&self, token: &str) -> Option<Claims> {
        let claims = self.verifier.verify(token, Purpose::Read).ok()?;
        let revoked = self.context.feed.revokes(&claims, &key_id(token)?);
        (!revoked).then(|| claims.as_ref().clone())
    }
}
