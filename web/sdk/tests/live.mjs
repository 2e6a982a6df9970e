// The built SDK against a running gateway: node tests/live.mjs ADDRESS connect|grpc-web cookie|memory
// Cookies are kept by a small jar, as a browser keeps them. The wall clock is set forward where a token has to expire.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { TandemError, TaskStatus, createTandem, reasonOf } from "../dist/index.js";

// Browsers and Node.js 20 have it.
globalThis.crypto ??= webcrypto;

const [address, transport, refreshToken] = process.argv.slice(2);
const origin = `http://${address}`;
const LIMIT_MS = 20_000;

/** One browser: a jar, a record of the tag, and how the network treats the next requests. */
class Browser {
    jar = new Map();
    record;
    sent = [];
    /** For each of the next requests: whether its answer is lost. */
    losses = [];

    storage = { update: async (change) => (this.record = change(this.record)) };

    fetch = async (url, init) => {
        const headers = new Headers(init.headers);
        headers.set("origin", origin);
        headers.set("sec-fetch-site", "same-origin");
        if (this.jar.size > 0) headers.set("cookie", [...this.jar].map(([name, value]) => `${name}=${value}`).join("; "));
        this.sent.push({ method: new URL(url).pathname.split("/").pop(), headers });
        const lost = this.losses.shift();
        const response = await fetch(url, { ...init, headers });
        if (lost) {
            await response.arrayBuffer();
            throw new TypeError("the answer was lost");
        }
        const cookie = response.headers.get("set-cookie");
        if (cookie) this.keep(cookie);
        return response;
    };

    keep(cookie) {
        const [pair, ...attributes] = cookie.split(/; */);
        const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
        const lower = attributes.map((attribute) => attribute.toLowerCase());
        for (const needed of ["httponly", "samesite=strict", "path=/"]) assert.ok(lower.includes(needed), cookie);
        if (lower.includes("max-age=0") || value === "") this.jar.delete(name);
        else this.jar.set(name, value);
    }

    open() {
        const { storage, fetch, clock } = this;
        return createTandem({ baseUrl: origin, transport, refreshToken, storage, channel: "none", fetch, clock });
    }

    /** What the SDK takes for the time. */
    ahead = 0;
    clock = {
        now: () => Date.now() + this.ahead,
        monotonic: () => performance.now(),
        after(delay, action) {
            const timer = setTimeout(action, delay);
            return () => clearTimeout(timer);
        },
    };

    expireTokens() {
        this.ahead += 3_600_000;
    }

    count(method) {
        return this.sent.filter((request) => request.method === method).length;
    }
}

async function rejects(promise, reason) {
    await assert.rejects(promise, (error) => {
        assert.ok(error instanceof TandemError, String(error));
        assert.equal(reasonOf(error), reason, error.message);
        return true;
    });
}

/** Waits until the state is as `wanted` says. */
function become(tandem, wanted) {
    return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`still ${JSON.stringify(tandem.session.state)}`)), LIMIT_MS);
        const look = (state) => {
            if (!wanted(state)) return;
            clearTimeout(late);
            resolve(state);
        };
        tandem.session.subscribe(look);
        look(tandem.session.state);
    });
}

let people = 0;
function person() {
    people += 1;
    return { email: `person-${people}-${process.pid}@example.com`, password: `a long password ${people}` };
}

/** What a page does with one session. */
async function everyday() {
    const browser = new Browser();
    const tandem = browser.open();
    const ann = person();
    await rejects(tandem.signUp({ ...ann, password: "short" }), "FIELD_INVALID");
    const account = await tandem.signUp({ ...ann, displayName: "Ann", deviceLabel: "live test" });
    assert.equal(account.displayName, "Ann");
    await rejects(tandem.signUp(ann), "EMAIL_TAKEN");

    // The answer of the first attempt is lost; the second has the same request id.
    browser.losses.push(true);
    const task = await tandem.createTask({ title: "Buy milk", labels: ["home"] });
    const { tasks } = await tandem.tasks.listTasks({});
    assert.deepEqual(tasks.map(({ id }) => id), [task.id]);

    const done = await tandem.updateTask(task, { status: TaskStatus.COMPLETED });
    assert.equal(done.status, TaskStatus.COMPLETED);
    await rejects(tandem.updateTask(task, { title: "Buy tea" }), "ETAG_MISMATCH");
    const merged = await tandem.updateTask(task, { title: "Buy tea" }, { onConflict: ({ title }) => ({ title: `${title}, tea` }) });
    assert.equal(merged.title, "Buy milk, tea");

    const empty = await tandem.createTask({ title: "" }).catch((error) => error);
    assert.deepEqual(empty.violations.map(({ field }) => field), ["task.title"]);
    assert.ok(empty.requestId);
    await rejects(tandem.tasks.getTask({ id: "01890a5d-ac96-774b-bcce-b302099a8057" }), "TASK_NOT_FOUND");

    // Access tokens expire: the next calls need new ones, and nobody thinks of it.
    for (const times of [1, 2, 3]) {
        browser.expireTokens();
        await Promise.all(Array.from({ length: 5 }, () => tandem.tasks.listTasks({})));
        assert.equal(browser.count("RefreshTokens"), times);
    }
    // The answer of a refresh is lost: the call waits for another one, which gets the same session.
    browser.expireTokens();
    browser.losses.push(true);
    await tandem.tasks.listTasks({});
    assert.equal(browser.count("RefreshTokens"), 5);
    assert.equal(tandem.session.status, "signed-in");

    await rejects(tandem.changePassword({ currentPassword: "wrong password", newPassword: "another password" }), "CREDENTIALS_INVALID");
    await tandem.changePassword({ currentPassword: ann.password, newPassword: "another password" });
    await tandem.tasks.listTasks({});
    browser.expireTokens();
    await tandem.tasks.listTasks({});

    await tandem.signOut();
    assert.equal(tandem.session.status, "signed-out");
    await rejects(tandem.tasks.listTasks({}), "SIGNED_OUT");
    await rejects(tandem.signIn(ann), "CREDENTIALS_INVALID");
    await tandem.signIn({ ...ann, password: "another password" });
    await tandem.deleteAccount("another password");
    assert.equal(tandem.session.status, "signed-out");
    tandem.close();
}

/** A session that is ended from another device. */
async function ended() {
    const ann = person();
    const [here, there] = [new Browser().open(), new Browser().open()];
    await here.signUp(ann);
    await there.signIn(ann);
    await there.account.revokeOtherSessions({});
    // A verifier learns of it within half a second.
    const late = performance.now() + LIMIT_MS;
    const refused = async () => {
        while (performance.now() < late) await here.tasks.listTasks({});
    };
    await rejects(refused(), "TOKEN_REVOKED");
    await become(here, ({ status }) => status === "signed-out");
    assert.ok(["SESSION_REVOKED", "REFRESH_TOKEN_INVALID"].includes(reasonOf(here.session.state.endedBy)));
    here.close();
    there.close();
}

/** What the cookie is for. */
async function cookies() {
    const browser = new Browser();
    const ann = person();
    const first = browser.open();
    await first.signUp(ann);
    assert.equal(browser.jar.size, 1);

    // Three tabs, two of them after a reload, refresh at once.
    const tabs = [first, browser.open(), browser.open()];
    await Promise.all(tabs.slice(1).map((tab) => tab.restore()));
    assert.deepEqual(tabs.map((tab) => tab.session.account?.email), [ann.email, ann.email, ann.email]);
    await Promise.all(tabs.map((tab) => tab.restore()));

    // A refresh whose answer is lost.
    browser.losses.push(true);
    const again = browser.open();
    assert.equal((await again.restore()).problem?.reason, "NETWORK");
    assert.equal((await again.restore()).status, "signed-in");

    // The tag is erased while the cookie stays.
    browser.record = undefined;
    const erased = browser.open();
    assert.equal((await erased.restore()).status, "signed-in");

    // Another person signs in, in another tab: the tabs go over to that session.
    const bob = person();
    await tabs[1].signUp(bob);
    browser.expireTokens();
    await rejects(tabs[0].createTask({ title: "of the person before" }), "SESSION_REPLACED");
    await become(tabs[0], ({ account }) => account?.email === bob.email);

    // A copy of the cookie elsewhere.
    const thief = new Browser();
    thief.jar = new Map(browser.jar);
    for (const tab of [...tabs, again, erased]) tab.close();
    assert.equal((await thief.open().restore()).status, "signed-in");
    const victim = browser.open();
    const state = await victim.restore();
    assert.equal(reasonOf(state.endedBy), "REFRESH_TOKEN_REUSED");
    victim.close();

    // A sign-out erases the cookie.
    await victim.signIn(ann);
    await victim.signOut();
    assert.equal(browser.jar.size, 0);
    assert.equal((await browser.open().restore()).status, "signed-out");
}

await everyday();
await ended();
if (refreshToken === "cookie") await cookies();
console.log("done");
process.exit(0);
