//! The audit log: a record of what happened to accounts and keys. Administrators read it.

pub(crate) mod domain;
pub(crate) mod grpc;
pub(crate) mod store;

use api::ids::UserId;
use futures_util::FutureExt as _;
use serving::caller::{Call, Caller};

use self::domain::RecordedEvent;
use crate::{
    admin::{
        gate::AdminGate,
        page::{Page, PageRequest, Pages},
    },
    error::Error,
};

/// The use cases of the audit log.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) gate: AdminGate,
    pub(crate) pages: Pages,
}

impl Audit {
    /// A page of the audit log, of all accounts or of one.
    pub(crate) async fn list(
        &self,
        caller: Caller,
        call: &Call,
        request: PageRequest,
        account_id: Option<UserId>,
    ) -> Result<Page<RecordedEvent>, Error> {
        let found = self.gate.transaction(caller, call, move |connection| {
            async move {
                let (before, limit) = (request.before(), request.limit());
                Ok(match account_id {
                    Some(id) => store::list_of_account(connection, id, before, limit).await?,
                    None => store::list(connection, before, limit).await?,
                })
            }
            .boxed()
        });
        Ok(self.pages.page(found.await?, request, |event| event.id))
    }
}
