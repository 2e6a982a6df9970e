"""The task of another user looks as if it did not exist: every call gets the same answer as for an unknown id."""

import uuid

import grpc

import client
from client import Task, bearer, refused, task_pb2, tasks

(_, mine), (_, theirs) = client.sign_up(), client.sign_up()
me, them = bearer(mine.access_token), bearer(theirs.access_token)
foreign = tasks.CreateTask(task_pb2.CreateTaskRequest(task=Task(title="theirs")), metadata=them).task
absent = str(uuid.uuid4())[:14] + "7" + str(uuid.uuid4())[15:]


def update(task_id):
    request = task_pb2.UpdateTaskRequest(task=Task(id=task_id, title="mine now"))
    request.update_mask.paths.append("title")
    return tasks.UpdateTask(request, metadata=me)


calls = [
    lambda task_id: tasks.GetTask(task_pb2.GetTaskRequest(id=task_id), metadata=me),
    update,
    lambda task_id: tasks.DeleteTask(task_pb2.DeleteTaskRequest(id=task_id), metadata=me),
    lambda task_id: tasks.UndeleteTask(task_pb2.UndeleteTaskRequest(id=task_id), metadata=me),
]
for call in calls:
    answers = []
    for task_id in (foreign.id, absent):
        refusal = refused(lambda: call(task_id), grpc.StatusCode.NOT_FOUND, "TASK_NOT_FOUND")
        masked = (refusal.message + str(refusal.info)).replace(task_id, "ID")
        answers.append(masked)
    assert answers[0] == answers[1], answers

listed = tasks.ListTasks(task_pb2.ListTasksRequest(show_deleted=True, include_total_size=True), metadata=me)
assert not listed.tasks and listed.total_size == 0, listed
assert tasks.GetTask(task_pb2.GetTaskRequest(id=foreign.id), metadata=them).task == foreign
