//! What administrators do with signing keys. Killing one is for the command line: it ends every session's access at once.

use std::sync::Arc;

use futures_util::FutureExt as _;
use shared::caller::{Call, Caller};

use super::Administration;
use crate::{
    error::Error,
    signing_keys::Order,
    store::{
        audit::{Act, Kind},
        signing_key::{self, StoredKey},
    },
};

impl Administration {
    /// The keys that a token can refer to, the newest first.
    pub(crate) async fn list_signing_keys(
        &self,
        caller: Caller,
        call: &Call,
    ) -> Result<Vec<StoredKey>, Error> {
        let horizon = self.sessions.mint.signing_keys().horizon();
        self.as_admin(caller, call, move |connection| {
            async move { Ok(signing_key::list(connection, horizon).await?) }.boxed()
        })
        .await
    }

    /// Makes a key that signs as soon as verifiers accept it. While there is one already, it is that one.
    pub(crate) async fn rotate_signing_key(
        &self,
        caller: Caller,
        call: &Call,
    ) -> Result<StoredKey, Error> {
        let keys = self.sessions.mint.signing_keys();
        let rotation = Arc::new(keys.rotation(Order {
            act: Act::of(call, Kind::SigningKeyRotated, self.now()),
            actor: caller.user_id.to_string(),
        }));
        let next = self.as_admin(caller, call, move |connection| {
            let rotation = Arc::clone(&rotation);
            async move { rotation.carry_out(connection).await }.boxed()
        });
        let next = next.await?;
        keys.wake();
        Ok(next)
    }
}
