//! What administrators do with signing keys. Only the command line can kill a key, because that ends the access of every
//! session at once.

use std::sync::Arc;

use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};

use super::{
    KeyChange, SigningKeys,
    store::{self, StoredKey},
};
use crate::{
    admin::gate::AdminGate,
    audit::domain::{AuditEvent, EventKind},
    error::Error,
};

/// The use cases of administrators that concern signing keys.
#[derive(Debug)]
pub(crate) struct KeyAdmin {
    pub(crate) gate: AdminGate,
    pub(crate) keys: SigningKeys,
}

impl KeyAdmin {
    /// The keys that verify tokens, the newest first.
    pub(crate) async fn list(&self, caller: Caller, call: &Call) -> Result<Vec<StoredKey>, Error> {
        let retired_before = self.keys.retired_before(self.keys.now());
        let listed = self.gate.transaction(caller, call, move |connection| {
            async move { Ok(store::list(connection, retired_before).await?) }.boxed()
        });
        listed.await
    }

    /// Makes a key that signs as soon as the connected verifiers accept it. If there is one already, it returns that one.
    pub(crate) async fn rotate(&self, caller: Caller, call: &Call) -> Result<StoredKey, Error> {
        let rotation = Arc::new(self.keys.rotation(KeyChange {
            event: AuditEvent::of(call, EventKind::SigningKeyRotated, self.keys.now()),
            actor: caller.user_id.to_string(),
        }));
        let rotated = self.gate.transaction(caller, call, move |connection| {
            let rotation = Arc::clone(&rotation);
            async move { rotation.run(connection).await }.boxed()
        });
        let next = rotated.await?;
        self.keys.notify_changed();
        Ok(next)
    }
}
