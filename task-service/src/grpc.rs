//! `tandem.task.v1.TaskService`: parse, call, convert.

use shared::{
    caller::authenticated,
    proto::task::{
        CreateTaskRequest, CreateTaskResponse, DeleteTaskRequest, DeleteTaskResponse,
        GetTaskRequest, GetTaskResponse, ListTasksRequest, ListTasksResponse, Task,
        UndeleteTaskRequest, UndeleteTaskResponse, UpdateTaskRequest, UpdateTaskResponse,
        task_service_server::TaskService,
    },
};
use tonic::{Request, Response, Status};

use crate::{
    request::{Create, Delete, Get, List, Undelete, Update},
    tasks::Tasks,
};

#[tonic::async_trait]
impl TaskService for Tasks {
    async fn create_task(
        &self,
        request: Request<CreateTaskRequest>,
    ) -> Result<Response<CreateTaskResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let create = Create::parse(message)?;
        let created = self.create(caller, call.deadline, create).await?;
        Ok(Response::new(created.into()))
    }

    async fn get_task(
        &self,
        request: Request<GetTaskRequest>,
    ) -> Result<Response<GetTaskResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let get = Get::parse(&message)?;
        let task = Some(self.get(caller, call.deadline, get).await?.into());
        Ok(Response::new(GetTaskResponse { task }))
    }

    async fn list_tasks(
        &self,
        request: Request<ListTasksRequest>,
    ) -> Result<Response<ListTasksResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let list = List::parse(&message, caller.user_id, &self.tokens, self.now())?;
        let page = self.list(caller, call.deadline, list).await?;
        Ok(Response::new(page.into()))
    }

    async fn update_task(
        &self,
        request: Request<UpdateTaskRequest>,
    ) -> Result<Response<UpdateTaskResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let update = Update::parse(message)?;
        let task = Some(self.update(caller, call.deadline, update).await?.into());
        Ok(Response::new(UpdateTaskResponse { task }))
    }

    async fn delete_task(
        &self,
        request: Request<DeleteTaskRequest>,
    ) -> Result<Response<DeleteTaskResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let delete = Delete::parse(&message)?;
        let deleted = self.delete(caller, call.deadline, delete).await?;
        let task = Some(deleted.map(Task::from).unwrap_or_default());
        Ok(Response::new(DeleteTaskResponse { task }))
    }

    async fn undelete_task(
        &self,
        request: Request<UndeleteTaskRequest>,
    ) -> Result<Response<UndeleteTaskResponse>, Status> {
        let (caller, call, message) = authenticated(request)?;
        let undelete = Undelete::parse(&message)?;
        let task = Some(self.undelete(caller, call.deadline, undelete).await?.into());
        Ok(Response::new(UndeleteTaskResponse { task }))
    }
}
