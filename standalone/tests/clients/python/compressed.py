"""Every call of other scripts with requests that are compressed with gzip, and one whose message becomes much shorter by it."""

import functools
import pathlib
import runpy

import grpc

grpc.insecure_channel = functools.partial(grpc.insecure_channel, compression=grpc.Compression.Gzip)

import client
from client import Task, bearer, task_pb2, tasks

_, tokens = client.sign_up()
description = 1900 * "x"
request = task_pb2.CreateTaskRequest(task=Task(title="long", description=description))
created = tasks.CreateTask(request, metadata=bearer(tokens.access_token)).task
assert created.description == description, created

for script in ("health.py", "reflection.py", "life.py"):
    runpy.run_path(str(pathlib.Path(__file__).parent / script), run_name="__main__")
