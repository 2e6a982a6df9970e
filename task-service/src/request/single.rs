//! `GetTask`, `DeleteTask`, `UndeleteTask`: requests that only say which task.

use shared::{
    etag,
    ids::TaskId,
    proto::task::{DeleteTaskRequest, GetTaskRequest, UndeleteTaskRequest},
    refusal::Violations,
};

use crate::error::Error;

/// A task to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Get {
    /// Which.
    pub id: TaskId,
}

/// A task to be deleted.
#[derive(Debug, Clone, Copy)]
pub struct Delete {
    /// Which.
    pub id: TaskId,
    /// The revision the caller read, if it must still be the current one.
    pub revision: Option<i64>,
    /// Whether it is well when there is nothing to delete.
    pub allow_missing: bool,
}

/// A task to be brought back.
#[derive(Debug, Clone, Copy)]
pub struct Undelete {
    /// Which.
    pub id: TaskId,
    /// The revision the caller read, if it must still be the current one.
    pub revision: Option<i64>,
}

impl Get {
    /// Parses the message.
    pub fn parse(message: &GetTaskRequest) -> Result<Self, Error> {
        let GetTaskRequest { id } = message;
        let mut violations = Violations::default();
        let id = violations.take("id", TaskId::parse(id));
        Ok(violations.finish(|| Some(Self { id: id? }))?)
    }
}

impl Delete {
    /// Parses the message.
    pub fn parse(message: &DeleteTaskRequest) -> Result<Self, Error> {
        let DeleteTaskRequest {
            id,
            etag,
            allow_missing,
        } = message;
        let mut violations = Violations::default();
        let id = violations.take("id", TaskId::parse(id));
        let revision = violations.take("etag", etag::parse(etag));
        let delete = violations.finish(|| {
            Some(Self {
                id: id?,
                revision: revision?,
                allow_missing: *allow_missing,
            })
        })?;
        Ok(delete)
    }
}

impl Undelete {
    /// Parses the message.
    pub fn parse(message: &UndeleteTaskRequest) -> Result<Self, Error> {
        let UndeleteTaskRequest { id, etag } = message;
        let mut violations = Violations::default();
        let id = violations.take("id", TaskId::parse(id));
        let revision = violations.take("etag", etag::parse(etag));
        let undelete = violations.finish(|| {
            Some(Self {
                id: id?,
                revision: revision?,
            })
        })?;
        Ok(undelete)
    }
}
