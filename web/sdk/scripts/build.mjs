// Builds dist/: the modules and their types.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { repository, sdk } from "./provenance.mjs";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
rmSync(join(sdk, "dist"), { recursive: true, force: true });
execFileSync(process.execPath, [tsc, "--project", sdk], { stdio: "inherit" });
for (const licence of ["LICENSE-APACHE", "LICENSE-MIT"]) cpSync(join(repository, licence), join(sdk, licence));
