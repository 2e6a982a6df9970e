"""The Connect protocol by PyPI's `connectrpc`: JSON, protobuf and gRPC-web, POST and GET, and errors with details."""

from connectrpc.client import ConnectClientSync
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo
from connectrpc.protocol import ProtocolType
from google.rpc import error_details_pb2

import client
from client import AUTH, PASSWORD, Task, auth_pb2, task_pb2

GATEWAY = f"http://{AUTH}"


def call(connect, module, service, method, request, token=None, get=False):
    """Calls an RPC by its descriptor."""
    descriptor = module.DESCRIPTOR.services_by_name[service].methods_by_name[method]
    info = MethodInfo(
        name=method,
        service_name=descriptor.containing_service.full_name,
        input=type(request),
        output=getattr(module, descriptor.output_type.name),
        idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS if get else IdempotencyLevel.UNKNOWN,
    )
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return connect.execute_unary(request=request, method=info, headers=headers, use_get=get)


def refused(code, reason, *arguments):
    try:
        call(*arguments)
    except ConnectError as error:
        info = error_details_pb2.ErrorInfo()
        assert any(detail.type_url.endswith("/google.rpc.ErrorInfo") for detail in error.details), error.details
        for detail in error.details:
            if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                info.ParseFromString(detail.value)
        assert (error.code, info.domain, info.reason) == (code, "tandem", reason), (error.code, info)
    else:
        raise AssertionError(f"{reason} is expected")


def use(name, connect, can_get):
    account = auth_pb2.SignUpRequest(email=f"{name}@example.com", password=PASSWORD)
    token = call(connect, auth_pb2, "AuthService", "SignUp", account).tokens.access_token
    task = Task(title="Bücher 📚", description="long" * 300, labels=["b", "a"])
    create = task_pb2.CreateTaskRequest(task=task)
    created = call(connect, task_pb2, "TaskService", "CreateTask", create, token).task
    assert (created.title, created.description) == (task.title, task.description), created
    for get in {False, can_get}:
        get_task = task_pb2.GetTaskRequest(id=created.id)
        assert call(connect, task_pb2, "TaskService", "GetTask", get_task, token, get).task == created
        keys = call(connect, auth_pb2, "AuthService", "GetJsonWebKeySet", auth_pb2.GetJsonWebKeySetRequest(), None, get)
        assert keys.keys[0].kty == "OKP", keys
    update = task_pb2.UpdateTaskRequest(task=Task(id=created.id, title="other"))
    update.update_mask.paths.append("title")
    assert call(connect, task_pb2, "TaskService", "UpdateTask", update, token).task.title == "other"
    service = (connect, task_pb2, "TaskService", "CreateTask")
    refused(Code.UNAUTHENTICATED, "TOKEN_MISSING", *service, create)
    refused(Code.INVALID_ARGUMENT, "FIELD_INVALID", *service, task_pb2.CreateTaskRequest(task=Task()), token)


for name, codec, protocol in [
    ("json", google_protobuf_json_codec(), ProtocolType.CONNECT),
    ("binary", google_protobuf_binary_codec(), ProtocolType.CONNECT),
    ("web", google_protobuf_binary_codec(), ProtocolType.GRPC_WEB),
]:
    use(name, ConnectClientSync(GATEWAY, codec=codec, protocol=protocol), protocol == ProtocolType.CONNECT)
