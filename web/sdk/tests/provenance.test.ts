// The generated code is of the protos and the reasons of this repository. This needs no generator; `make proto` generates again.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const sdk = process.cwd();
const { inputs, repository, sha256, generated, tree } = (await import(pathToFileURL(join(sdk, "scripts/provenance.mjs")).href)) as {
    inputs(): string[];
    repository: string;
    generated: string;
    sha256(path: string): string;
    tree(folder: string): Record<string, string>;
};

test("every input of the generated code is as it was when the code was generated", () => {
    const { inputs: recorded } = JSON.parse(readFileSync(join(generated, "provenance.json"), "utf8"));
    const found = Object.fromEntries(inputs().map((path) => [path, sha256(join(repository, path))]));
    assert.deepEqual(recorded, found, "run: make web-generate");
});

test("every generated file says what it was generated from", () => {
    const files = Object.entries(tree(generated)).filter(([path]) => path.endsWith(".ts"));
    assert.ok(files.length >= 8);
    for (const [path, text] of files) assert.match(text, /^\/\/ @generated /m, path);
});

test("the reasons are those of docs/errors.md", () => {
    const listed = readFileSync(join(repository, "docs/errors.md"), "utf8").match(/^\| `([A-Z_]+)`/gm)!;
    const typed = readFileSync(join(generated, "reasons.ts"), "utf8").match(/\| "([A-Z_]+)"/g)!;
    assert.deepEqual(typed.map((line) => line.slice(3, -1)), listed.map((line) => line.slice(3, -1)));
});
