// Several tabs of one browser, and another browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { reasonOf } from "../src/index.js";
import { Browser } from "./browser.js";
import type { Tab } from "./browser.js";
import { World } from "./clock.js";
import { Server } from "./server.js";

const ANN = { email: "ann@example.com", password: "correct horse" };
const BOB = { email: "bob@example.com", password: "battery staple" };

/** A browser with `count` tabs, in which Ann is signed in. */
async function tabs(count: number, channel?: "none") {
    const world = new World();
    const server = new Server(world);
    const browser = new Browser(world, server);
    const open = () => browser.open(channel ? { channel } : {});
    const first = open();
    await world.until(first.tandem.signIn(ANN));
    const others = Array.from({ length: count - 1 }, open);
    await world.until(Promise.all(others.map((tab) => tab.tandem.restore())));
    return { world, server, browser, all: [first, ...others] as Tab[] };
}

function list(tab: Tab): Promise<unknown> {
    return tab.tandem.tasks.listTasks({});
}

test("three tabs refresh at once and all go on", async () => {
    const { world, server, all } = await tabs(3);
    for (const tab of all) tab.freeze();
    await world.advance(400_000);
    for (const tab of all) tab.thaw();
    const before = server.log.length;
    await world.until(Promise.all(all.map(list)));
    const refreshes = server.log.slice(before).filter((request) => request.method.endsWith("/RefreshTokens"));
    assert.equal(refreshes.length, 3);
    assert.equal(new Set(refreshes.map((request) => request.cookie)).size, 1, "all three with the same cookie");
    assert.equal(server.reuses, 0);
});

test("a sign-out in one tab ends all, at once", async () => {
    const { world, all, server, browser } = await tabs(3);
    const done = all[0]!.tandem.signOut();
    assert.equal(all[0]!.tandem.session.status, "signed-out");
    await world.until(done);
    await world.advance(10);
    assert.deepEqual(all.map((tab) => tab.tandem.session.state.endedBy), [undefined, "other-tab", "other-tab"]);
    for (const tab of all) await assert.rejects(list(tab), (error) => reasonOf(error) === "SIGNED_OUT");
    assert.equal(browser.cookie, undefined);
    assert.equal(browser.record, undefined);
    assert.ok([...server.sessions.values()].every((session) => session.revoked));
});

test("without a channel the other tabs notice at their next call", async () => {
    const { world, all } = await tabs(2, "none");
    await world.until(all[0]!.tandem.signOut());
    assert.equal(all[1]!.tandem.session.status, "signed-in");
    await assert.rejects(world.until(list(all[1]!)), (error) => reasonOf(error) === "TOKEN_REVOKED");
    await world.advance(100);
    assert.equal(all[1]!.tandem.session.status, "signed-out");
});

test("a tab that was frozen over a sign-out does not come back to life", async () => {
    const { world, all, server } = await tabs(2);
    all[1]!.freeze();
    await world.until(all[0]!.tandem.signOut());
    await world.advance(600_000);
    all[1]!.unfreeze();
    await world.advance(1_000);
    assert.equal(all[1]!.tandem.session.status, "signed-out");
    const calls = server.log.length;
    await assert.rejects(list(all[1]!), (error) => reasonOf(error) === "SIGNED_OUT");
    assert.equal(server.log.length, calls, "the call was not sent");
});

test("a refresh that a sign-out in this tab overtakes is dropped", async () => {
    const { world, browser, all } = await tabs(1);
    const [tab] = all;
    browser.weather = () => ({ fate: "ok", thereMs: 50, backMs: 2_000 });
    await world.advance(225_500);
    assert.equal(tab!.refreshing, 1);
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
    await world.until(tab!.tandem.signOut());
    await world.advance(5_000);
    assert.equal(tab!.tandem.session.status, "signed-out");
    assert.equal(browser.cookie, undefined, "the late answer did not set the cookie");
});

test("a restore that a sign-out in another tab overtakes is dropped", async () => {
    const { world, browser, all } = await tabs(1);
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 2_000 });
    const late = browser.open();
    const restored = late.tandem.restore();
    await world.advance(100);
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
    await world.until(all[0]!.tandem.signOut());
    assert.equal((await world.until(restored)).status, "signed-out");
});

test("a sign-in in another tab is taken over, with its account", async () => {
    const { world, all, server } = await tabs(2);
    await world.until(all[0]!.tandem.signIn(BOB));
    await world.advance(1_000);
    assert.equal(all[1]!.tandem.session.account?.email, BOB.email);
    assert.equal(all[0]!.tandem.session.state.sessionId, all[1]!.tandem.session.state.sessionId);
    assert.equal(server.reuses, 0);
});

test("without a channel a sign-in in another tab is found at the next refresh", async () => {
    const { world, all, server } = await tabs(2, "none");
    await world.until(all[0]!.tandem.signIn(BOB));
    await world.advance(240_000);
    assert.equal(all[1]!.tandem.session.account?.email, BOB.email);
    assert.equal(server.reuses, 0);
});

test("what one account began is never sent or shown in the session of another", async () => {
    const { world, all, server, browser } = await tabs(2, "none");
    // The refresh that this call waits for finds Bob's session in the cookie.
    all[1]!.freeze();
    await world.until(all[0]!.tandem.signIn(BOB));
    await world.advance(400_000);
    all[1]!.thaw();
    const created = all[1]!.tandem.createTask({ title: "Ann's secret" });
    await assert.rejects(world.until(created), (error) => reasonOf(error) === "SESSION_REPLACED");
    assert.equal(server.tasks.size, 0);
    // An answer that is under way over a change of the session.
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 500 });
    const listed = list(all[1]!);
    await world.advance(100);
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
    const signIn = all[1]!.tandem.signIn(ANN);
    await assert.rejects(world.until(listed), (error) => reasonOf(error) === "SESSION_REPLACED");
    await world.until(signIn);
});

test("a call that waits for its retry is not sent after a sign-out", async () => {
    const { world, browser, server, all } = await tabs(1);
    const [tab] = all;
    browser.weather = () => ({ fate: "unreached", thereMs: 5, backMs: 5 });
    const listed = list(tab!);
    listed.catch(() => {});
    await world.advance(50);
    browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
    tab!.left = new Set(server.sessions.keys());
    const out = tab!.tandem.signOut();
    await assert.rejects(world.until(listed), (error) => reasonOf(error) === "SIGNED_OUT");
    await world.until(out);
    assert.deepEqual(tab!.indiscreet, []);
    assert.equal(server.log.filter((request) => request.method.endsWith("/ListTasks")).length, 0);
});

test("a sign-out without network is done when the network is back, also after a reload", async () => {
    for (const reload of [false, true]) {
        const { world, browser, server, all } = await tabs(1);
        browser.weather = () => ({ fate: "unreached", thereMs: 5, backMs: 5 });
        await assert.rejects(world.until(all[0]!.tandem.signOut()), (error) => reasonOf(error) === "NETWORK");
        assert.equal(all[0]!.tandem.session.status, "signed-out");
        assert.equal(all[0]!.tandem.session.state.problem?.reason, "NETWORK");
        browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
        const tab = reload ? browser.open() : all[0]!;
        if (reload) assert.equal((await world.until(tab.tandem.restore())).status, "signed-out");
        else tab.resume(false);
        await world.advance(5_000);
        assert.ok([...server.sessions.values()].every((session) => session.revoked));
        assert.equal(browser.cookie, undefined);
        assert.equal(tab.tandem.session.status, "signed-out");
    }
});

test("a sign-out while a sign-in is under way wins", async () => {
    const { world, browser, server } = await tabs(1);
    const tab = browser.open({ channel: "none" });
    const signIn = tab.tandem.signIn(BOB);
    signIn.catch(() => {});
    await world.advance(7);
    await world.until(tab.tandem.signOut());
    await assert.rejects(world.until(signIn), (error) => reasonOf(error) === "SESSION_REPLACED");
    assert.equal(tab.tandem.session.status, "signed-out");
    assert.ok([...server.sessions.values()].find((session) => session.email === BOB.email)!.revoked);
});

test("a copy of the cookie in another browser is found as reuse", async () => {
    const { world, browser, server, all } = await tabs(1);
    const thief = new Browser(world, server);
    thief.cookie = browser.cookie;
    const tab = thief.open();
    assert.equal((await world.until(tab.tandem.restore())).status, "signed-in");
    // The next refresh of the victim presents the generation before, and another tag than the thief's.
    await world.advance(240_000);
    assert.equal(server.reuses, 1);
    assert.equal(reasonOf(all[0]!.tandem.session.state.endedBy), "REFRESH_TOKEN_REUSED");
    await world.advance(240_000);
    assert.equal(tab.tandem.session.status, "signed-out");
});

test("hints that are none are ignored", async () => {
    const { world, all } = await tabs(1);
    for (const data of [null, 1, "x", {}, { sessionId: 1, generation: 2, signedOut: true }, { sessionId: "other", generation: 1, signedOut: true }]) {
        all[0]!.deliver(data as never);
    }
    await world.advance(100);
    assert.equal(all[0]!.tandem.session.status, "signed-in");
});
