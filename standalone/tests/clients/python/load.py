"""Steady load until standard input ends. Then every confirmed write is read back, and a report is printed as JSON.

Usage: PYTHON load.py PROTO_FOLDER AUTH_TARGET TASK_TARGET GATEWAY,GATEWAY

Calls to the services use Google's gRPC with only the service config in docs/stopping-and-failures.md. Calls to the gateways are
made as a web page makes them: one fetch, and another to the other gateway if the connection failed. An answered call is
never repeated.
"""

import collections
import hashlib
import http.client
import json
import pathlib
import re
import struct
import sys
import threading
import time
import uuid

import grpc

import client
from client import PASSWORD, Task, auth_grpc, auth_pb2, bearer, task_grpc, task_pb2

DOCUMENT = pathlib.Path(sys.argv[1]).parent / "docs/stopping-and-failures.md"
GATEWAYS = sys.argv[4].split(",")
PAUSE = 0.02
LIMIT = 10

service_config = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.S).group(1)
# A list of addresses cannot be the authority of a request.
options = [("grpc.service_config", service_config), ("grpc.default_authority", "tandem")]
auth = auth_grpc.AuthServiceStub(grpc.insecure_channel(client.AUTH, options))
tasks = task_grpc.TaskServiceStub(grpc.insecure_channel(client.TASK, options))

over = threading.Event()
lock = threading.Lock()
calls, failures, reconnects, slowest = collections.Counter(), [], 0, 0.0
kept = []


def timed(kind, call):
    """Makes a call. Returns None if it failed."""
    global slowest
    began = time.monotonic()
    try:
        answer = call()
    except Exception as error:  # pylint: disable=broad-except
        reason = f"{error.code()} {error.details()}" if isinstance(error, grpc.RpcError) else repr(error)
        with lock:
            failures.append(f"{kind} after {time.monotonic() - began:.2f} s: {reason}")
        return None
    with lock:
        calls[kind] += 1
        slowest = max(slowest, time.monotonic() - began)
    return answer


class Page:
    """Calls the services through a gateway, over HTTP/1.1."""

    def __init__(self, number):
        self.turn, self.connection = number, None

    def post(self, path, message, headers):
        global reconnects
        data = message.SerializeToString()
        body = struct.pack(">BI", 0, len(data)) + data
        headers = {"content-type": "application/grpc-web+proto", **dict(headers)}
        for attempt in range(8):
            try:
                if self.connection is None:
                    gateway = GATEWAYS[self.turn % len(GATEWAYS)]
                    self.connection = http.client.HTTPConnection(gateway, timeout=LIMIT)
                self.connection.request("POST", path, body, headers)
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (ConnectionError, http.client.HTTPException):
                with lock:
                    reconnects += 1
                self.connection.close()
                self.connection = None
                self.turn += 1
                time.sleep(0.02 * 2**attempt)
        raise ConnectionError("no gateway")

    def call(self, path, message, kind, metadata=()):
        status, body = self.post(path, message, metadata)
        assert status == 200, status
        answer = None
        while body:
            flag, length = struct.unpack(">BI", body[:5])
            frame, body = body[5 : 5 + length], body[5 + length :]
            if flag & 0x80:
                assert re.search(rb"^grpc-status: 0\r", frame, re.M), frame
                return answer
            answer = kind.FromString(frame)
        raise AssertionError("no trailers")


class Direct:
    """Calls the services directly."""

    def __init__(self, _number):
        pass

    def call(self, path, message, kind, metadata=()):
        stub = tasks if "task" in path else auth
        return getattr(stub, path.rsplit("/", 1)[1])(message, metadata=metadata, timeout=LIMIT)


def work(kind_of_client, number):
    """Works as one user: creates, reads, changes and lists tasks, and refreshes tokens, one call after another."""
    name, caller = kind_of_client.__name__, kind_of_client(number)
    answer = auth.SignUp(
        auth_pb2.SignUpRequest(email=f"{uuid.uuid4()}@example.com", password=PASSWORD), timeout=60
    )
    tokens, titles = answer.tokens, {}
    with lock:
        kept.append((answer.tokens.access_token, titles))

    def task(method, message):
        kind = getattr(task_pb2, f"{method}Response")
        path = f"/tandem.task.v1.TaskService/{method}"
        return timed(f"{name} {method}", lambda: caller.call(path, message, kind, bearer(tokens.access_token)))

    turn = 0
    while not over.is_set():
        turn += 1
        title = f"{name} {number} {turn}"
        request_id = str(uuid.uuid4())
        made = task("CreateTask", task_pb2.CreateTaskRequest(task=Task(title=title), request_id=request_id))
        if made:
            titles[made.task.id] = title
            task("GetTask", task_pb2.GetTaskRequest(id=made.task.id))
            change = task_pb2.UpdateTaskRequest(
                task=Task(id=made.task.id, title=title + " changed"), request_id=str(uuid.uuid4())
            )
            change.update_mask.paths.append("title")
            if task("UpdateTask", change):
                titles[made.task.id] = title + " changed"
        task("ListTasks", task_pb2.ListTasksRequest(page_size=10))
        if turn % 5 == 0:
            tag = hashlib.sha256(tokens.refresh_token.encode()).digest()
            request = auth_pb2.RefreshTokensRequest(refresh_token=tokens.refresh_token, attempt_tag=tag)
            path = "/tandem.auth.v1.AuthService/RefreshTokens"
            kind = auth_pb2.RefreshTokensResponse
            fresh = timed(f"{name} RefreshTokens", lambda: caller.call(path, request, kind))
            tokens = fresh.tokens if fresh else tokens
        time.sleep(PAUSE)


def everything(token):
    """All tasks of a user: titles by id."""
    found, page = {}, ""
    while True:
        request = task_pb2.ListTasksRequest(page_size=100, page_token=page)
        answer = tasks.ListTasks(request, metadata=bearer(token), timeout=LIMIT)
        found.update({one.id: one.title for one in answer.tasks})
        page = answer.next_page_token
        if not page:
            return found


users = [threading.Thread(target=work, args=(kind, number)) for kind in (Direct, Page) for number in range(3)]
for one in users:
    one.start()
while sum(calls.values()) < 50 and not failures:
    time.sleep(0.01)
print("under load", flush=True)
began, before = time.monotonic(), sum(calls.values())
sys.stdin.read()
over.set()
for one in users:
    one.join()
ran = time.monotonic() - began
rate = (sum(calls.values()) - before) / ran

acknowledged = lost = twice = 0
for token, titles in kept:
    found = everything(token)
    acknowledged += len(titles)
    lost += sum(found.get(id) != title for id, title in titles.items())
    names = collections.Counter(title.removesuffix(" changed") for title in found.values())
    twice += sum(count > 1 for count in names.values())
print(
    json.dumps(
        {
            "calls": sum(calls.values()),
            "per_second": round(rate),
            "seconds": round(ran, 1),
            "slowest_ms": round(slowest * 1e3),
            "failed": len(failures),
            "failures": failures[:10],
            "reconnects": reconnects,
            "acknowledged": acknowledged,
            "lost": lost,
            "twice": twice,
            "by_kind": dict(calls),
        }
    ),
    flush=True,
)
