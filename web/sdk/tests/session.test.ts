// The session of one browser, on the wire, with the clock in the hand of the test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { reasonOf } from "../src/index.js";
import type { SessionState } from "../src/index.js";
import { Browser } from "./browser.js";
import type { Tab, Weather } from "./browser.js";
import { World, settle } from "./clock.js";
import { Refusal, Server } from "./server.js";

const CREDENTIALS = { email: "ann@example.com", password: "correct horse" };

function setUp(): { world: World; server: Server; browser: Browser } {
    const world = new World();
    const server = new Server(world);
    return { world, server, browser: new Browser(world, server) };
}

async function signedIn() {
    const all = setUp();
    const tab = all.browser.open();
    await all.world.until(tab.tandem.signIn(CREDENTIALS));
    return { ...all, tab };
}

function calls(server: Server, method: string): number {
    return server.log.filter((request) => request.method.endsWith(`/${method}`)).length;
}

function list(tab: Tab): Promise<unknown> {
    return tab.tandem.tasks.listTasks({});
}

function bearer(server: Server): string | null {
    return server.log.at(-1)!.headers.get("authorization");
}

test("a sign-in keeps the tag, and no token is written anywhere", async () => {
    const { browser, server, tab } = await signedIn();
    assert.equal(tab.tandem.session.status, "signed-in");
    assert.equal(tab.tandem.session.account?.email, CREDENTIALS.email);
    assert.equal(browser.record?.tag.length, 32);
    assert.equal(browser.record.sessionId, tab.tandem.session.state.sessionId);
    const [session] = server.sessions.values();
    assert.equal(session!.tag, String(browser.record.tag));
    const written = JSON.stringify([browser.written, tab.tandem.session.state]);
    for (const secret of server.secrets) assert.ok(!written.includes(secret));
});

test("every sign-in makes a new tag", async () => {
    const { world, browser, tab } = await signedIn();
    const first = String(browser.record?.tag);
    await world.until(tab.tandem.signIn(CREDENTIALS));
    assert.notEqual(String(browser.record?.tag), first);
});

test("after a reload the cookie brings the session and the account back", async () => {
    const { world, browser } = await signedIn();
    const tab = browser.open();
    assert.equal(tab.tandem.session.status, "unknown");
    const state = await world.until(tab.tandem.restore());
    assert.equal(state.status, "signed-in");
    assert.equal(state.account?.email, CREDENTIALS.email);
});

test("without a cookie a reload is signed out, without a reason", async () => {
    const { world, browser } = setUp();
    const state = await world.until(browser.open().tandem.restore());
    assert.deepEqual(state, { status: "signed-out", endedBy: undefined });
});

test("the first call finds out by itself who is signed in", async () => {
    const { world, browser, server } = await signedIn();
    const tab = browser.open();
    await world.until(list(tab));
    assert.equal(calls(server, "RefreshTokens"), 1);
    assert.equal(tab.tandem.session.status, "signed-in");
});

test("a token is refreshed before it expires, and calls do not wait for it", async () => {
    const { world, server, tab } = await signedIn();
    await world.advance(209_000);
    assert.equal(calls(server, "RefreshTokens"), 0);
    await world.advance(21_000);
    assert.equal(calls(server, "RefreshTokens"), 1);
    await world.until(list(tab));
    assert.equal(calls(server, "RefreshTokens"), 1);
});

test("a hidden page refreshes when it is visible again", async () => {
    const { world, server, tab } = await signedIn();
    tab.hidden = true;
    await world.advance(3_600_000);
    assert.equal(calls(server, "RefreshTokens"), 0);
    tab.hidden = false;
    tab.resume(false);
    await world.advance(1_000);
    assert.equal(calls(server, "RefreshTokens"), 1);
});

for (const [what, disturb] of [
    ["the wall clock is set back", (tab: Tab) => (tab.clock.wallShift = -7_200_000)],
    ["the monotonic clock stops in sleep", (tab: Tab) => (tab.clock.asleep = 600_000)],
] as const) {
    test(`a token that expired while ${what} is not sent`, async () => {
        const { world, server, tab } = await signedIn();
        tab.freeze();
        await world.advance(600_000);
        tab.thaw();
        disturb(tab);
        await world.until(list(tab));
        const refused = server.log.filter((request) => request.method.endsWith("/ListTasks"));
        assert.equal(refused.length, 1);
        assert.equal(calls(server, "RefreshTokens"), 1);
    });
}

test("many calls at once share one refresh", async () => {
    const { world, server, tab } = await signedIn();
    tab.freeze();
    await world.advance(400_000);
    tab.thaw();
    await world.until(Promise.all(Array.from({ length: 20 }, () => list(tab))));
    assert.equal(calls(server, "RefreshTokens"), 1);
    assert.equal(tab.mostRefreshing, 1);
});

test("a lost refresh answer does not sign out, and the same tag gets the same session", async () => {
    const { world, browser, server, tab } = await signedIn();
    let fate: Weather["fate"] = "lost";
    browser.weather = () => ({ fate, thereMs: 5, backMs: 5 });
    await world.advance(226_000);
    assert.equal(tab.tandem.session.state.problem?.reason, "NETWORK");
    assert.equal(tab.tandem.session.status, "signed-in");
    fate = "ok";
    await world.advance(60_000);
    assert.equal(tab.tandem.session.state.problem, undefined);
    assert.equal(server.reuses, 0);
    await world.until(list(tab));
});

test("a reload without network stays unknown, and goes on when the network is back", async () => {
    const { world, browser } = await signedIn();
    browser.weather = () => ({ fate: "unreached", thereMs: 5, backMs: 5 });
    const tab = browser.open();
    const state = await world.until(tab.tandem.restore());
    assert.equal(state.status, "unknown");
    assert.equal(state.problem?.reason, "NETWORK");
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
    tab.resume(false);
    await world.advance(100);
    assert.equal(tab.tandem.session.status, "signed-in");
});

test("the server's wait is kept: no refresh before it is over", async () => {
    const { world, server, tab } = await signedIn();
    server.refusals.push(new Refusal("RESOURCE_EXHAUSTED", "RATE_LIMITED", { retryAfterMs: 40_000 }));
    await world.advance(226_000);
    assert.equal(calls(server, "RefreshTokens"), 1);
    await world.advance(38_000);
    assert.equal(calls(server, "RefreshTokens"), 1);
    await world.advance(2_000);
    assert.equal(calls(server, "RefreshTokens"), 2);
    assert.equal(tab.tandem.session.state.problem, undefined);
});

for (const reason of ["REFRESH_TOKEN_EXPIRED", "REFRESH_TOKEN_REUSED", "SESSION_REVOKED"]) {
    test(`${reason} signs out and says why`, async () => {
        const { world, server, browser, tab } = await signedIn();
        server.refusals.push(new Refusal("UNAUTHENTICATED", reason));
        await world.advance(226_000);
        const { status, endedBy } = tab.tandem.session.state;
        assert.equal(status, "signed-out");
        assert.equal(reasonOf(endedBy), reason);
        assert.equal(browser.record, undefined);
    });
}

for (const refusal of [
    new Refusal("UNAVAILABLE", "DRAINING", { retryAfterMs: 100 }),
    new Refusal("ABORTED", "CONFLICT"),
    new Refusal("UNAUTHENTICATED", "REFRESH_TOKEN_STALE"),
    new Refusal("UNAUTHENTICATED", "REFRESH_TOKEN_INVALID"),
]) {
    test(`one ${refusal.reason} does not sign out`, async () => {
        const { world, server, tab } = await signedIn();
        server.refusals.push(refusal);
        await world.advance(240_000);
        assert.equal(tab.tandem.session.status, "signed-in");
        assert.equal(tab.tandem.session.state.problem, undefined);
        assert.equal(calls(server, "RefreshTokens"), 2);
    });
}

test("a session that was ended from another device is noticed at the first refused call", async () => {
    const { world, server, tab } = await signedIn();
    const [id] = server.sessions.keys();
    server.end(id!);
    await assert.rejects(world.until(list(tab)), (error) => reasonOf(error) === "TOKEN_REVOKED");
    await world.advance(100);
    assert.equal(reasonOf(tab.tandem.session.state.endedBy), "SESSION_REVOKED");
});

test("erased storage: a new tag goes with the next refresh, and the session goes on", async () => {
    const { world, browser, server } = await signedIn();
    browser.record = undefined;
    const tab = browser.open();
    await world.until(tab.tandem.restore());
    const [session] = server.sessions.values();
    assert.equal(session!.tag, String(browser.record!.tag));
    assert.equal(browser.record!.sessionId, session!.id);
    assert.equal(server.reuses, 0);
});

test("a sign-in without any storage, and with one that hangs or fails, still works", async () => {
    const broken = [
        "memory" as const,
        { update: () => new Promise<undefined>(() => {}) },
        { update: () => Promise.reject(new DOMException("", "DataCloneError")) },
        {
            update: () => {
                throw new Error("SecurityError");
            },
        },
    ];
    for (const storage of broken) {
        const { world, browser, server } = setUp();
        const tab = browser.open({ storage });
        await world.until(tab.tandem.signIn(CREDENTIALS), 3_000);
        await world.advance(1_000_000);
        assert.equal(tab.tandem.session.status, "signed-in");
        assert.ok(calls(server, "RefreshTokens") >= 4);
        assert.equal(server.reuses, 0);
    }
});

test("a password change keeps the session of all tabs, with new tokens", async () => {
    const { world, browser, tab, server } = await signedIn();
    const other = browser.open();
    await world.until(other.tandem.restore());
    await world.until(tab.tandem.changePassword({ currentPassword: "a", newPassword: "b" }));
    await world.advance(100);
    await world.until(list(tab));
    await world.until(list(other));
    const refused = server.log.filter((request) => request.method.endsWith("/ListTasks")).length;
    assert.equal(refused, 2, "no call was sent with a token that the change had voided");
});

test("listeners hear of every change once, and one that throws stops nobody", async () => {
    const { world, browser } = setUp();
    const tab = browser.open();
    const states: SessionState[] = [];
    const thrown: unknown[] = [];
    globalThis.reportError = (error) => thrown.push(error);
    tab.tandem.session.subscribe(() => {
        throw new Error("a listener's fault");
    });
    const stop = tab.tandem.session.subscribe((state) => states.push(state));
    await world.until(tab.tandem.signIn(CREDENTIALS));
    stop();
    await world.until(tab.tandem.signOut());
    Reflect.deleteProperty(globalThis, "reportError");
    assert.deepEqual(states.map(({ status }) => status), ["signed-in"]);
    assert.equal(thrown.length, 2);
});

test("a listener may call and sign out", async () => {
    const { world, browser } = setUp();
    const tab = browser.open();
    let done: Promise<void> | undefined;
    tab.tandem.session.subscribe(async ({ status }) => {
        if (status !== "signed-in" || done) return;
        done = list(tab).then(() => tab.tandem.signOut());
    });
    await world.until(tab.tandem.signIn(CREDENTIALS));
    await world.until(done!);
    assert.equal(tab.tandem.session.status, "signed-out");
});

test("a closed client does nothing more", async () => {
    const { world, server, tab } = await signedIn();
    tab.tandem.close();
    await world.advance(1_000_000);
    await settle();
    assert.equal(calls(server, "RefreshTokens"), 0);
});

test("a bearer is sent with calls of the account, and with no other", async () => {
    const { world, server, tab } = await signedIn();
    assert.equal(bearer(server), null);
    await world.until(list(tab));
    assert.match(bearer(server)!, /^Bearer at\./);
    await world.until(tab.tandem.auth.getJsonWebKeySet({}));
    assert.equal(bearer(server), null);
});
