// Bundles the pages:  node build.mjs OUTDIR
// Writes index.html, app.js, app.css, favicon.svg there, each compressed as it is served: NAME.gz.
import {build} from 'esbuild';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (!out) {
  console.error('usage: node build.mjs OUTDIR');
  process.exit(2);
}
mkdirSync(out, {recursive: true});
const result = await build({
  entryPoints: {app: join(here, 'src/main.jsx')}, outdir: out, bundle: true, minify: true, format: 'esm', target: 'es2020',
  jsx: 'automatic', jsxImportSource: 'preact', write: false, logLevel: 'warning', absWorkingDir: here,
});
const files = [
  ...result.outputFiles.map((file) => [file.path.split('/').pop(), file.contents]),
  ...['index.html', 'favicon.svg'].map((name) => [name, readFileSync(join(here, 'src', name))]),
];
for (const [name, contents] of files) writeFileSync(join(out, `${name}.gz`), gzipSync(contents, {level: 9}));
