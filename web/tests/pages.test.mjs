// Every page, for everyone: screen readers, keyboards, small screens, large texts, dark rooms. Screenshots go to TEST_SCREENSHOTS.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ORIGIN, add, item, profile, signUp } from "./browser.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = process.env.TEST_SCREENSHOTS;
const WIDE = { width: 1100, height: 800 };
/** 320 CSS pixels: what 1280 pixels are at 400 % (WCAG 2.2, 1.4.10). */
const NARROW = { width: 320, height: 640 };

let browser;
let page;

before(async () => {
    // axe is put into the page by the debugger, past the policy that forbids foreign scripts.
    browser = await profile({ bypassCSP: true, viewport: WIDE });
    page = await browser.open();
    if (folder) await mkdir(folder, { recursive: true });
});
after(() => browser?.close());

const button = (name) => page.getByRole("button", { name, exact: true });
const settings = (name) => async () => {
    await page.goto(`${ORIGIN}/app/settings/${name}`);
    await page.locator("h2").waitFor();
    await page.locator(".late").waitFor({ state: "detached" });
};

/** Each page with everything on it that it can show. */
const SIGNED_OUT = {
    "sign-in": () => page.goto(`${ORIGIN}/app/`).then(() => page.getByRole("heading", { name: "Sign in" }).waitFor()),
    "sign-up-refused": async () => {
        await page.goto(`${ORIGIN}/app/sign-up`);
        await button("Create account").click();
        await page.locator("[aria-invalid]").first().waitFor();
    },
};
const SIGNED_IN = {
    tasks: async () => {
        await page.goto(`${ORIGIN}/app/`);
        await item(page, "Buy oat milk").waitFor();
    },
    "tasks-filtered": async () => {
        await page.goto(`${ORIGIN}/app/?view=all&label=home&priority=high`);
        await item(page, "Write to the landlord").waitFor();
    },
    "task-edited": async () => {
        await page.goto(`${ORIGIN}/app/`);
        await page.getByRole("button", { name: /^Edit Prepare the talk/ }).click();
        await page.getByLabel("Title").waitFor();
    },
    "tasks-deleted": async () => {
        await page.goto(`${ORIGIN}/app/?view=deleted`);
        await button("Restore An old idea").waitFor();
    },
    "tasks-none": async () => {
        await page.goto(`${ORIGIN}/app/?q=nothing%20like%20this`);
        await page.getByText("No task matches.").waitFor();
    },
    sessions: settings("sessions"),
    password: settings("password"),
    "api-keys": settings("api-keys"),
    "delete-account": settings("delete-account"),
    "not-found": () => page.goto(`${ORIGIN}/app/elsewhere`).then(() => page.getByRole("heading", { name: "Nothing is here" }).waitFor()),
};

async function edit(title, values) {
    await page.getByRole("button", { name: `Edit ${title}`, exact: true }).click();
    const form = page.getByRole("form", { name: `Edit ${title}`, exact: true });
    for (const [label, value] of Object.entries(values)) {
        const field = form.getByLabel(label, { exact: true });
        if (["Priority", "Progress"].includes(label)) await field.selectOption(value);
        else await field.fill(value);
        if (label === "Add a label") await field.press("Enter");
    }
    await form.getByRole("button", { name: "Save" }).click();
    await form.waitFor({ state: "detached" });
}

/** A few tasks, as a person has them. */
async function furnish() {
    await signUp(page, `ada.${process.pid}.${Date.now()}@example.com`);
    for (const title of ["An old idea", "Return the library books", "Water the tomatoes", "Write to the landlord about the heating", "Prepare the talk for Thursday", "Buy oat milk"]) {
        await add(page, title);
    }
    await edit("Prepare the talk for Thursday", { Description: "Three slides are enough.\nAsk Mia for the figures.", Progress: "in_progress", "Due date": "2099-12-03", "Due time": "14:30", "Add a label": "work" });
    await edit("Write to the landlord about the heating", { Priority: "high", "Due date": "2020-01-31", "Add a label": "home" });
    await edit("Buy oat milk", { "Add a label": "errands" });
    await page.getByRole("checkbox", { name: "Water the tomatoes" }).click();
    await page.locator("#status", { hasText: "Completed Water the tomatoes" }).waitFor();
    await button("Delete An old idea").click();
    await button("Undo: bring back An old idea").waitFor();
}

async function faults() {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n")}`);
}

/** What does not fit into the width of the window. */
function tooWide() {
    const width = document.documentElement.clientWidth;
    const wide = [...document.querySelectorAll("#app *")].filter((it) => !it.closest(".only-read, .search label") && it.getBoundingClientRect().right > width + 1);
    return [document.documentElement.scrollWidth > width, ...wide.map((it) => it.outerHTML.slice(0, 120))].filter(Boolean);
}

/** Controls smaller than 24 by 24 (WCAG 2.2, 2.5.8), but for links within a sentence. */
function tooSmall() {
    const controls = [...document.querySelectorAll("#app button, #app a, #app input, #app select, #app textarea")];
    const visible = controls.filter((it) => it.checkVisibility() && !it.closest(".only-read") && !it.closest("p"));
    return visible.filter((it) => {
        const { width, height } = (it.type === "checkbox" ? it.closest("label") : it).getBoundingClientRect();
        return width < 24 || height < 24;
    }).map((it) => it.outerHTML.slice(0, 120));
}

async function inspect(name, open) {
    await page.setViewportSize(WIDE);
    await open();
    for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
        assert.deepEqual(await faults(), [], `${name}, ${colorScheme}`);
        for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
            await page.setViewportSize(viewport);
            assert.deepEqual(await page.evaluate(tooWide), [], `${name}, ${size}`);
            assert.deepEqual(await page.evaluate(tooSmall), [], `${name}, ${size}`);
            if (folder) await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size}.png`), fullPage: true });
        }
        await page.setViewportSize(WIDE);
    }
    await page.emulateMedia({ colorScheme: "light", forcedColors: "active" });
    assert.deepEqual(await faults(), [], `${name}, forced colours`);
    await page.emulateMedia({ forcedColors: "none" });
    // Texts of twice the size, on a small window.
    await page.setViewportSize({ width: 640, height: 640 });
    await page.evaluate(() => void (document.documentElement.style.fontSize = "200%"));
    assert.deepEqual(await page.evaluate(tooWide), [], `${name}, 200 %`);
    if (folder) await page.screenshot({ path: join(folder, `${name}-200-percent.png`), fullPage: true });
    assert.equal(await page.locator('[role="status"]').count(), 1);
}

test("every page is accessible, light and dark, wide and narrow, with large texts and with forced colours", async (context) => {
    for (const [name, open] of Object.entries(SIGNED_OUT)) await context.test(name, () => inspect(name, open));
    await furnish();
    for (const [name, open] of Object.entries(SIGNED_IN)) await context.test(name, () => inspect(name, open));
});

test("everything can be done with the keyboard alone", async () => {
    const visitor = await profile();
    try {
        const page = await visitor.open();
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        const keyboard = page.keyboard;
        const label = () => page.evaluate(() => {
            const it = document.activeElement;
            return it.getAttribute("aria-label") ?? it.labels?.[0]?.textContent ?? it.textContent;
        });
        /** Tab, until a control with this name has the focus. */
        const to = async (name, key = "Tab") => {
            for (let steps = 0; steps < 60; steps += 1) {
                await keyboard.press(key);
                if ((await label()) === name) return;
            }
            assert.fail(`no way to ${name}`);
        };
        await to("Create an account");
        await keyboard.press("Enter");
        await page.getByRole("heading", { name: "Create an account" }).waitFor();
        await to("Email address");
        await keyboard.type(`keys.${process.pid}.${Date.now()}@example.com`);
        await to("Password");
        await keyboard.type("quiet rivers carry stones");
        await keyboard.press("Enter");
        await page.getByRole("heading", { name: "Tasks" }).waitFor();
        await to("New task");
        for (const title of ["First", "Second"]) {
            await keyboard.type(title);
            await keyboard.press("Enter");
            await page.locator("#status", { hasText: `Added ${title}` }).waitFor();
        }
        await to("Second");
        await keyboard.press("ArrowDown");
        assert.equal(await label(), "First");
        await keyboard.press("Space");
        await page.locator("#status", { hasText: "Completed First" }).waitFor();
        assert.equal(await label(), "First", "the focus stays");
        await to("Edit First");
        await keyboard.press("Enter");
        assert.equal(await label(), "Title");
        await keyboard.type(" of all");
        await keyboard.press("Enter");
        await page.getByRole("checkbox", { name: "First of all" }).waitFor();
        await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Edit First of all");
        await to("Delete First of all");
        await keyboard.press("Enter");
        await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Undo: bring back First of all");
        await to("Search", "Shift+Tab");
        await keyboard.type("Second");
        await page.waitForFunction(() => document.querySelectorAll("li.task").length === 1);
        await to("Settings", "Shift+Tab");
        await keyboard.press("Enter");
        await page.getByRole("heading", { name: "Sessions" }).waitFor();
        assert.equal(await label(), "Settings");
        await to("Sign out", "Shift+Tab");
        await keyboard.press("Enter");
        await page.getByRole("heading", { name: "Sign in" }).waitFor();
        assert.deepEqual(visitor.faults, []);
    } finally {
        await visitor.close();
    }
});

test("the page keeps to its policy, and the settings are loaded when they are opened", async () => {
    const visitor = await profile();
    try {
        const page = await visitor.open();
        const files = [];
        page.on("response", (response) => files.push([response.url(), response.status()]));
        await signUp(page);
        const before = files.length;
        assert.ok(files.every(([url]) => url.startsWith(ORIGIN)), JSON.stringify(files));
        await page.getByRole("link", { name: "Settings" }).click();
        await page.getByText("This device").waitFor();
        const loaded = files.slice(before).map(([url]) => url).filter((url) => url.includes("/app/assets/"));
        assert.equal(loaded.length > 0, true, "a file of its own");
        const blocked = await page.evaluate(() => {
            try {
                document.body.innerHTML = "<p>injected</p>";
                return "done";
            } catch (error) {
                return error.name;
            }
        });
        assert.equal(blocked, "TypeError", "trusted types are required");
        // A new browser has no session to go on with. Nothing else is refused.
        const begin = ([url, status]) => url.endsWith("/RefreshTokens") && status === 401;
        assert.deepEqual(files.filter(([, status]) => status >= 400).filter((file) => !begin(file)), []);
    } finally {
        await visitor.close();
    }
});
