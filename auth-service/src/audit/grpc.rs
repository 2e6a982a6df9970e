//! The RPC of the audit log.

use api::{ids::UserId, time::timestamp};
use contract::{
    proto::auth::{self, ListAuditEventsRequest, ListAuditEventsResponse},
    refusal::Violations,
};
use serving::caller::{Caller, authenticated};
use tonic::{Request, Response, Status};

use super::{Audit, domain::RecordedEvent};
use crate::{
    admin::page::{PageRequest, binding, optional},
    error::Error,
};

impl Audit {
    pub(crate) async fn list_audit_events_rpc(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let (page, account_id) = self.parse(&message, caller)?;
        let page = self.list(caller, &call, page, account_id).await?;
        Ok(Response::new(ListAuditEventsResponse {
            events: page.entries.into_iter().map(Into::into).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    /// The page, and the account whose events are wanted, if it is one account.
    fn parse(
        &self,
        message: &ListAuditEventsRequest,
        caller: Caller,
    ) -> Result<(PageRequest, Option<UserId>), Error> {
        let ListAuditEventsRequest {
            page_size,
            page_token,
            account_id,
        } = message;
        let mut violations = Violations::default();
        let binding = binding(b"audit events", caller, account_id);
        let page = self
            .pages
            .parse(*page_size, page_token, binding, &mut violations);
        let account_id = violations.take("account_id", optional(account_id, UserId::parse));
        violations
            .finish(|| Some((page?, account_id?)))
            .map_err(Error::FieldInvalid)
    }
}

impl From<RecordedEvent> for auth::AuditEvent {
    fn from(event: RecordedEvent) -> Self {
        let text = |id: Option<String>| id.unwrap_or_default();
        Self {
            id: event.id.to_string(),
            time: Some(timestamp(event.time)),
            kind: event.kind,
            account_id: text(event.account_id.map(|id| id.to_string())),
            actor: text(event.actor),
            session_id: text(event.session_id.map(|id| id.to_string())),
            ip: text(event.ip),
            user_agent: event.user_agent,
        }
    }
}
