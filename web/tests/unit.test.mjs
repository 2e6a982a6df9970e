// The parts of the console that need no browser.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { load } from "./api.mjs";

const web = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(web, "app/dist");
/** Bytes of everything that a browser loads before the page can be used. */
const FIRST_LOAD_LIMIT = 80_000;

const { quoted, filterOf, selectionOf, addressOf, NOTHING, LONGEST_SEARCH } = await load("app/src/tasks/filter.ts");
const { KNOWN_REASONS, sentence, waiting } = await load("app/src/texts.ts");
const { dueFields, momentOf, dueText } = await load("app/src/tasks/times.ts");
const { changesOf, rebased } = await load("app/src/tasks/change.ts");

test("the first load is small, and the settings are not part of it", async () => {
    const page = await readFile(join(dist, "index.html"), "utf8");
    const names = ["index.html", ...[...page.matchAll(/"\/app\/([^"]+)"/g)].map(([, name]) => name)];
    // A script needs whatever it imports at once.
    for (const name of names.filter((name) => name.endsWith(".js"))) {
        const script = await readFile(join(dist, name), "utf8");
        for (const [, needed] of script.matchAll(/(?:from|^import|[;}]import)\s*"\.\/([^"]+)"/g)) {
            if (!names.includes(`assets/${needed}`)) names.push(`assets/${needed}`);
        }
    }
    assert.ok(names.length >= 4, names.join());
    let sum = 0;
    for (const name of names) sum += gzipSync(await readFile(join(dist, name)), { level: 9 }).length;
    assert.ok(sum < FIRST_LOAD_LIMIT, `${sum} bytes: ${names}`);
    const all = await readdir(join(dist, "assets"));
    const later = all.filter((name) => name.endsWith(".js") && !names.includes(`assets/${name}`));
    const texts = await Promise.all(later.map((name) => readFile(join(dist, "assets", name), "utf8")));
    assert.ok(texts.some((text) => text.includes("Delete this account for good")));
});

test("what is built needs no inline script or style, and every file has its compressed form", async () => {
    const page = await readFile(join(dist, "index.html"), "utf8");
    assert.ok(!/<style|style=|<script(?![^>]*\bsrc=)|\son[a-z]+=/i.test(page), page);
    assert.match(page, /<div id="status" class="only-read" role="status"><\/div>/);
    const names = (await readdir(join(dist, "assets"))).filter((name) => !name.endsWith(".gz"));
    for (const name of names) await readFile(join(dist, "assets", `${name}.gz`));
    const licences = await readFile(join(dist, "licenses.txt"), "utf8");
    for (const name of ["preact", "@connectrpc/connect", "@bufbuild/protobuf"]) assert.ok(licences.includes(`${name} `), name);
});

test("every reason of the contract has a text", async () => {
    const page = await readFile(join(web, "../docs/errors.md"), "utf8");
    const reasons = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, reason]) => reason);
    assert.ok(reasons.length > 30);
    assert.deepEqual(reasons.filter((reason) => !KNOWN_REASONS.includes(reason)), []);
});

test("a text in the filter language is quoted", () => {
    for (const [text, expected] of [
        ["milk", '"milk"'],
        ['say "hi"', '"say \\"hi\\""'],
        ["C:\\temp\\", '"C:\\\\temp\\\\"'],
        ['\\"', '"\\\\\\""'],
        ["a\0b\nc", '"a b c"'],
        ["\ud800 broken", '" broken"'],
        ["été ✓ 👩‍👩‍👧", '"été ✓ 👩‍👩‍👧"'],
    ]) {
        assert.equal(quoted(text), expected, text);
    }
});

test("a selection survives its address, and nonsense counts as not chosen", () => {
    const selection = { view: "all", text: 'a "b" & c=d', label: "größer, schöner", priority: "high", due: "week", order: "due" };
    assert.deepEqual(selectionOf(new URL(addressOf(selection), "http://x").search), selection);
    assert.equal(addressOf(NOTHING), "/app/");
    assert.deepEqual(selectionOf("?view=x&priority=y&due=z&order=%00&q=%00%01"), NOTHING);
    assert.equal([...selectionOf(`?q=${"👍".repeat(5000)}`).text].length, LONGEST_SEARCH);
});

test("the filter of everything at once stays within the limits of the server", () => {
    const worst = { ...NOTHING, text: '"'.repeat(LONGEST_SEARCH), label: "\\".repeat(LONGEST_SEARCH), priority: "normal", due: "week" };
    const filter = filterOf(worst, new Date("2026-11-28T12:00:00Z"));
    assert.ok([...filter].length <= 1000, String(filter.length));
    assert.ok(filter.startsWith("status != COMPLETED AND priority = NORMAL AND due_time >= "));
    assert.equal(filterOf({ ...NOTHING, view: "all" }, new Date()), "");
    assert.equal(filterOf({ ...NOTHING, view: "deleted", due: "none" }, new Date()), "NOT due_time:*");
});

test("a due date without a time is the whole day, and every date comes back as it was", () => {
    for (const fields of [
        { day: "2026-01-31", time: "" },
        { day: "2024-02-29", time: "09:30" },
        { day: "0099-12-31", time: "00:00" },
        { day: "9999-12-30", time: "" },
    ]) {
        const moment = momentOf(fields);
        assert.deepEqual(dueFields({ ...moment, seconds: moment.seconds }), fields);
    }
    assert.equal(momentOf({ day: "", time: "" }), undefined);
    const now = new Date(2026, 10, 28, 12);
    const at = (day, time = "") => dueText(momentOf({ day, time }), now);
    assert.equal(at("2026-11-28"), "today");
    assert.equal(at("2026-11-29"), "tomorrow");
    assert.equal(at("2026-11-27"), "yesterday");
    assert.match(at("2026-11-28", "09:30"), /^today, 0?9:30/);
    assert.match(at("2027-01-31"), /2027/);
});

test("only what a person changed is sent, and a conflict keeps it", () => {
    const before = { title: "a", description: "", status: "pending", priority: "normal", day: "", time: "", labels: ["x"] };
    assert.deepEqual(changesOf(before, { ...before }), {});
    assert.deepEqual(changesOf(before, { ...before, title: "b" }), { title: "b" });
    assert.deepEqual(changesOf({ ...before, day: "2026-01-01" }, before), { dueTime: undefined });
    assert.deepEqual(changesOf(before, { ...before, labels: [] }), { labels: [] });
    const newest = { ...before, title: "theirs", description: "new", labels: ["x", "y"] };
    assert.deepEqual(rebased(before, { ...before, title: "mine" }, newest), { ...newest, title: "mine" });
});

test("texts of the server become sentences", () => {
    assert.equal(sentence("must not be empty"), "Must not be empty.");
    assert.equal(sentence("Is it?"), "Is it?");
    assert.equal(waiting(1), "Please wait 1 second.");
    assert.equal(waiting(65_000), "Please wait 65 seconds.");
    assert.equal(waiting(600_000), "Please wait 10 minutes.");
});
