// Calls: when they are repeated, what they throw, and what the helpers for tasks do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, TandemError, reasonOf } from "../src/index.js";
import { AccountService } from "../src/gen/tandem/auth/v1/account_service_pb.js";
import { AuthService } from "../src/gen/tandem/auth/v1/auth_service_pb.js";
import { TaskService } from "../src/gen/tandem/task/v1/task_service_pb.js";
import { Browser } from "./browser.js";
import type { Fate } from "./browser.js";
import { World } from "./clock.js";
import { Refusal, Server } from "./server.js";

async function signedIn() {
    const world = new World();
    const server = new Server(world);
    const browser = new Browser(world, server);
    const tab = browser.open();
    await world.until(tab.tandem.signIn({ email: "ann@example.com", password: "correct horse" }));
    const count = (method: string) => server.log.filter((request) => request.method.endsWith(`/${method}`)).length;
    /** The next requests meet these fates, those after them a good network. */
    const fates = (...next: Fate[]) => {
        browser.weather = () => ({ fate: next.shift() ?? "ok", thereMs: 5, backMs: 5 });
    };
    return { world, server, browser, tab, tandem: tab.tandem, count, fates };
}

function failsWith(reason: string) {
    return (error: unknown) => error instanceof TandemError && error.reason === reason;
}

test("an expired token is refreshed and the call made once more, also a call that may not be repeated", async () => {
    const { world, server, tandem, count } = await signedIn();
    server.refusals.push(new Refusal("UNAUTHENTICATED", "TOKEN_EXPIRED"));
    await world.until(tandem.tasks.createTask({ task: { title: "once" } }));
    assert.equal(count("CreateTask"), 2);
    assert.equal(count("RefreshTokens"), 1);
    assert.equal(server.tasks.size, 1);
});

test("a second TOKEN_EXPIRED is thrown, not tried for ever", async () => {
    const { world, server, tandem, count } = await signedIn();
    const refuse = server.handle.bind(server);
    server.handle = (request) => {
        if (request.method.endsWith("/ListTasks")) server.refusals.push(new Refusal("UNAUTHENTICATED", "TOKEN_EXPIRED"));
        return refuse(request);
    };
    await assert.rejects(world.until(tandem.tasks.listTasks({})), failsWith("TOKEN_EXPIRED"));
    assert.equal(count("ListTasks"), 2);
});

for (const reason of ["TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_MISSING"]) {
    test(`${reason} is thrown without another attempt`, async () => {
        const { world, server, tandem, count } = await signedIn();
        server.refusals.push(new Refusal("UNAUTHENTICATED", reason));
        await assert.rejects(world.until(tandem.tasks.listTasks({})), failsWith(reason));
        assert.equal(count("ListTasks"), 1);
    });
}

test("a read is repeated after the time of RetryInfo", async () => {
    const { world, server, tandem, count } = await signedIn();
    server.refusals.push(new Refusal("UNAVAILABLE", "OVERLOADED", { retryAfterMs: 1_500 }));
    const listed = tandem.tasks.listTasks({});
    await world.advance(1_400);
    assert.equal(count("ListTasks"), 1);
    await world.until(listed);
    assert.equal(count("ListTasks"), 2);
});

test("a read is repeated twice at most, and not after a wait that nobody would sit through", async () => {
    const { world, server, tandem, count } = await signedIn();
    for (let n = 0; n < 9; n += 1) server.refusals.push(new Refusal("UNAVAILABLE", "DRAINING", { retryAfterMs: 100 }));
    await assert.rejects(world.until(tandem.tasks.listTasks({})), failsWith("DRAINING"));
    assert.equal(count("ListTasks"), 3);
    server.refusals.length = 0;
    server.refusals.push(new Refusal("RESOURCE_EXHAUSTED", "RATE_LIMITED", { retryAfterMs: 60_000 }));
    await assert.rejects(world.until(tandem.tasks.listTasks({})), (error: TandemError) => error.retryAfterMs === 60_000);
    assert.equal(count("ListTasks"), 4);
});

test("a quota is not waited for", async () => {
    const { world, server, tandem, count } = await signedIn();
    server.refusals.push(new Refusal("RESOURCE_EXHAUSTED", "TASK_QUOTA_EXCEEDED", { retryAfterMs: 100 }));
    const failed = (error: TandemError) => error.is("TASK_QUOTA_EXCEEDED") && error.metadata["limit"] === "7";
    await assert.rejects(world.until(tandem.createTask({ title: "one more" })), failed);
    assert.equal(count("CreateTask"), 1);
});

test("a write is repeated only with a request id", async () => {
    const { world, server, tandem, count } = await signedIn();
    server.refusals.push(new Refusal("UNAVAILABLE", "OVERLOADED", { retryAfterMs: 100 }));
    await assert.rejects(world.until(tandem.tasks.createTask({ task: { title: "a" } })), failsWith("OVERLOADED"));
    assert.equal(count("CreateTask"), 1);
    server.refusals.push(new Refusal("UNAVAILABLE", "OVERLOADED", { retryAfterMs: 100 }));
    await world.until(tandem.createTask({ title: "b" }));
    assert.equal(count("CreateTask"), 3);
});

test("a task is created once although two answers are lost", async () => {
    const { world, server, tandem, fates } = await signedIn();
    fates("lost", "cut");
    const task = await world.until(tandem.createTask({ title: "Buy milk" }));
    assert.equal(task.title, "Buy milk");
    assert.equal(server.tasks.size, 1);
});

test("an own request id makes one task over several calls", async () => {
    const { world, server, tandem } = await signedIn();
    const requestId = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
    const first = await world.until(tandem.createTask({ title: "x" }, { requestId }));
    const second = await world.until(tandem.createTask({ title: "x" }, { requestId }));
    assert.equal(first.id, second.id);
    assert.equal(server.tasks.size, 1);
});

test("a request id is a random UUID, also without https", async () => {
    const { world, server, tandem } = await signedIn();
    await world.until(tandem.createTask({ title: "x" }));
    const [id] = server.requestIds.keys();
    assert.match(id!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("an update of a task that somebody else has changed asks what to do with the newest", async () => {
    const { world, tandem } = await signedIn();
    const read = await world.until(tandem.createTask({ title: "a" }));
    await world.until(tandem.updateTask(read, { title: "theirs" }));
    await assert.rejects(world.until(tandem.updateTask(read, { title: "mine" })), failsWith("ETAG_MISMATCH"));
    const stopped = tandem.updateTask(read, { title: "mine" }, { onConflict: () => undefined });
    await assert.rejects(world.until(stopped), failsWith("ETAG_MISMATCH"));
    const merged = tandem.updateTask(read, { title: "mine" }, { onConflict: (newest) => ({ title: `${newest.title}, mine` }) });
    assert.equal((await world.until(merged)).title, "theirs, mine");
});

test("violations, the request id and unknown reasons are in the error", async () => {
    const { world, server, tandem } = await signedIn();
    server.refusals.push(new Refusal("INVALID_ARGUMENT", "FIELD_INVALID", { fields: ["task.title", "task.labels"] }));
    const error = await world.until(tandem.createTask({ title: "" }).catch((thrown: TandemError) => thrown));
    assert.ok(error instanceof TandemError);
    assert.equal(error.code, Code.InvalidArgument);
    assert.deepEqual(error.violations.map(({ field }) => field), ["task.title", "task.labels"]);
    assert.equal(error.requestId, "r-1");
    server.refusals.push(new Refusal("ABORTED", "A_REASON_OF_NEXT_YEAR"));
    await assert.rejects(world.until(tandem.tasks.listTasks({})), failsWith("A_REASON_OF_NEXT_YEAR"));
});

test("without a network the reason is NETWORK, after two more attempts of a read", async () => {
    const { world, tandem, browser } = await signedIn();
    let sent = 0;
    browser.weather = () => ({ fate: (sent += 1) > 0 ? "unreached" : "ok", thereMs: 5, backMs: 5 });
    await assert.rejects(world.until(tandem.tasks.listTasks({})), (error: TandemError) => error.is("NETWORK") && error.code === Code.Unavailable);
    assert.equal(sent, 3);
});

test("a caller's signal ends a call that is under way, that waits for a retry, or that waits for a refresh", async () => {
    const { world, server, tandem, browser, tab } = await signedIn();
    const stopped = async (prepare: () => void | Promise<void>) => {
        await prepare();
        const stop = new AbortController();
        const listed = tandem.tasks.listTasks({}, { signal: stop.signal });
        listed.catch(() => {});
        await world.advance(100);
        stop.abort();
        await assert.rejects(listed, failsWith("CANCELED"));
    };
    await stopped(() => void (browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 9_000 })));
    await stopped(() => {
        browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
        server.refusals.push(new Refusal("UNAVAILABLE", "DRAINING", { retryAfterMs: 3_000 }));
    });
    await stopped(async () => {
        tab.freeze();
        await world.advance(400_000);
        tab.thaw();
        browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 9_000 });
    });
    assert.equal(tandem.session.status, "signed-in");
});

test("a call that nobody answers ends at its deadline", async () => {
    const world = new World();
    const browser = new Browser(world, new Server(world));
    const { tandem } = browser.open({ fetch: (_, init) => new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal!.reason))) });
    await assert.rejects(tandem.auth.getJsonWebKeySet({}, { timeoutMs: 20 }), failsWith("DEADLINE_EXCEEDED"));
});

test("calls without a session are refused here, and not sent", async () => {
    const world = new World();
    const server = new Server(world);
    const { tandem } = new Browser(world, server).open();
    await world.until(tandem.restore());
    const before = server.log.length;
    await assert.rejects(tandem.tasks.listTasks({}), failsWith("SIGNED_OUT"));
    assert.equal(server.log.length, before);
});

test("a gateway that knows no cookies is told apart, and the session it made is ended", async () => {
    const world = new World();
    const server = new Server(world);
    const browser = new Browser(world, server);
    const { tandem } = browser.open();
    const handle = server.handle.bind(server);
    let signedOut = false;
    server.handle = (request) => {
        if (!request.method.endsWith("/SignOut")) return handle(request);
        signedOut = true;
        return { response: new Response(new Uint8Array(), { headers: { "content-type": "application/proto" } }) };
    };
    server.refreshTokensInBody = true;
    await assert.rejects(world.until(tandem.signIn({ email: "a", password: "b" })), failsWith("COOKIES_UNSUPPORTED"));
    assert.equal(signedOut, true);
    assert.equal(tandem.session.status, "unknown");
});

test("all RPCs of the clients are unary: their errors are typed by one wrapper", () => {
    const methods = [AuthService, AccountService, TaskService].flatMap((service) => [...service.methods]);
    assert.deepEqual(methods.filter((method) => (method.methodKind as string) !== "unary"), []);
});

test("reasonOf takes anything", () => {
    assert.equal(reasonOf(new TypeError("Failed to fetch")), "NETWORK");
    assert.equal(reasonOf(new Error("x")), undefined);
    assert.equal(reasonOf(undefined), undefined);
});
