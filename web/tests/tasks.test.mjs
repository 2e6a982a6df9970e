// A person and their tasks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskStatus, clientOf } from "./api.mjs";
import { ORIGIN, PASSWORD, add, freshEmail, item, profileOfAllTests, signIn, signUp, titles } from "./browser.mjs";

const browser = profileOfAllTests();
let page;

/** A page of a new account. */
async function newAccount() {
    page = await browser.open();
    return signUp(page);
}

const spoken = (text) => page.locator("#status", { hasText: text }).waitFor();
const button = (name) => page.getByRole("button", { name, exact: true });
/** Waits until the control with this label has the focus. */
const focus = (label) => page.waitForFunction((label) => document.activeElement.getAttribute("aria-label") === label, label);

test("from sign-up to a task that is done", async () => {
    await newAccount();
    await page.getByText("Nothing to do. Write your first task above.").waitFor();
    await add(page, "Buy milk");
    await spoken("Added Buy milk");
    assert.equal(await page.getByRole("textbox", { name: "New task" }).inputValue(), "");
    await page.getByRole("checkbox", { name: "Buy milk" }).click();
    await spoken("Completed Buy milk");
    await page.getByRole("link", { name: "Done" }).click();
    await item(page, "Buy milk").waitFor();
    assert.equal(await page.getByRole("checkbox", { name: "Buy milk" }).isChecked(), true);
    await page.getByRole("checkbox", { name: "Buy milk" }).click();
    await spoken("Opened Buy milk again");
    await page.getByRole("link", { name: "Open", exact: true }).click();
    await item(page, "Buy milk").waitFor();
});

test("a task is edited where it stands, and Escape leaves it as it was", async () => {
    await newAccount();
    await add(page, "Talk");
    await button("Edit Talk").click();
    const form = page.getByRole("form", { name: "Edit Talk" });
    await form.getByLabel("Title").fill("Prepare the talk");
    await form.getByLabel("Description").fill("Three slides.\nAsk Mia.");
    await form.getByLabel("Priority").selectOption("high");
    await form.getByLabel("Progress").selectOption("in_progress");
    await form.getByLabel("Due date").fill("2099-01-31");
    for (const label of ["work", "größer, schöner"]) {
        await form.getByLabel("Add a label").fill(label);
        await form.getByLabel("Add a label").press("Enter");
    }
    await form.getByRole("button", { name: "Remove the label work" }).click();
    await form.getByLabel("Title").press("Enter");
    await form.waitFor({ state: "detached" });
    const text = await item(page, "Prepare the talk").innerText();
    for (const part of ["31 Jan 2099", "In progress", "High priority", "größer, schöner", "Three slides.\nAsk Mia."]) {
        assert.ok(text.includes(part), `${part} in ${text}`);
    }
    assert.ok(!text.includes("work"), text);
    await focus("Edit Prepare the talk");

    await page.keyboard.press("Enter");
    await page.getByLabel("Title").fill("Something else");
    await page.keyboard.press("Escape");
    await focus("Edit Prepare the talk");
    assert.deepEqual(await titles(page), ["Prepare the talk"]);
    await page.reload();
    await item(page, "Prepare the talk").waitFor();
});

test("two people edit one task: the second is asked, and nothing is lost", async () => {
    const email = await newAccount();
    const elsewhere = await clientOf(ORIGIN, email, PASSWORD);
    for (const [choice, expected] of [["Keep my changes", ["My title", "their description"]], ["Use the other version", ["Theirs", "their description"]]]) {
        await add(page, "Ours");
        await button("Edit Ours").click();
        const form = page.getByRole("form", { name: "Edit Ours" });
        await form.getByLabel("Title").fill("My title");
        const { tasks } = await elsewhere.tasks.listTasks({ filter: '"Ours"' });
        await elsewhere.tasks.updateTask({
            task: { id: tasks[0].id, title: "Theirs", description: "their description" },
            updateMask: { paths: ["title", "description"] },
        });
        await form.getByRole("button", { name: "Save" }).click();
        await page.getByText("This task was changed somewhere else while you were editing it. What changed there: title, description.").waitFor();
        await button(choice).click();
        await button("Save").click();
        await form.waitFor({ state: "detached" });
        await item(page, expected[0]).waitFor();
        const { tasks: [stored] } = await elsewhere.tasks.listTasks({ orderBy: "update_time desc", pageSize: 1 });
        assert.deepEqual([stored.title, stored.description], expected);
        await item(page, expected[0]).getByRole("button", { name: /Delete/ }).click();
        await button(`Undo: bring back ${expected[0]}`).waitFor();
    }
    elsewhere.close();
});

test("a deleted task can be brought back at its place, and later from the list of deleted ones", async () => {
    await newAccount();
    for (const title of ["One", "Two", "Three"]) await add(page, title);
    await button("Delete Two").click();
    await spoken("Deleted Two");
    await focus("Undo: bring back Two");
    await page.keyboard.press("Enter");
    await spoken("Restored Two");
    assert.deepEqual(await titles(page), ["Three", "Two", "One"]);
    await focus("Delete Two");

    await button("Delete Two").click();
    await spoken("Deleted Two");
    await button("Delete Three").click();
    await spoken("Deleted Three");
    await page.getByRole("link", { name: "Deleted" }).click();
    await button("Restore Two").waitFor();
    assert.deepEqual(await titles(page), ["Three", "Two"]);
    await button("Restore Three").click();
    await spoken("Restored Three");
    await focus("Restore Two");
    await page.getByRole("link", { name: "Open", exact: true }).click();
    await item(page, "Three").waitFor();
    assert.deepEqual(await titles(page), ["Three", "One"]);
});

test("a search takes every character as it is, and Back undoes it", async () => {
    await newAccount();
    const special = ['say "hello"', "C:\\temp\\", "50% OR more", "-minus", "été ✓"];
    for (const title of special) await add(page, title);
    const search = page.getByRole("searchbox", { name: "Search" });
    for (const title of special) {
        await search.fill(title);
        await page.waitForFunction((title) => {
            const shown = [...document.querySelectorAll("li.task .title")].map((it) => it.textContent);
            return shown.length === 1 && shown[0] === title;
        }, title);
        assert.equal(new URL(page.url()).searchParams.get("q"), title);
    }
    await search.fill('"');
    await page.waitForFunction(() => document.querySelectorAll("li.task").length === 1);
    await search.fill("nothing is like this");
    await page.getByText("No task matches.").waitFor();
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll("li.task").length === 5);
    assert.equal(await search.inputValue(), "");

    await page.goto(`${ORIGIN}/app/?q=%00${encodeURIComponent('hello"')}%0A&order=nonsense&view=%F0%9F`);
    await item(page, 'say "hello"').waitFor();
    assert.equal((await titles(page)).length, 1);
    await page.goto(`${ORIGIN}/app/?q=${"x".repeat(3000)}&label=${encodeURIComponent('a"b\\c')}`);
    await page.getByText("No task matches.").waitFor();
});

test("filters and orders show what they say", async () => {
    const email = await newAccount();
    const client = await clientOf(ORIGIN, email, PASSWORD);
    const day = (days) => ({ seconds: BigInt(Math.floor(Date.now() / 1000) + days * 86_400), nanos: 0 });
    await client.createTask({ title: "b late", dueTime: day(-2), labels: ["home"] });
    await client.createTask({ title: "c soon", dueTime: day(3), priority: 3 });
    await client.createTask({ title: "a never", priority: 1, labels: ["home", 'quo"te'] });
    await client.createTask({ title: "d finished", status: TaskStatus.COMPLETED, dueTime: day(-3) });
    client.close();
    await page.reload();
    await item(page, "a never").waitFor();
    assert.deepEqual(await titles(page), ["a never", "c soon", "b late"]);
    assert.ok((await item(page, "b late").innerText()).includes("Overdue: "));

    const shows = async (expected) => {
        const same = (expected) => JSON.stringify([...document.querySelectorAll("li.task .title")].map((it) => it.textContent)) === JSON.stringify(expected);
        await page.waitForFunction(same, expected);
    };
    await button("Filter and sort").click();
    await page.getByLabel("Order").selectOption("title");
    await shows(["a never", "b late", "c soon"]);
    await page.getByLabel("Order").selectOption("due");
    await shows(["b late", "c soon", "a never"]);
    await page.getByLabel("Order").selectOption("priority");
    await shows(["c soon", "b late", "a never"]);
    await page.getByLabel("Due").selectOption("overdue");
    await shows(["b late"]);
    await page.getByLabel("Due").selectOption("week");
    await shows(["c soon"]);
    await page.getByLabel("Due").selectOption("none");
    await shows(["a never"]);
    await page.getByRole("link", { name: "Clear filters" }).click();
    await page.getByLabel("Priority").selectOption("high");
    await shows(["c soon"]);
    await page.goBack();
    await page.getByRole("link", { name: 'Label quo"te: show these tasks' }).click();
    await shows(["a never"]);
    await add(page, "new with the label");
    assert.ok((await item(page, "new with the label").innerText()).includes('quo"te'));
    await button('Remove the filter label quo"te').click();
    await page.getByRole("link", { name: "All" }).click();
    await page.getByRole("checkbox", { name: "d finished" }).waitFor();
});

test("a long list is read page by page, and Back returns to the place", async () => {
    const email = await newAccount();
    const client = await clientOf(ORIGIN, email, PASSWORD);
    for (let number = 1; number <= 120; number += 1) {
        await client.createTask({ title: `Task ${number}` });
    }
    client.close();
    await page.reload();
    await item(page, "Task 120").waitFor();
    assert.equal((await titles(page)).length, 50);
    await button("Show more").click();
    await spoken("50 more, 100 in all");
    assert.equal(await page.evaluate(() => document.activeElement.closest("li").textContent.includes("Task 70")), true);
    await button("Show more").click();
    await spoken("20 more, 120 in all");
    await button("Show more").waitFor({ state: "detached" });
    const shown = await titles(page);
    assert.equal(new Set(shown).size, 120);

    await page.getByRole("checkbox", { name: "Task 5", exact: true }).scrollIntoViewIfNeeded();
    const height = await page.evaluate(() => window.scrollY);
    assert.ok(height > 1000, String(height));
    await page.evaluate(() => document.querySelector("header a[href='/app/settings']").click());
    await page.getByRole("heading", { name: "Sessions" }).waitFor();
    assert.equal(await page.evaluate(() => window.scrollY), 0);
    await page.goBack();
    await page.getByRole("checkbox", { name: "Task 5", exact: true }).waitFor();
    assert.equal((await titles(page)).length, 120);
    assert.equal(await page.evaluate(() => window.scrollY), height);
});

test("another user sees nothing, in the same tab too", async () => {
    await newAccount();
    await add(page, "Only mine");
    await button("Sign out").click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    assert.ok(!(await page.content()).includes("Only mine"));
    await signUp(page, freshEmail("grace"));
    await page.getByText("Nothing to do.").waitFor();
    for (const view of ["done", "all", "deleted"]) {
        await page.goto(`${ORIGIN}/app/?view=${view}`);
        await page.locator(".empty:not(.late)").waitFor();
        assert.ok(!(await page.content()).includes("Only mine"));
    }
});

test("errors are readable, and at the field that they are about", async () => {
    page = await browser.open("/app/sign-up");
    const email = page.getByLabel("Email address");
    const password = page.getByLabel("Password", { exact: true });
    const submit = button("Create account");
    await email.fill("nonsense");
    await password.fill("short");
    await submit.click();
    await page.locator("[aria-invalid]").first().waitFor();
    for (const field of [email, password]) {
        const id = (await field.getAttribute("aria-describedby")).split(" ")[0];
        assert.match(await page.locator(`[id="${id}"]`).innerText(), /^[A-Z].{10,}\.$/);
    }
    assert.equal(await email.evaluate((it) => it === document.activeElement), true);

    const known = await newAccount();
    await button("Sign out").click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn(page, known, "the wrong password");
    await page.getByText("The email address or the password is wrong.").waitFor();
    await page.getByRole("link", { name: "Create an account" }).click();
    await page.getByLabel("Email address").fill(known);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await button("Create account").click();
    await page.getByText("There is already an account with this email address. Sign in instead.").waitFor();
    await page.getByRole("link", { name: "Sign in" }).click();
    await signIn(page, known);
    await page.getByText("Nothing to do.").waitFor();

    await page.getByRole("textbox", { name: "New task" }).fill(" ");
    await page.keyboard.press("Enter");
    await page.locator(".new-task .field-error").waitFor();
    await page.route("**/tandem.task.v1.TaskService/*", (route) => route.abort("internetdisconnected"));
    await page.getByRole("textbox", { name: "New task" }).fill("Offline");
    await page.keyboard.press("Enter");
    await page.getByText("The server cannot be reached.").waitFor();
    assert.equal(await page.getByRole("textbox", { name: "New task" }).inputValue(), "Offline");
    await page.unroute("**/tandem.task.v1.TaskService/*");
    await button("Add").click();
    await item(page, "Offline").waitFor();
    await page.goto(`${ORIGIN}/app/nothing-here`);
    await page.getByRole("heading", { name: "Nothing is here" }).waitFor();
});
