// What src/gen/ is made from, for the generator and for the test that needs no generator.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const sdk = resolve(fileURLToPath(import.meta.url), "../..");
export const repository = resolve(sdk, "../..");
export const generated = join(sdk, "src/gen");

/** The files that a browser needs: not those of administrators and verifiers. */
export function inputs() {
    return [
        "docs/errors.md",
        "proto/google/rpc/error_details.proto",
        "proto/tandem/auth/v1/account.proto",
        "proto/tandem/auth/v1/account_service.proto",
        "proto/tandem/auth/v1/auth_service.proto",
        "proto/tandem/common/v1/access.proto",
        "proto/tandem/task/v1/task.proto",
        "proto/tandem/task/v1/task_service.proto",
    ];
}

export function sha256(path) {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** The content of every file below `folder`, by its path. */
export function tree(folder, root = folder) {
    const files = {};
    for (const name of readdirSync(folder).sort()) {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) Object.assign(files, tree(path, root));
        else files[relative(root, path)] = readFileSync(path, "utf8");
    }
    return files;
}
