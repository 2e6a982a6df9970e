"""From sign-up to sign-out: every call for a task, and a session whose refresh token is stolen."""

import hashlib

import grpc

import client
from client import PASSWORD, Task, TaskStatus, account, account_pb2, auth, auth_pb2, bearer, refused, task_pb2, tasks

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED

email, tokens = client.sign_up()
me = bearer(tokens.access_token)

# A task.
created = tasks.CreateTask(
    task_pb2.CreateTaskRequest(task=Task(title="Bücher zurückbringen 📚", labels=["b", "a", "b"])), metadata=me
).task
assert created.title == "Bücher zurückbringen 📚", created
assert list(created.labels) == ["a", "b"], created
assert created.status == TaskStatus.TASK_STATUS_PENDING, created
assert tasks.GetTask(task_pb2.GetTaskRequest(id=created.id), metadata=me).task == created

listed = tasks.ListTasks(task_pb2.ListTasksRequest(include_total_size=True), metadata=me)
assert [task.id for task in listed.tasks] == [created.id], listed
assert listed.total_size == 1 and not listed.next_page_token, listed

request = task_pb2.UpdateTaskRequest(
    task=Task(id=created.id, etag=created.etag, title="not in the mask", status=TaskStatus.TASK_STATUS_COMPLETED)
)
request.update_mask.paths.append("status")
updated = tasks.UpdateTask(request, metadata=me).task
assert updated.status == TaskStatus.TASK_STATUS_COMPLETED and updated.HasField("complete_time"), updated
assert updated.title == created.title, updated
refused(lambda: tasks.UpdateTask(request, metadata=me), grpc.StatusCode.ABORTED, "ETAG_MISMATCH")

deleted = tasks.DeleteTask(task_pb2.DeleteTaskRequest(id=created.id), metadata=me).task
assert deleted.HasField("delete_time") and deleted.HasField("purge_time"), deleted
assert not tasks.ListTasks(task_pb2.ListTasksRequest(), metadata=me).tasks
back = tasks.UndeleteTask(task_pb2.UndeleteTaskRequest(id=created.id), metadata=me).task
assert not back.HasField("delete_time"), back
refused(
    lambda: tasks.UndeleteTask(task_pb2.UndeleteTaskRequest(id=created.id), metadata=me),
    grpc.StatusCode.ALREADY_EXISTS,
    "TASK_NOT_DELETED",
)


# A session.
def refresh(refresh_token, secret):
    tag = hashlib.sha256(secret + refresh_token.encode()).digest()
    request = auth_pb2.RefreshTokensRequest(refresh_token=refresh_token, attempt_tag=tag)
    pair = auth.RefreshTokens(request).tokens
    assert 0 < pair.access_token_expires_in.seconds <= 300, pair
    # What is left of the lifetimes is less in a later answer.
    pair.ClearField("access_token_expires_in")
    pair.ClearField("refresh_token_expires_in")
    return pair


first = refresh(tokens.refresh_token, b"device")
again = refresh(tokens.refresh_token, b"device")
assert first == again, "a repeated refresh gets another answer"
assert first.refresh_token != tokens.refresh_token and first.session_id == tokens.session_id, first
tasks.GetTask(task_pb2.GetTaskRequest(id=created.id), metadata=bearer(first.access_token))

refused(lambda: refresh(tokens.refresh_token, b"thief"), UNAUTHENTICATED, "REFRESH_TOKEN_REUSED")
refused(lambda: refresh(first.refresh_token, b"device"), UNAUTHENTICATED, "SESSION_REVOKED")

signed_in = auth.SignIn(auth_pb2.SignInRequest(email=email, password=PASSWORD)).tokens
assert signed_in.session_id != tokens.session_id, signed_in
sessions = account.ListSessions(account_pb2.ListSessionsRequest(), metadata=bearer(signed_in.access_token)).sessions
assert [(session.id, session.current) for session in sessions] == [(signed_in.session_id, True)], sessions
auth.SignOut(auth_pb2.SignOutRequest(refresh_token=signed_in.refresh_token))
refused(lambda: refresh(signed_in.refresh_token, b"device"), UNAUTHENTICATED, "SESSION_REVOKED")
# A sign-out with an unknown token gets the same answer as any other (RFC 7009).
auth.SignOut(auth_pb2.SignOutRequest(refresh_token="no token"))
