//! The messages of administration, in and out.

use chrono::{DateTime, Utc};
use shared::{
    caller::Caller,
    ids::UserId,
    paging::{self, Binding, PageTokens},
    proto::auth::{
        AuditEvent, ListAccountsRequest, ListAccountsResponse, ListAuditEventsRequest,
        ListAuditEventsResponse, SigningKey,
    },
    refusal::{Problem, Violations},
};

use super::messages::{self, timestamp};
use crate::{
    administration::{Page, Slice},
    domain::Email,
    error::Error,
    store::{account::Account, audit::Event, signing_key::StoredKey},
};

/// The page of a list, and the account it is about if it is about one.
pub(super) fn list_accounts(
    message: &ListAccountsRequest,
    caller: Caller,
    tokens: &PageTokens,
    now: DateTime<Utc>,
) -> Result<(Slice, Option<Email>), Error> {
    let ListAccountsRequest {
        page_size,
        page_token,
        email,
    } = message;
    let binding = binding(b"accounts", caller, email);
    let mut violations = Violations::default();
    let size = violations.take("page_size", paging::size(*page_size));
    let after = violations.take("page_token", tokens.open(page_token, binding, now));
    let email = violations.take("email", optional(email, Email::parse));
    let build = || {
        let slice = Slice {
            size: size?,
            after: after?,
            binding,
        };
        Some((slice, email?))
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

/// The page of a list, and the account it is about if it is about one.
pub(super) fn list_audit_events(
    message: &ListAuditEventsRequest,
    caller: Caller,
    tokens: &PageTokens,
    now: DateTime<Utc>,
) -> Result<(Slice, Option<UserId>), Error> {
    let ListAuditEventsRequest {
        page_size,
        page_token,
        account_id,
    } = message;
    let binding = binding(b"audit events", caller, account_id);
    let mut violations = Violations::default();
    let size = violations.take("page_size", paging::size(*page_size));
    let after = violations.take("page_token", tokens.open(page_token, binding, now));
    let account_id = violations.take("account_id", optional(account_id, UserId::parse));
    let build = || {
        let slice = Slice {
            size: size?,
            after: after?,
            binding,
        };
        Some((slice, account_id?))
    };
    violations.finish(build).map_err(Error::FieldInvalid)
}

pub(super) fn account_id(text: &str) -> Result<UserId, Error> {
    UserId::parse(text).map_err(|problem| Error::field("account_id", problem))
}

fn binding(list: &[u8], caller: Caller, of: &str) -> Binding {
    Binding::of(&[list, caller.user_id.uuid().as_bytes(), of.as_bytes()])
}

/// What `parse` makes of a field that may be empty.
fn optional<T>(text: &str, parse: fn(&str) -> Result<T, Problem>) -> Result<Option<T>, Problem> {
    match text {
        "" => Ok(None),
        text => parse(text).map(Some),
    }
}

pub(super) fn accounts(page: &Page<Account>) -> ListAccountsResponse {
    ListAccountsResponse {
        accounts: page.entries.iter().map(messages::account).collect(),
        next_page_token: page.next_page_token.clone(),
    }
}

pub(super) fn audit_events(page: Page<Event>) -> ListAuditEventsResponse {
    ListAuditEventsResponse {
        events: page.entries.into_iter().map(audit_event).collect(),
        next_page_token: page.next_page_token,
    }
}

fn audit_event(event: Event) -> AuditEvent {
    AuditEvent {
        id: event.id.to_string(),
        time: Some(timestamp(event.time)),
        kind: event.kind,
        account_id: event
            .account_id
            .map_or_else(String::new, |id| id.to_string()),
        actor: event.actor.unwrap_or_default(),
        session_id: event
            .session_id
            .map_or_else(String::new, |id| id.to_string()),
        ip: event.ip.unwrap_or_default(),
        user_agent: event.user_agent,
    }
}

pub(super) fn signing_key(key: &StoredKey) -> SigningKey {
    SigningKey {
        kid: key.kid.clone(),
        state: key.state().into(),
        create_time: Some(timestamp(key.create_time)),
        activate_time: key.activate_time.map(timestamp),
        retire_time: key.retire_time.map(timestamp),
    }
}
