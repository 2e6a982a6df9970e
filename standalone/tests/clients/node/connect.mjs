// A client that shares no code with this project: connect-node, over every protocol and version of HTTP that it has.
// node connect.mjs PACKAGES DESCRIPTORS GATEWAY AUTH TASK, where PACKAGES is a folder with connect-node, and DESCRIPTORS a file
// that `buf build` has made of the protos.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [packages, descriptors, gateway, auth, task] = process.argv.slice(2);
const require = createRequire(join(packages, "package.json"));
const { createFileRegistry, fromBinary } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
const { Code, ConnectError, createClient } = require("@connectrpc/connect");
const { createConnectTransport, createGrpcTransport, createGrpcWebTransport } = require("@connectrpc/connect-node");

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptors)));
const schema = (name) => registry.getMessage(name) ?? registry.getService(name);

/** Asserts that a call is refused with this code and reason, and returns the details. */
async function refused(call, code, reason) {
    const error = await call.then(() => assert.fail("the call succeeded"), (thrown) => thrown);
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(error.code, code, error.message);
    const [info] = error.findDetails(schema("google.rpc.ErrorInfo"));
    assert.equal(info?.reason, reason);
    assert.equal(error.findDetails(schema("google.rpc.RequestInfo")).length, 1);
    return error;
}

async function journey(name, transports) {
    const email = `${name.replace(/[^a-z0-9]/g, "-")}@example.com`;
    const client = (service) => createClient(schema(service), transports(service));
    const accounts = client("tandem.auth.v1.AuthService");
    const tasks = client("tandem.task.v1.TaskService");
    const { tokens } = await accounts.signUp({ email, password: "a long password" });
    await refused(accounts.signUp({ email, password: "a long password" }), Code.AlreadyExists, "EMAIL_TAKEN");
    await refused(tasks.listTasks({}), Code.Unauthenticated, "TOKEN_MISSING");

    const headers = { authorization: `Bearer ${tokens.accessToken}` };
    // Many letters: an answer of several frames, and text that is not ASCII.
    const description = "ä😀".repeat(900);
    const created = await tasks.createTask({ task: { title: "Buy milk", description, labels: ["home"] } }, { headers });
    assert.equal(created.task.description, description);
    const wrong = await refused(tasks.createTask({ task: { title: "" } }, { headers }), Code.InvalidArgument, "FIELD_INVALID");
    const [{ fieldViolations }] = wrong.findDetails(schema("google.rpc.BadRequest"));
    assert.deepEqual(fieldViolations.map(({ field }) => field), ["task.title"]);
    const absent = "01890a5d-ac96-774b-bcce-b302099a8057";
    await refused(tasks.getTask({ id: absent }, { headers }), Code.NotFound, "TASK_NOT_FOUND");
    for (let n = 0; n < 30; n += 1) await tasks.createTask({ task: { title: `Task ${n}`, description } }, { headers });
    // About 200 KiB, and many at once on one connection.
    const pages = await Promise.all(Array.from({ length: 8 }, () => tasks.listTasks({ includeTotalSize: true }, { headers })));
    for (const page of pages) assert.equal(page.totalSize, 31);

    const keys = await accounts.getJsonWebKeySet({});
    assert.ok(keys.keys.length >= 1);
    const stop = new AbortController();
    const canceled = tasks.listTasks({}, { headers, signal: stop.signal });
    stop.abort();
    await assert.rejects(canceled, (error) => error.code === Code.Canceled);
    await accounts.signOut({ refreshToken: tokens.refreshToken });
    console.log(name);
}

const throughGateway = (create, options) => {
    const transport = create({ baseUrl: `http://${gateway}`, ...options });
    return () => transport;
};
for (const httpVersion of ["1.1", "2"]) {
    for (const useBinaryFormat of [false, true]) {
        const what = `connect ${useBinaryFormat ? "binary" : "json"} http/${httpVersion}`;
        await journey(what, throughGateway(createConnectTransport, { httpVersion, useBinaryFormat }));
        await journey(`${what} get`, throughGateway(createConnectTransport, { httpVersion, useBinaryFormat, useHttpGet: true }));
    }
    await journey(`grpc-web http/${httpVersion}`, throughGateway(createGrpcWebTransport, { httpVersion }));
}
const native = Object.fromEntries(
    [["tandem.auth.v1.AuthService", auth], ["tandem.task.v1.TaskService", task]].map(([service, address]) => [
        service,
        createGrpcTransport({ baseUrl: `http://${address}`, httpVersion: "2" }),
    ]),
);
await journey("grpc", (service) => native[service]);
process.exit(0);
