// The published package: what is in it, how large it is, and that a project which installs it type-checks and bundles.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

const sdk = process.cwd();
const require = createRequire(join(sdk, "package.json"));
const project = mkdtempSync(join(tmpdir(), "tandem-sdk-user-"));
after(() => rmSync(project, { recursive: true, force: true }));

const LIMIT_BYTES = 15_000;
const USER = `import { createTandem, reasonOf, TandemError, TaskPriority, type Reason, type Task } from "@tandem/sdk";
import { TaskSchema } from "@tandem/sdk/proto/tandem/task/v1/task_pb.js";

const tandem = createTandem({ baseUrl: "https://tandem.example", transport: "connect" });
export async function first(): Promise<Task> {
    const { status } = await tandem.restore();
    if (status === "signed-out") await tandem.signIn({ email: "ann@example.com", password: "correct horse" });
    const task = await tandem.createTask({ title: "Buy milk", priority: TaskPriority.HIGH });
    return tandem.updateTask(task, { title: "Buy oat milk" }, { onConflict: (newest) => ({ title: newest.title }) });
}
export function text(error: unknown): Reason | undefined {
    return error instanceof TandemError && error.is("FIELD_INVALID") ? error.reason : reasonOf(error);
}
export const name: string = TaskSchema.typeName;
// @ts-expect-error: the RPC that would replace the session is not on the client.
export const hidden = tandem.account.changePassword;
// @ts-expect-error: a reason that does not exist.
export const unknown: boolean = new TandemError("", 1, {}).is("NO_SUCH_REASON");
`;

/** Installs the package file with its dependencies, which are linked from here so that no network is needed. */
function install(): string[] {
    execFileSync(process.execPath, [join(sdk, "scripts/build.mjs")]);
    const packed = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", project], { cwd: sdk, encoding: "utf8" }));
    const [{ filename, files }] = Object.values(packed) as [{ filename: string; files: { path: string }[] }];
    const target = join(project, "node_modules/@tandem/sdk");
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", join(project, filename), "-C", target, "--strip-components=1"]);
    for (const name of ["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web"]) {
        const link = join(project, "node_modules", name);
        mkdirSync(dirname(link), { recursive: true });
        symlinkSync([join(sdk, "node_modules", name), join(sdk, "../node_modules", name)].find(existsSync)!, link);
    }
    writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true }));
    writeFileSync(join(project, "user.ts"), USER);
    return files.map(({ path }) => path);
}

const files = install();

test("the package has the modules, their types, the text and both licences, and nothing else", () => {
    for (const expected of ["README.md", "LICENSE-APACHE", "LICENSE-MIT", "package.json", "dist/index.js", "dist/index.d.ts"]) {
        assert.ok(files.includes(expected), `${expected} is missing`);
    }
    const others = files.filter((path) => !/^(README\.md|LICENSE-\w+|package\.json|dist\/.+\.(js|d\.ts))$/.test(path));
    assert.deepEqual(others, []);
    const manifest = JSON.parse(readFileSync(join(project, "node_modules/@tandem/sdk/package.json"), "utf8"));
    assert.equal(manifest.type, "module");
    assert.equal(manifest.sideEffects, false);
    for (const target of Object.values(manifest.exports["."]) as string[]) {
        assert.ok(existsSync(join(project, "node_modules/@tandem/sdk", target)));
    }
});

test("a project that installs it type-checks, with every strict option", () => {
    const options = {
        compilerOptions: {
            target: "ES2022",
            module: "NodeNext",
            lib: ["ES2022", "DOM", "DOM.Iterable"],
            types: [],
            strict: true,
            exactOptionalPropertyTypes: true,
            noUncheckedIndexedAccess: true,
            noEmit: true,
            skipLibCheck: false,
        },
        files: ["user.ts"],
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(options));
    execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", project], { stdio: "inherit" });
});

test(`the SDK is smaller than ${LIMIT_BYTES} bytes, minified and compressed, beyond protobuf-es and connect`, async (context) => {
    const { build } = require("esbuild") as typeof import("esbuild");
    const bundle = async (external: string[]) => {
        const { outputFiles, metafile } = await build({
            entryPoints: [join(project, "user.ts")],
            bundle: true,
            minify: true,
            splitting: true,
            format: "esm",
            outdir: join(project, "out"),
            write: false,
            metafile: true,
            external,
            preserveSymlinks: false,
        });
        const first = outputFiles.filter(({ path }) => !path.includes("grpc-web"));
        return { bytes: first.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0), metafile };
    };
    const own = await bundle(["@bufbuild/*", "@connectrpc/*"]);
    const whole = await bundle([]);
    context.diagnostic(`${own.bytes} bytes beyond protobuf-es and connect; ${whole.bytes} bytes with them`);
    assert.ok(own.bytes > 5_000, "the bundle contains the SDK");
    assert.ok(own.bytes < LIMIT_BYTES, `${own.bytes} bytes`);
    const inputs = Object.keys(own.metafile.inputs);
    assert.ok(inputs.every((path) => !path.includes("admin_service") && !path.includes("verifier_service")));
});

test("no module does anything when it is imported", async () => {
    const { build } = require("esbuild") as typeof import("esbuild");
    const { outputFiles } = await build({
        stdin: { contents: 'import "@tandem/sdk";', resolveDir: project },
        bundle: true,
        write: false,
        format: "esm",
        logLevel: "silent",
    });
    assert.equal(outputFiles[0]!.text.replace(/\/\/.*\n?/g, "").trim(), "");
    assert.ok(readdirSync(join(project, "node_modules/@tandem/sdk/dist")).length > 10);
});
