// The SDK in Node.js, for what a test prepares without the page.
import { webcrypto } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

// Browsers and Node.js 20 have it; Debian 12 has Node.js 18.
globalThis.crypto ??= webcrypto;

export const web = join(dirname(fileURLToPath(import.meta.url)), "..");

/** The exports of a TypeScript file of this workspace. */
export async function load(path) {
    const folder = await mkdtemp(join(tmpdir(), "tandem-module-"));
    const outfile = join(folder, "module.mjs");
    await build({
        entryPoints: [join(web, path)],
        outfile,
        bundle: true,
        format: "esm",
        platform: "neutral",
        mainFields: ["module", "main"],
        jsx: "automatic",
        jsxImportSource: "preact",
        alias: { "@tandem/sdk": join(web, "sdk/src/index.ts") },
        logLevel: "error",
    });
    return import(pathToFileURL(outfile));
}

const sdk = await load("sdk/src/index.ts");
export const { createTandem, TaskStatus, reasonOf } = sdk;

/** A client that is signed in to an account, apart from every browser. */
export async function clientOf(origin, email, password) {
    const tandem = sdk.createTandem({
        baseUrl: origin,
        transport: "grpc-web",
        refreshToken: "memory",
        storage: "memory",
        channel: "none",
    });
    await tandem.signIn({ email, password, deviceLabel: "A test" });
    return tandem;
}
