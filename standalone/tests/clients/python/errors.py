"""Refusals, decoded with grpcio-status: code, reason, every violation, and the id of the request."""

import grpc

import client
from client import PASSWORD, Task, auth, auth_pb2, bearer, refused, task_pb2, tasks

UNAUTHENTICATED, INVALID_ARGUMENT = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INVALID_ARGUMENT

email, tokens = client.sign_up()
me = bearer(tokens.access_token)

wrong = task_pb2.CreateTaskRequest(
    task=Task(title="x" * 201, description="x" * 2001, status=99, labels=[str(n) for n in range(21)]),
    request_id="no uuid",
)
refusal = refused(lambda: tasks.CreateTask(wrong, metadata=me), INVALID_ARGUMENT, "FIELD_INVALID")
fields = {violation.field for violation in refusal.fields.field_violations}
assert fields == {"task.title", "task.description", "task.status", "task.labels", "request_id"}, refusal.fields
for violation in refusal.fields.field_violations:
    assert violation.description and violation.reason, violation

wrong = auth_pb2.SignUpRequest(email="nobody", password="short")
refusal = refused(lambda: auth.SignUp(wrong), INVALID_ARGUMENT, "FIELD_INVALID")
fields = {violation.field for violation in refusal.fields.field_violations}
assert fields == {"email", "password"}, refusal.fields

refused(
    lambda: auth.SignUp(auth_pb2.SignUpRequest(email=email.upper(), password=PASSWORD)),
    grpc.StatusCode.ALREADY_EXISTS,
    "EMAIL_TAKEN",
)

# A failed sign-in gets the same answer whether or not the account exists.
one = refused(
    lambda: auth.SignIn(auth_pb2.SignInRequest(email=email, password="not the password")),
    UNAUTHENTICATED,
    "CREDENTIALS_INVALID",
)
other = refused(
    lambda: auth.SignIn(auth_pb2.SignInRequest(email=f"not-{email}", password=PASSWORD)),
    UNAUTHENTICATED,
    "CREDENTIALS_INVALID",
)
assert one.message == other.message
assert one.request.request_id != other.request.request_id

everything = task_pb2.ListTasksRequest()
refused(lambda: tasks.ListTasks(everything), UNAUTHENTICATED, "TOKEN_MISSING")
refused(lambda: tasks.ListTasks(everything, metadata=bearer("a.b.c")), UNAUTHENTICATED, "TOKEN_INVALID")
changed = tokens.access_token[:-8] + "AAAAAAAA"
refused(lambda: tasks.ListTasks(everything, metadata=bearer(changed)), UNAUTHENTICATED, "TOKEN_INVALID")
# A refresh token is not accepted as an access token.
refused(lambda: tasks.ListTasks(everything, metadata=bearer(tokens.refresh_token)), UNAUTHENTICATED, "TOKEN_INVALID")

# A request id that the caller sends is kept.
try:
    tasks.ListTasks(everything, metadata=[("x-request-id", "python-1")])
    raise AssertionError("answered without a token")
except grpc.RpcError as error:
    assert client.Refusal(error).request.request_id == "python-1"
