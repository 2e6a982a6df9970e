// Builds the console into dist/: files with their hash in the name, a gzip form of each, and the page that loads them.
// `node build.mjs --source-map` adds source maps.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const folder = dirname(fileURLToPath(import.meta.url));
const dist = join(folder, "dist");
const PACKED = /\.(html|js|css|svg|txt)$/;

const result = await build({
    absWorkingDir: folder,
    entryPoints: ["src/main.tsx", "src/style.css"],
    outdir: "dist",
    entryNames: "assets/[name]-[hash]",
    chunkNames: "assets/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    target: ["es2022", "chrome109", "firefox115", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    alias: { "@tandem/sdk": join(folder, "../sdk/src/index.ts") },
    legalComments: "none",
    sourcemap: process.argv.includes("--source-map"),
    metafile: true,
    write: false,
});

const files = new Map(result.outputFiles.map((file) => [relative(dist, file.path), Buffer.from(file.contents)]));
for (const name of await readdir(join(folder, "public"))) {
    files.set(name, await readFile(join(folder, "public", name)));
}
files.set("index.html", Buffer.from(await page()));
files.set("licenses.txt", Buffer.from(await licenses()));

await mkdir(dist, { recursive: true });
for (const name of await readdir(dist)) {
    if (name !== ".gitignore") await rm(join(dist, name), { recursive: true });
}
for (const [name, contents] of files) {
    await write(name, contents);
    if (PACKED.test(name)) await write(`${name}.gz`, gzipSync(contents, { level: 9 }));
}
report();

async function write(name, contents) {
    const path = join(dist, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
}

/** The names of the output files, by what they were made from. */
function outputs(entry) {
    const found = Object.entries(result.metafile.outputs).find(([, output]) => output.entryPoint === entry);
    return { name: found[0].replace(/^dist\//, ""), imports: found[1].imports };
}

/** The page, with its script, what that script needs at once, and its styles. */
async function page() {
    const template = await readFile(join(folder, "index.html"), "utf8");
    const script = outputs("src/main.tsx");
    const style = outputs("src/style.css");
    const needed = script.imports.filter(({ kind }) => kind === "import-statement");
    const links = [
        `<link rel="stylesheet" href="/app/${style.name}">`,
        ...needed.map(({ path }) => `<link rel="modulepreload" href="/app/${path.replace(/^dist\//, "")}">`),
        `<script type="module" src="/app/${script.name}"></script>`,
    ];
    return template.replace("<!-- files -->", links.join("\n"));
}

/** The licence of every package that is part of the result. */
async function licenses() {
    const packages = new Set();
    for (const input of Object.keys(result.metafile.inputs)) {
        const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
        if (found) packages.add(found[1]);
    }
    const texts = [...packages].sort().map(async (path) => {
        const own = JSON.parse(await readFile(join(folder, path, "package.json"), "utf8"));
        const names = await readdir(join(folder, path));
        const file = names.find((name) => /^licen[cs]e/i.test(name));
        const text = file ? await readFile(join(folder, path, file), "utf8") : "";
        return `${own.name} ${own.version}: ${own.license}\n${text}`;
    });
    return (await Promise.all(texts)).join("\n----\n\n");
}

function report() {
    const scripts = [...files].filter(([name]) => /\.(js|css|html)$/.test(name));
    for (const [name, contents] of scripts) {
        const size = gzipSync(contents, { level: 9 }).length;
        console.log(`${String(size).padStart(7)} bytes compressed  ${name}`);
    }
}
