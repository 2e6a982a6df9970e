"""Reflection v1alpha, the only version that this client supports: which services exist, and who may call them."""

from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from client import auth_channel, task_channel

INFRASTRUCTURE = {
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}

auth_database = ProtoReflectionDescriptorDatabase(auth_channel)
own = {f"tandem.auth.v1.{name}Service" for name in ("Account", "Admin", "Auth", "Verifier")}
assert set(auth_database.get_services()) == INFRASTRUCTURE | own, auth_database.get_services()

task_database = ProtoReflectionDescriptorDatabase(task_channel)
own = {"tandem.task.v1.TaskService"}
assert set(task_database.get_services()) == INFRASTRUCTURE | own, task_database.get_services()

# Everything below comes only from reflection.
pool = descriptor_pool.DescriptorPool(task_database)
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
    raise AssertionError("an unknown symbol was found")
except KeyError:
    pass
