//! The answers to requests that fail, with FastAPI's bodies: `{"detail": …}`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use contract::reason::Reason;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::violation::Violation;

/// Names the reason of a refusal (docs/errors.md), for programs. The text of a body is for people.
pub(crate) const REASON: HeaderName = HeaderName::from_static("tandem-reason");

/// Why a request fails.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: Value,
    pub(super) headers: HeaderMap,
    /// Why the gateway itself refuses the request, if it does.
    pub(super) own: Option<Reason>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Value>) -> Self {
        Self {
            status,
            detail: detail.into(),
            headers: HeaderMap::new(),
            own: None,
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// 401: who calls is not known.
    pub(super) fn unauthenticated(detail: &str) -> Self {
        let scheme = HeaderValue::from_static("Bearer");
        Self::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, scheme)
    }

    /// 422: what is wrong with the fields, all of it.
    pub(super) fn invalid(violations: Vec<Violation>) -> Self {
        let list = violations.into_iter().map(Violation::into_json).collect();
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, Value::Array(list));
        problem.because_of(Reason::FieldInvalid)
    }

    /// A refusal of the gateway itself.
    pub(super) fn because_of(mut self, reason: Reason) -> Self {
        self.own = Some(reason);
        self.with(REASON, HeaderValue::from_static(reason.as_str()))
    }

    /// 404 of a task, for whatever reason the caller has no such task.
    pub(super) fn no_task() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Task not found")
    }

    /// 404 of a path.
    pub(super) fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Json(json!({ "detail": self.detail }));
        let mut answer = (self.status, self.headers, body).into_response();
        if let Some(reason) = self.own {
            answer.extensions_mut().insert(reason);
        }
        answer
    }
}
