//! `/api/tasks`.

use axum::{
    Json,
    extract::{Path, rejection::PathRejection},
};
use contract::proto::task::{
    CreateTaskResponse, DeleteTaskRequest, DeleteTaskResponse, GetTaskRequest, GetTaskResponse,
    ListTasksRequest, ListTasksResponse, UpdateTaskResponse,
};
use http::StatusCode;
use serde_json::Value;

use super::{
    body::Object,
    client::{Client, User},
    fields::query,
    problem::Problem,
    responses::{Common, Protected},
    task::{self, Task, TaskCreate, TaskUpdate},
};

const CREATE: &str = "/tandem.task.v1.TaskService/CreateTask";
const LIST: &str = "/tandem.task.v1.TaskService/ListTasks";
const GET: &str = "/tandem.task.v1.TaskService/GetTask";
const UPDATE: &str = "/tandem.task.v1.TaskService/UpdateTask";
const DELETE: &str = "/tandem.task.v1.TaskService/DeleteTask";

type Id = Result<Path<String>, PathRejection>;

/// Creates a task of the caller.
#[utoipa::path(
    post, path = "/api/tasks", operation_id = "create_task", tag = "tasks", request_body = TaskCreate,
    responses((status = 201, description = "The new task.", body = Task), Common, Protected), security(("BearerAuth" = []))
)]
pub(super) async fn create(
    user: User,
    body: Result<Object, Problem>,
) -> Result<(StatusCode, Json<Task>), Problem> {
    let read = body.and_then(|Object(fields)| task::creation(fields));
    let (request, sent) = user.judged(CREATE, read).await?;
    let answer: CreateTaskResponse = user.0.call(CREATE, &request, &sent).await?;
    Ok((StatusCode::CREATED, Json(task::shown(answer.task)?)))
}

/// Lists the tasks of the caller, the oldest first.
#[utoipa::path(
    get, path = "/api/tasks", operation_id = "list_tasks", tag = "tasks",
    params(
        ("limit" = Option<u32>, Query, description = "The most tasks to return.", minimum = 1, maximum = 200),
        ("offset" = Option<u32>, Query, description = "The number of tasks to leave out at the start.", minimum = 0, maximum = 10000),
    ),
    responses((status = 200, description = "The tasks.", body = [Task]), Common, Protected), security(("BearerAuth" = []))
)]
pub(super) async fn list(user: User) -> Result<Json<Vec<Task>>, Problem> {
    let numbers = [("limit", 100, 1..=200), ("offset", 0, 0..=10_000)];
    // An empty request for a list is valid, one for a task is not.
    let [limit, offset] = user.judged(GET, query(user.0.uri(), numbers)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut tasks = Vec::new();
    let mut token = String::new();
    loop {
        let page = page(&user.0, limit - tasks.len(), offset, token).await?;
        tasks.extend(page.tasks.into_iter().map(Task::from));
        token = page.next_page_token;
        // A page can be shorter than what was asked for.
        if token.is_empty() || tasks.len() >= limit {
            return Ok(Json(tasks));
        }
    }
}

async fn page(
    client: &Client,
    size: usize,
    offset: u32,
    token: String,
) -> Result<ListTasksResponse, Problem> {
    let skip = if token.is_empty() { offset } else { 0 };
    let request = ListTasksRequest {
        page_size: i32::try_from(size).unwrap_or(i32::MAX),
        skip: i32::try_from(skip).unwrap_or(i32::MAX),
        page_token: token,
        order_by: "create_time".to_owned(),
        ..ListTasksRequest::default()
    };
    client.call(LIST, &request, &Value::Null).await
}

/// Returns one task of the caller.
#[utoipa::path(
    get, path = "/api/tasks/{task_id}", operation_id = "get_task", tag = "tasks",
    params(("task_id" = String, Path, description = "The id of the task.")),
    responses((status = 200, description = "The task.", body = Task), Common, Protected), security(("BearerAuth" = []))
)]
pub(super) async fn get(user: User, id: Id) -> Result<Json<Task>, Problem> {
    let id = user.judged(GET, known(id)).await?;
    Ok(Json(find(&user.0, id).await?))
}

/// Changes the fields of a task that the body has.
#[utoipa::path(
    put, path = "/api/tasks/{task_id}", operation_id = "update_task", tag = "tasks", request_body = TaskUpdate,
    params(("task_id" = String, Path, description = "The id of the task.")),
    responses((status = 200, description = "The task after the change.", body = Task), Common, Protected),
    security(("BearerAuth" = []))
)]
pub(super) async fn update(
    user: User,
    id: Id,
    body: Result<Object, Problem>,
) -> Result<Json<Task>, Problem> {
    let id = user.judged(UPDATE, known(id)).await?;
    let read = body.and_then(|Object(fields)| task::update(&id, fields));
    let (request, sent) = user.judged(UPDATE, read).await?;
    let Some(request) = request else {
        return Ok(Json(find(&user.0, id).await?));
    };
    let answer: UpdateTaskResponse = user.0.call(UPDATE, &request, &sent).await?;
    Ok(Json(task::shown(answer.task)?))
}

/// Deletes a task. Over gRPC it can be brought back for 30 days; here it is gone.
#[utoipa::path(
    delete, path = "/api/tasks/{task_id}", operation_id = "delete_task", tag = "tasks",
    params(("task_id" = String, Path, description = "The id of the task.")),
    responses((status = 204, description = "The task is deleted."), Common, Protected), security(("BearerAuth" = []))
)]
pub(super) async fn delete(user: User, id: Id) -> Result<StatusCode, Problem> {
    let request = DeleteTaskRequest {
        id: user.judged(DELETE, known(id)).await?,
        ..DeleteTaskRequest::default()
    };
    let _: DeleteTaskResponse = user.0.call(DELETE, &request, &Value::Null).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(client: &Client, id: String) -> Result<Task, Problem> {
    let request = GetTaskRequest { id };
    let answer: GetTaskResponse = client.call(GET, &request, &Value::Null).await?;
    task::shown(answer.task)
}

/// A path that is not UTF-8 is the path of no task.
fn known(id: Id) -> Result<String, Problem> {
    id.map(|Path(id)| id)
        .map_err(|_not_utf8| Problem::no_task())
}
