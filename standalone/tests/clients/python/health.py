"""grpc.health.v1 with Google's own client: Check, Watch and List on both services."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from client import auth_channel, task_channel

SERVING = health_pb2.HealthCheckResponse.SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
OWN = {
    auth_channel: ["tandem.auth.v1.AuthService", "tandem.auth.v1.AccountService"],
    task_channel: ["tandem.task.v1.TaskService"],
}

for channel, services in OWN.items():
    health = health_pb2_grpc.HealthStub(channel)
    names = ["", "liveness", "readiness", *services]
    for name in names:
        answer = health.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == SERVING, (name, answer)
    try:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"))
        raise AssertionError("Check answered for an unknown service")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error

    listed = health.List(health_pb2.HealthListRequest()).statuses
    for name in names:
        assert listed[name].status == SERVING, (name, listed)
    assert "nobody" not in listed, listed

    watch = health.Watch(health_pb2.HealthCheckRequest(service="readiness"))
    assert next(watch).status == SERVING
    watch.cancel()
    # The stream stays open, since the service may be added later.
    watch = health.Watch(health_pb2.HealthCheckRequest(service="nobody"))
    assert next(watch).status == SERVICE_UNKNOWN
    assert watch.is_active()
    watch.cancel()
