// Chromium for the tests of the console. TEST_CHROMIUM names the program, TEST_CONSOLE the address of a running gateway.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { chromium } from "playwright-core";

export const ORIGIN = required("TEST_CONSOLE").replace(/\/$/, "");
export const PASSWORD = "quiet rivers carry stones";
/** Longer than anything takes, also on a machine that builds beside the tests: only a test that fails waits this long. */
export const PATIENCE_MS = 120_000;

function required(name) {
    const value = process.env[name];
    if (!value) throw new Error(`${name} is not set: run make test`);
    return value;
}

const ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/** A browser profile of its own, with pages of the console. `close` ends it. */
export async function profile(options = {}) {
    const folder = await mkdtemp(join(tmpdir(), "tandem-console-"));
    const context = await chromium.launchPersistentContext(folder, {
        executablePath: required("TEST_CHROMIUM"),
        headless: true,
        timeout: PATIENCE_MS,
        args: ARGUMENTS,
        locale: "en-GB",
        viewport: { width: 1100, height: 800 },
        ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const faults = [];
    context.on("page", (page) => watch(page, faults));
    for (const page of context.pages()) watch(page, faults);
    return {
        context,
        /** What no page may ever do: throw, or be stopped by the policy of the page. */
        faults,
        async open(path = "/app/") {
            const page = await context.newPage();
            const answer = await page.goto(ORIGIN + path);
            if (answer.status() === 404) throw new Error("the gateway has no console: run make test");
            return page;
        },
        async close() {
            await context.close();
            await rm(folder, { recursive: true, force: true });
        },
    };
}

/** One profile for all tests of a file. Each test begins without a page and without a cookie, and none may have faults. */
export function profileOfAllTests() {
    const shared = {};
    before(async () => Object.assign(shared, await profile()));
    afterEach(async () => {
        for (const page of shared.context.pages()) await page.close();
        await shared.context.clearCookies();
        assert.deepEqual(shared.faults, []);
    });
    after(() => shared.close?.());
    return shared;
}

function watch(page, faults) {
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
        if (/Content.Security.Policy|TrustedHTML|TrustedScript/i.test(message.text())) faults.push(message.text());
    });
}

let accounts = 0;

/** An email address that no other test has. */
export function freshEmail(name = "ada") {
    accounts += 1;
    return `${name}.${process.pid}.${Date.now()}.${accounts}@example.com`;
}

/** Creates an account on the page, and waits for its empty list. */
export async function signUp(page, email = freshEmail()) {
    await page.goto(`${ORIGIN}/app/sign-up`);
    await page.getByLabel("Email address").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("heading", { name: "Tasks" }).waitFor();
    return email;
}

export async function signIn(page, email, password = PASSWORD) {
    await page.getByLabel("Email address").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
}

/** Writes a task into the field for new ones. */
export async function add(page, title) {
    const field = page.getByRole("textbox", { name: "New task" });
    await field.fill(title);
    await field.press("Enter");
    await item(page, title).waitFor();
}

/** The item of a task in the list. */
export function item(page, title) {
    return page.locator("li.task", { hasText: title });
}

/** The tasks that the page shows, from the top. */
export function titles(page) {
    return page.locator("li.task .title").allTextContents();
}
