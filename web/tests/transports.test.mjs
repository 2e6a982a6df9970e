// The SDK alone on a page of the gateway in a real browser, over each protocol of connect-web: with the cookie, the tag in IndexedDB and
// fetch as the browser has them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "esbuild";
import { web } from "./api.mjs";
import { ORIGIN, PASSWORD, freshEmail, profileOfAllTests } from "./browser.mjs";

const browser = profileOfAllTests();

/** The SDK as a classic script. */
const { outputFiles: [sdk] } = await build({
    stdin: { contents: 'export * from "./sdk/src/index.ts";', resolveDir: web },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "sdk",
    footer: { js: "globalThis.sdk = sdk;" },
    platform: "browser",
    logLevel: "error",
});

/** A page of the gateway without the console, and the content types of its calls. */
async function plainPage() {
    const page = await browser.context.newPage();
    const types = new Set();
    page.on("request", (request) => {
        if (request.method() === "POST") types.add(request.headers()["content-type"]);
    });
    await page.addInitScript({ content: sdk.text });
    await page.goto(`${ORIGIN}/health`);
    return { page, types };
}

/** Runs in the page: from sign-up to a task that is done, and what is refused. */
async function journey({ transport, email, password }) {
    const tandem = sdk.createTandem({ transport });
    await tandem.signUp({ email, password });
    const task = await tandem.createTask({ title: "Buy milk \u{1f95b}", labels: ["größer"] });
    const done = await tandem.updateTask(task, { status: sdk.TaskStatus.COMPLETED });
    const { tasks } = await tandem.tasks.listTasks({ filter: "status = COMPLETED" });
    const refused = await tandem.tasks.getTask({ id: "01890a5d-ac96-774b-bcce-b302099a8057" }).catch(sdk.reasonOf);
    const empty = await tandem.createTask({ title: "" }).catch((error) => error.violations.map(({ field }) => field));
    tandem.close();
    return { same: tasks.length === 1 && tasks[0].etag === done.etag, title: tasks[0].title, labels: tasks[0].labels, refused, empty };
}

/** Runs in the page: what a reload still knows. */
async function afterReload({ transport }) {
    const tandem = sdk.createTandem({ transport });
    const { status } = await tandem.restore();
    const { tasks } = await tandem.tasks.listTasks({});
    await tandem.signOut();
    tandem.close();
    return { status, tasks: tasks.length };
}

for (const [transport, type] of [["connect", "application/proto"], ["grpc-web", "application/grpc-web+proto"]]) {
    test(`the SDK over ${transport}, and after a reload`, async () => {
        const { page, types } = await plainPage();
        const result = await page.evaluate(journey, { transport, email: freshEmail(transport), password: PASSWORD });
        assert.deepEqual(result, { same: true, title: "Buy milk \u{1f95b}", labels: ["größer"], refused: "TASK_NOT_FOUND", empty: ["task.title"] });
        await page.reload();
        assert.deepEqual(await page.evaluate(afterReload, { transport }), { status: "signed-in", tasks: 1 });
        assert.deepEqual([...types], [type]);
    });
}
