//! `tandem.task.v1.TaskService`: passes each call to the subject that it belongs to.

use contract::proto::task::{
    CreateTaskRequest, CreateTaskResponse, DeleteTaskRequest, DeleteTaskResponse, GetTaskRequest,
    GetTaskResponse, ListTasksRequest, ListTasksResponse, UndeleteTaskRequest,
    UndeleteTaskResponse, UpdateTaskRequest, UpdateTaskResponse, task_service_server::TaskService,
};
use tonic::{Request, Response, Status};

use crate::{
    lists::{self, Lists},
    tasks::{self, Tasks},
};

/// The subjects that have RPCs.
#[derive(Debug)]
pub(crate) struct Router {
    pub(crate) tasks: Tasks,
    pub(crate) lists: Lists,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TaskService for Router {
    async fn create_task(&self, request: Request<CreateTaskRequest>) -> Answer<CreateTaskResponse> {
        tasks::grpc::create(&self.tasks, request).await
    }

    async fn get_task(&self, request: Request<GetTaskRequest>) -> Answer<GetTaskResponse> {
        tasks::grpc::get(&self.tasks, request).await
    }

    async fn list_tasks(&self, request: Request<ListTasksRequest>) -> Answer<ListTasksResponse> {
        lists::grpc::list(&self.lists, request).await
    }

    async fn update_task(&self, request: Request<UpdateTaskRequest>) -> Answer<UpdateTaskResponse> {
        tasks::grpc::update(&self.tasks, request).await
    }

    async fn delete_task(&self, request: Request<DeleteTaskRequest>) -> Answer<DeleteTaskResponse> {
        tasks::grpc::delete(&self.tasks, request).await
    }

    async fn undelete_task(
        &self,
        request: Request<UndeleteTaskRequest>,
    ) -> Answer<UndeleteTaskResponse> {
        tasks::grpc::undelete(&self.tasks, request).await
    }
}
