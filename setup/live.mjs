/**
 * The live page of `npm run site`: detectors as ONNX, and a page that shows pictures to them in the
 * browser. All that it needs lies beside it; it asks no other host for anything.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createRequire } from 'node:module';
import esbuild from 'esbuild';
import sharp from 'sharp';
import { fromRoot, root } from './paths.mjs';

const require = createRequire(import.meta.url);
const { onnxBytes, readDetector } = require('../lib/dist/index.js');
const { sceneConfig } = require('../lib/dist/scenes/config.js');
const { ScenePainter } = require('../lib/dist/scenes/scene.js');

/** Where the user stood when npm was called. */
const base = process.env.INIT_CWD ?? process.cwd();
const SHIPPED = fromRoot('data', 'teachers', 'emoji-scenes.safetensors');
const SCENES = 6;

/** What the page knows of a detector; its graph is written beside. */
async function exported(file, folder, at) {
  const stored = await readDetector(file);
  try {
    const { size, antialias, categories } = stored;
    const name = path.basename(file, '.safetensors');
    const refuse = (why) => {
      throw new Error(`${file}: its pictures ${why}; name another detector with --weights`);
    };
    if (!('width' in size)) refuse('keep their proportions, but the live page takes one size');
    if (antialias) refuse('are resized with antialias, which the live page cannot do');
    const graph = `${at}-${name}.onnx`;
    fs.writeFileSync(path.join(folder, graph), onnxBytes(stored));
    return { name, graph, size, categories };
  } finally {
    stored.detector.dispose();
  }
}

/** Emoji scenes that nobody was trained on. */
async function paintScenes(folder) {
  const painter = new ScenePainter(sceneConfig({ seed: 2024 }));
  const { size } = sceneConfig();
  const raw = { width: size, height: size, channels: 3 };
  for (let i = 0; i < SCENES; i++)
    await sharp(painter.paint('val', i).pixels, { raw }).png().toFile(path.join(folder, `scene-${i + 1}.png`));
  return Array.from({ length: SCENES }, (_, i) => `scene-${i + 1}.png`);
}

async function main() {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, weights: { type: 'string', multiple: true, default: [SHIPPED] } },
  });
  const folder = path.join(values.out ? path.resolve(base, values.out) : path.join(root, 'site'), 'live');
  fs.mkdirSync(folder, { recursive: true });
  const detectors = [];
  for (const [at, file] of values.weights.entries())
    detectors.push(await exported(path.resolve(base, file), folder, at));
  const scenes = await paintScenes(folder);
  fs.writeFileSync(path.join(folder, 'detectors.json'), JSON.stringify({ detectors, scenes }));
  await esbuild.build({
    entryPoints: [fromRoot('setup', 'live', 'page.mjs')],
    outfile: path.join(folder, 'page.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  const wasm = 'ort-wasm-simd-threaded.wasm';
  fs.copyFileSync(path.join(path.dirname(require.resolve('onnxruntime-web/wasm')), wasm), path.join(folder, wasm));
  fs.copyFileSync(fromRoot('setup', 'live', 'index.html'), path.join(folder, 'index.html'));
  console.log(`live page: ${path.join(folder, 'index.html')}, to be served by any static host`);
}

main().catch((error) => {
  process.stderr.write(`\nerror: ${error.message}\n`);
  process.exitCode = 1;
});
