// Compiles and runs the tests: node scripts/test.mjs [FILE...], where FILE is a name such as session.test
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { sdk } from "./provenance.mjs";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
rmSync(join(sdk, "build"), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "--project", join(sdk, "tsconfig.test.json")], { stdio: "inherit" });

const wanted = process.argv.slice(2);
const folder = join(sdk, "build/tests");
const names = readdirSync(folder).filter((name) => name.endsWith(".test.js"));
const chosen = names.filter((name) => wanted.length === 0 || wanted.includes(name.replace(/\.js$/, "")));
if (chosen.length === 0) throw new Error(`no such test; there are: ${names.join(", ")}`);
const { status } = spawnSync(process.execPath, ["--test", ...chosen.map((name) => join(folder, name))], { cwd: sdk, stdio: "inherit" });
process.exitCode = status ?? 1;
