"""What the scripts share: stubs generated from the protos at run time, sign-up, and assertions about refusals.

Usage of every script: PYTHON SCRIPT PROTO_FOLDER AUTH_ADDRESS TASK_ADDRESS
"""

import importlib
import pathlib
import sys
import tempfile
import uuid

import grpc
import grpc_tools
from google.protobuf import any_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

PROTOS, AUTH, TASK = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
PASSWORD = "a password of my own-never-logged"

_out = tempfile.TemporaryDirectory()
_wanted = [str(path.relative_to(PROTOS)) for path in PROTOS.glob("tandem/**/*.proto")]
_own = pathlib.Path(grpc_tools.__file__).parent / "_proto"
_failed = protoc.main(
    ["protoc", f"-I{PROTOS}", f"-I{_own}", f"--python_out={_out.name}", f"--grpc_python_out={_out.name}", *_wanted]
)
assert not _failed, "protoc rejects the protos"
sys.path.insert(0, _out.name)

auth_pb2 = importlib.import_module("tandem.auth.v1.auth_service_pb2")
auth_grpc = importlib.import_module("tandem.auth.v1.auth_service_pb2_grpc")
account_pb2 = importlib.import_module("tandem.auth.v1.account_service_pb2")
account_grpc = importlib.import_module("tandem.auth.v1.account_service_pb2_grpc")
task_pb2 = importlib.import_module("tandem.task.v1.task_service_pb2")
task_grpc = importlib.import_module("tandem.task.v1.task_service_pb2_grpc")
Task = importlib.import_module("tandem.task.v1.task_pb2").Task
TaskStatus = importlib.import_module("tandem.task.v1.task_pb2").TaskStatus

auth_channel, task_channel = grpc.insecure_channel(AUTH), grpc.insecure_channel(TASK)
auth = auth_grpc.AuthServiceStub(auth_channel)
account = account_grpc.AccountServiceStub(auth_channel)
tasks = task_grpc.TaskServiceStub(task_channel)


def bearer(token):
    return [("authorization", f"Bearer {token}")]


def sign_up():
    """Signs up. Returns the email and the tokens of the new account."""
    email = f"{uuid.uuid4()}@example.com"
    answer = auth.SignUp(auth_pb2.SignUpRequest(email=email, password=PASSWORD, device_label="python"))
    assert answer.account.email == email, answer
    assert answer.tokens.token_type == "Bearer", answer
    return email, answer.tokens


class Refusal:
    """A refused call: its code and its decoded details."""

    def __init__(self, error):
        status = rpc_status.from_call(error)
        assert status is not None, f"no details: {error}"
        assert status.code == error.code().value[0], status
        self.code, self.message = error.code(), status.message
        self.info = self._one(status, error_details_pb2.ErrorInfo)
        self.request = self._one(status, error_details_pb2.RequestInfo)
        self.fields = self._one(status, error_details_pb2.BadRequest, required=False)
        assert self.info.domain == "tandem", self.info
        assert self.request.request_id, self.request

    @staticmethod
    def _one(status, kind, required=True):
        found = []
        for detail in status.details:
            assert isinstance(detail, any_pb2.Any)
            if detail.Is(kind.DESCRIPTOR):
                message = kind()
                assert detail.Unpack(message)
                found.append(message)
        assert len(found) == 1 or (not required and not found), status
        return found[0] if found else None


def refused(call, code, reason):
    """Makes a call that must be refused with this code and reason."""
    try:
        answer = call()
    except grpc.RpcError as error:
        refusal = Refusal(error)
        assert (refusal.code, refusal.info.reason) == (code, reason), (refusal.code, refusal.info, refusal.message)
        return refusal
    raise AssertionError(f"not refused with {reason}: {answer}")
