"""Reflection v1alpha, the only version this client speaks: what is served, and who may call it."""

from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from client import auth_channel, task_channel

INFRASTRUCTURE = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}

of_auth = ProtoReflectionDescriptorDatabase(auth_channel)
own = {f"tandem.auth.v1.{name}Service" for name in ("Account", "Admin", "Auth", "Verifier")}
assert set(of_auth.get_services()) == INFRASTRUCTURE | own, of_auth.get_services()

of_task = ProtoReflectionDescriptorDatabase(task_channel)
own = {"tandem.task.v1.TaskService"}
assert set(of_task.get_services()) == INFRASTRUCTURE | own, of_task.get_services()

# Everything below is known from reflection alone.
pool = descriptor_pool.DescriptorPool(of_task)
service = pool.FindServiceByName("tandem.task.v1.TaskService")
create = service.methods_by_name["CreateTask"]
assert create.input_type.full_name == "tandem.task.v1.CreateTaskRequest", create.input_type.full_name
assert create.input_type.fields_by_name["task"].message_type.fields_by_name["title"], "no title"

access = pool.FindExtensionByName("tandem.common.v1.access")
levels = pool.FindEnumTypeByName("tandem.common.v1.AccessLevel")
Options = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
message_factory.GetMessageClass(access.message_type)
expected = {
    "CreateTask": "tasks.write",
    "GetTask": "tasks.read",
    "ListTasks": "tasks.read",
    "UpdateTask": "tasks.write",
    "DeleteTask": "tasks.write",
    "UndeleteTask": "tasks.write",
}
found = {}
for name, method in service.methods_by_name.items():
    option = Options.FromString(method.GetOptions().SerializeToString()).Extensions[access]
    assert levels.values_by_number[option.level].name == "ACCESS_LEVEL_USER", (name, option)
    found[name] = option.scope
assert expected.items() <= found.items(), found

try:
    pool.FindServiceByName("tandem.task.v1.NoService")
    raise AssertionError("an unknown symbol is found")
except KeyError:
    pass
