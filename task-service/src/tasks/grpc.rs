//! The RPCs on one task: parses the request, calls the use case, converts the result.

use api::{etag, ids::TaskId};
use contract::{
    proto::{
        task as proto,
        task::{
            CreateTaskRequest, CreateTaskResponse, DeleteTaskRequest, DeleteTaskResponse,
            GetTaskRequest, GetTaskResponse, UndeleteTaskRequest, UndeleteTaskResponse,
            UpdateTaskRequest, UpdateTaskResponse,
        },
    },
    refusal::{Problem, Violations},
};
use prost::Message as _;
use serving::caller::authenticated;
use tonic::{Request, Response, Status};

use super::{
    Tasks,
    commands::{CreateTask, Created, DeleteTask, GetTask, UndeleteTask, UpdateTask},
    message,
};
use crate::{error::Error, requests::RequestKey};

pub(crate) async fn create(
    tasks: &Tasks,
    request: Request<CreateTaskRequest>,
) -> Result<Response<CreateTaskResponse>, Status> {
    let (caller, call, message) = authenticated(request)?;
    let command = parse_create(message)?;
    let created = tasks.create(caller, call.deadline, command).await?;
    Ok(Response::new(created.into()))
}

pub(crate) async fn get(
    tasks: &Tasks,
    request: Request<GetTaskRequest>,
) -> Result<Response<GetTaskResponse>, Status> {
    let (caller, call, message) = authenticated(request)?;
    let command = parse_get(&message)?;
    let task = tasks.get(caller, call.deadline, command).await?;
    let task = Some(task.into());
    Ok(Response::new(GetTaskResponse { task }))
}

pub(crate) async fn update(
    tasks: &Tasks,
    request: Request<UpdateTaskRequest>,
) -> Result<Response<UpdateTaskResponse>, Status> {
    let (caller, call, message) = authenticated(request)?;
    let command = parse_update(message)?;
    let task = tasks.update(caller, call.deadline, command).await?;
    let task = Some(task.into());
    Ok(Response::new(UpdateTaskResponse { task }))
}

pub(crate) async fn delete(
    tasks: &Tasks,
    request: Request<DeleteTaskRequest>,
) -> Result<Response<DeleteTaskResponse>, Status> {
    let (caller, call, message) = authenticated(request)?;
    let command = parse_delete(&message)?;
    let deleted = tasks.delete(caller, call.deadline, command).await?;
    let task = Some(deleted.map(proto::Task::from).unwrap_or_default());
    Ok(Response::new(DeleteTaskResponse { task }))
}

pub(crate) async fn undelete(
    tasks: &Tasks,
    request: Request<UndeleteTaskRequest>,
) -> Result<Response<UndeleteTaskResponse>, Status> {
    let (caller, call, message) = authenticated(request)?;
    let command = parse_undelete(&message)?;
    let task = tasks.undelete(caller, call.deadline, command).await?;
    let task = Some(task.into());
    Ok(Response::new(UndeleteTaskResponse { task }))
}

fn parse_create(mut message: CreateTaskRequest) -> Result<CreateTask, Error> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut message.request_id);
    let key = RequestKey::parse(&request_id, "CreateTask", || message.encode_to_vec());
    let key = violations.take("request_id", key);
    let CreateTaskRequest {
        task,
        request_id: _,
        validate_only,
    } = message;
    let draft = match task {
        Some(task) => message::parse_draft(task, &mut violations),
        None => violations.take("task", Err(Problem::new("REQUIRED", "must be set"))),
    };
    let command = violations.finish(|| {
        Some(CreateTask {
            draft: draft?,
            key: key?,
            validate_only,
        })
    })?;
    Ok(command)
}

fn parse_get(message: &GetTaskRequest) -> Result<GetTask, Error> {
    let GetTaskRequest { id } = message;
    let mut violations = Violations::default();
    let id = violations.take("id", TaskId::parse(id));
    Ok(violations.finish(|| Some(GetTask { id: id? }))?)
}

fn parse_update(mut message: UpdateTaskRequest) -> Result<UpdateTask, Error> {
    let mut violations = Violations::default();
    let request_id = std::mem::take(&mut message.request_id);
    let key = RequestKey::parse(&request_id, "UpdateTask", || message.encode_to_vec());
    let key = violations.take("request_id", key);
    let UpdateTaskRequest {
        task,
        update_mask,
        request_id: _,
    } = message;
    if task.is_none() {
        violations.note("task", Problem::new("REQUIRED", "must be set"));
    }
    let task = task.unwrap_or_default();
    let mask = update_mask.as_ref();
    let chosen = message::FIELDS.selected(mask, |field| message::is_populated(&task, field));
    let chosen = violations.take("update_mask", chosen);
    let id = violations.take("task.id", TaskId::parse(&task.id));
    let revision = etag::expected(&task.etag);
    let changes = message::parse_changes(task, &chosen.unwrap_or_default(), &mut violations);
    let command = violations.finish(|| {
        Some(UpdateTask {
            id: id?,
            revision,
            changes,
            key: key?,
        })
    })?;
    Ok(command)
}

fn parse_delete(message: &DeleteTaskRequest) -> Result<DeleteTask, Error> {
    let DeleteTaskRequest {
        id,
        etag,
        allow_missing,
    } = message;
    let mut violations = Violations::default();
    let id = violations.take("id", TaskId::parse(id));
    let revision = etag::expected(etag);
    let command = violations.finish(|| {
        Some(DeleteTask {
            id: id?,
            revision,
            allow_missing: *allow_missing,
        })
    })?;
    Ok(command)
}

fn parse_undelete(message: &UndeleteTaskRequest) -> Result<UndeleteTask, Error> {
    let UndeleteTaskRequest { id, etag } = message;
    let mut violations = Violations::default();
    let id = violations.take("id", TaskId::parse(id));
    let revision = etag::expected(etag);
    let command = violations.finish(|| Some(UndeleteTask { id: id?, revision }))?;
    Ok(command)
}

impl From<Created> for CreateTaskResponse {
    fn from(created: Created) -> Self {
        let replayed = matches!(created, Created::Replayed(_));
        let task = match created {
            Created::Stored(task) | Created::Replayed(task) => task.into(),
            // A task that is not stored has neither an id nor an etag.
            Created::Checked(task) => proto::Task {
                id: String::new(),
                etag: String::new(),
                ..task.into()
            },
        };
        Self {
            task: Some(task),
            replayed,
        }
    }
}
