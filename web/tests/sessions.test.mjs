// The session of a browser, over reloads, tabs, lost answers and frozen tabs. The access tokens of these tests live for a minute,
// the shortest that can be set.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as passed } from "node:timers/promises";
import { clientOf, createTandem, reasonOf } from "./api.mjs";
import { ORIGIN, PASSWORD, add, item, profile, profileOfAllTests, signIn, signUp } from "./browser.mjs";

const REFRESH = "**/tandem.auth.v1.AuthService/RefreshTokens";
const ACCESS_TTL_MS = 60_000;
/** Makes a tab look again, as after a freeze. */
const wake = () => void document.dispatchEvent(new Event("resume"));
const browser = profileOfAllTests();


const button = (page, name) => page.getByRole("button", { name, exact: true });
const signedOut = (page) => page.getByRole("heading", { name: "Sign in" }).waitFor();

async function newAccount() {
    const page = await browser.open();
    return { page, email: await signUp(page) };
}


test("a reload keeps the session, and no token is where a script could find it", async () => {
    const { page } = await newAccount();
    await add(page, "Before the reload");
    await page.reload();
    await item(page, "Before the reload").waitFor();
    const stored = await page.evaluate(async () => {
        const names = (await indexedDB.databases()).map((database) => database.name);
        return { cookie: document.cookie, local: { ...localStorage }, session: { ...sessionStorage }, names };
    });
    assert.deepEqual(stored, { cookie: "", local: {}, session: {}, names: ["tandem"] });
    const [cookie] = await browser.context.cookies(ORIGIN);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, "Strict");
});

test("three tabs refresh at once, and all of them go on", async () => {
    const { page } = await newAccount();
    await add(page, "Shared");
    const tabs = [page, await browser.open(), await browser.open()];
    for (const tab of tabs) await item(tab, "Shared").waitFor();
    for (let round = 0; round < 3; round += 1) {
        // Held until all three have asked.
        const held = [];
        for (const tab of tabs) await tab.route(REFRESH, (route) => void held.push(route), { times: 1 });
        const answers = tabs.map((tab) => tab.waitForResponse(REFRESH));
        await Promise.all(tabs.map((tab) => tab.evaluate(wake)));
        while (held.length < 3) await passed(20);
        await Promise.all(held.map((route) => route.continue()));
        for (const answer of answers) assert.equal((await answer).status(), 200);
        for (const [number, tab] of tabs.entries()) await add(tab, `Round ${round}, tab ${number}`);
    }
    for (const tab of tabs) {
        await tab.reload();
        await item(tab, "Round 2, tab 0").waitFor();
    }
});

test("a lost answer to a refresh does not sign out", async () => {
    const { page } = await newAccount();
    let lost = 0;
    await page.route(REFRESH, async (route) => {
        // The server answers, and the page never hears of it.
        const answer = await route.fetch();
        assert.equal(answer.status(), 200);
        lost += 1;
        await route.abort("connectionreset");
    }, { times: 2 });
    await page.reload();
    const again = button(page, "Try again");
    while (lost < 2) {
        if (await again.isVisible()) await again.click();
        await passed(50);
    }
    while (!(await page.getByRole("heading", { name: "Tasks" }).isVisible())) {
        if (await again.isVisible()) await again.click();
        await passed(50);
    }
    await add(page, "Still here");
    await page.reload();
    await item(page, "Still here").waitFor();
});

test("a tab that was frozen for longer than its token lives goes on", async () => {
    const { page } = await newAccount();
    const other = await browser.open();
    await other.getByRole("heading", { name: "Tasks" }).waitFor();
    const cdp = await browser.context.newCDPSession(page);
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await passed(ACCESS_TTL_MS + 2_000);
    // Meanwhile the other tab has replaced the tokens.
    await add(other, "While the other tab slept");
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    await add(page, "Awake");
    await page.reload();
    await item(page, "While the other tab slept").waitFor();
});

test("a sign-out in one tab ends all of them, and the server knows", async () => {
    const { page, email } = await newAccount();
    await add(page, "Private");
    const other = await browser.open();
    await item(other, "Private").waitFor();
    const frozen = await browser.open();
    await item(frozen, "Private").waitFor();
    const cdp = await browser.context.newCDPSession(frozen);
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await button(page, "Sign out").click();
    for (const tab of [page, other]) {
        await signedOut(tab);
        assert.ok(!(await tab.content()).includes("Private"));
    }
    await other.getByText("You signed out in another tab.").waitFor();
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    await signedOut(frozen);
    await frozen.reload();
    await signedOut(frozen);
    const client = await clientOf(ORIGIN, email, PASSWORD);
    assert.equal((await client.account.listSessions({})).sessions.length, 1);
    client.close();
});

test("a sign-out that does not reach the server ends the session here, and there as soon as it can", async () => {
    const { page, email } = await newAccount();
    const SIGN_OUT = "**/tandem.auth.v1.AuthService/SignOut";
    await page.route(SIGN_OUT, (route) => route.abort("internetdisconnected"));
    await button(page, "Sign out").click();
    await signedOut(page);
    await page.getByText("You are signed out here. The server could not be reached").waitFor();
    await page.unroute(SIGN_OUT);
    await page.reload();
    await signedOut(page);
    const client = await clientOf(ORIGIN, email, PASSWORD);
    while ((await client.account.listSessions({})).sessions.length > 1) await passed(100);
    client.close();
});

test("the sessions are listed, and one that is ended elsewhere says so", async () => {
    const { page, email } = await newAccount();
    const elsewhere = await profile();
    try {
        const theirs = await elsewhere.open();
        await signIn(theirs, email);
        await theirs.getByRole("heading", { name: "Tasks" }).waitFor();
        const client = await clientOf(ORIGIN, email, PASSWORD);
        await page.goto(`${ORIGIN}/app/settings/sessions`);
        await button(page, "End the session of A test").click();
        await page.locator("#status", { hasText: "Ended the session of A test" }).waitFor();
        assert.equal(await page.locator(".rows li").count(), 2);
        await assert.rejects(client.account.listSessions({}), (error) => /^(SESSION_REVOKED|TOKEN_REVOKED|REFRESH_TOKEN_INVALID|SIGNED_OUT)$/.test(reasonOf(error)));
        client.close();
        await button(page, "End all other sessions").click();
        await page.locator("#status", { hasText: "Ended 1 other session" }).waitFor();
        await theirs.reload();
        await signedOut(theirs);
        assert.deepEqual(elsewhere.faults, []);
    } finally {
        await elsewhere.close();
    }
    await page.reload();
    await page.getByText("This device").waitFor();
});

test("a new password keeps this session and ends the others", async () => {
    const { page, email } = await newAccount();
    const client = await clientOf(ORIGIN, email, PASSWORD);
    await page.goto(`${ORIGIN}/app/settings/password`);
    const fill = async (current, next) => {
        await page.getByLabel("Current password").fill(current);
        await page.getByLabel("New password").fill(next);
        await button(page, "Change password").click();
    };
    await fill("not my password", "new rivers carry stones");
    await page.getByText("This is not your current password.").waitFor();
    await fill(PASSWORD, "short");
    await page.locator("[aria-invalid]").waitFor();
    await fill(PASSWORD, "new rivers carry stones");
    await page.getByText("The password was changed. Other devices have to sign in again.").waitFor();
    await assert.rejects(client.account.listSessions({}));
    client.close();
    await page.reload();
    await page.getByRole("heading", { name: "Password" }).waitFor();
    await button(page, "Sign out").click();
    await signedOut(page);
    await signIn(page, email, "new rivers carry stones");
    await page.getByRole("heading", { name: "Tasks" }).waitFor();
});

test("the secret of an API key is shown once and works until the key is revoked", async () => {
    const { page } = await newAccount();
    await page.goto(`${ORIGIN}/app/settings/api-keys`);
    await page.getByLabel("What is it for?").fill("Backup script");
    await page.getByLabel("What may it do?").selectOption("read");
    await page.getByLabel("Your current password").fill("wrong password");
    await button(page, "Create key").click();
    await page.getByText("This is not your current password.").waitFor();
    await page.getByLabel("Your current password").fill(PASSWORD);
    await button(page, "Create key").click();
    const field = page.getByLabel("Secret of the new key");
    await field.waitFor();
    const secret = await field.inputValue();
    const program = createTandem({ baseUrl: ORIGIN, transport: "grpc-web", refreshToken: "memory", storage: "memory", channel: "none" });
    const { scopes } = await program.auth.exchangeApiKey({ apiKey: secret });
    assert.deepEqual(scopes, ["tasks.read"]);
    await page.getByText("only reads tasks").waitFor();
    await button(page, "I have stored it").click();
    assert.ok(!(await page.content()).includes(secret));
    await page.reload();
    await button(page, "Revoke Backup script").click();
    await page.getByText("You have no API keys.").waitFor();
    await assert.rejects(program.auth.exchangeApiKey({ apiKey: secret }), (error) => reasonOf(error) === "API_KEY_INVALID");
    program.close();
});

test("an account is deleted with its password, in all tabs", async () => {
    const { page, email } = await newAccount();
    const other = await browser.open();
    await other.getByRole("heading", { name: "Tasks" }).waitFor();
    await page.goto(`${ORIGIN}/app/settings/delete-account`);
    await page.getByLabel("Your current password").fill("wrong password");
    await button(page, "Delete this account for good").click();
    await page.getByText("This is not your current password.").waitFor();
    await page.getByLabel("Your current password").fill(PASSWORD);
    await button(page, "Delete this account for good").click();
    await signedOut(page);
    await signedOut(other);
    await signIn(page, email);
    await page.getByText("The email address or the password is wrong.").waitFor();
});
