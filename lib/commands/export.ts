/** `npm run export`: takes a detector to Python or to a runtime of ONNX. */
import { Command, InvalidArgumentError, Option } from 'commander';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Size } from '../coco/input-size';
import { writeAtomically } from '../core/atomic-file';
import { requireWritable, sizeText } from '../core/disk';
import type { DetectorConfig } from '../detection/families';
import { readDetector, type PictureDetector } from '../distill/detector-file';
import { fixedSize, onnxBytes, type OnnxOptions } from '../export/onnx';
import { pythonModule, writePythonCheckpoint, writePythonSafetensors } from '../export/python';
import { base } from './reproduce/places';

interface Options extends OnnxOptions {
  weights: string;
  to: keyof typeof endings;
  out: string;
  force: boolean;
}

const endings = { safetensors: '.safetensors', torch: '.pt', onnx: '.onnx' } as const;
const [SMALLEST, LARGEST] = [8, 8192]; // pixels of a side

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const shownPath = (file: string): string => path.relative(base, file) || '.';

async function write(file: string, bytes: string | Uint8Array): Promise<void> {
  await writeAtomically(file, async (handle) => handle.writeFile(bytes));
  say(`${shownPath(file)} (${sizeText(fs.statSync(file).size)})`);
}

/** Throws where a file would be lost; one of the very same text is as good as written. */
function requireReplaceable(file: string, force: boolean, text?: string): void {
  if (force || !fs.existsSync(file) || (text !== undefined && fs.readFileSync(file, 'utf8') === text)) return;
  throw new Error(`${shownPath(file)} is there already: choose another folder with --out, or replace it with --force`);
}

async function writeForPython(
  file: string,
  stored: PictureDetector,
  { to, force }: { to: 'safetensors' | 'torch'; force: boolean },
): Promise<void> {
  const { name, text, packages } = pythonModule(stored.detector.config as DetectorConfig);
  requireReplaceable(path.join(path.dirname(file), name), force, text);
  await (to === 'torch' ? writePythonCheckpoint : writePythonSafetensors)(file, stored);
  say(`${shownPath(file)} (${sizeText(fs.statSync(file).size)})`);
  await write(path.join(path.dirname(file), name), text);
  const module = path.basename(name, '.py');
  const call = `${module}.load('${path.basename(file)}').detect(picture)`;
  say(`in Python, with ${packages.join(' and ')}: import ${module}; ${call}`);
}

async function writeForOnnx(file: string, stored: PictureDetector, { size, nms }: OnnxOptions): Promise<void> {
  const { width, height } = size ?? fixedSize(stored.size);
  await write(file, onnxBytes(stored, { size, nms }));
  const outputs = nms === 'beside' ? 'boxes and logits of all places' : 'boxes, scores, labels';
  say(`input: picture, uint8 [1, ${height}, ${width}, 3], R G B; outputs: ${outputs}`);
}

/** Before anything is written. */
function requireFixedSize(file: string, { size }: PictureDetector): void {
  try {
    fixedSize(size);
  } catch (error) {
    throw new Error(`${shownPath(file)}: ${(error as Error).message}`);
  }
}

async function exportDetector({ weights, to, out, force, ...options }: Options): Promise<void> {
  if (to !== 'onnx' && (options.size || options.nms))
    throw new Error(`--size and --nms are for --to onnx: leave them out for --to ${to}`);
  const source = path.resolve(base, weights);
  const folder = path.resolve(base, out);
  const file = path.join(folder, `${path.basename(source, path.extname(source))}${endings[to]}`);
  if (!fs.existsSync(source)) throw new Error(`there is no file ${shownPath(source)}`);
  if (file === source)
    throw new Error(`${shownPath(file)} would replace the weights: choose another folder with --out`);
  requireReplaceable(file, force);
  const stored = await readDetector(source);
  try {
    if (to === 'onnx' && !options.size) requireFixedSize(source, stored);
    requireWritable(folder);
    if (to === 'onnx') await writeForOnnx(file, stored, options);
    else await writeForPython(file, stored, { to, force });
  } finally {
    stored.detector.dispose();
  }
}

function size(text: string): Size {
  const [width, height] = (/^(\d+)x(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  const fits = (side: number): boolean => side >= SMALLEST && side <= LARGEST;
  if (!fits(width) || !fits(height))
    throw new InvalidArgumentError(`expected WIDTHxHEIGHT in pixels from ${SMALLEST} to ${LARGEST}, as 128x128.`);
  return { width, height };
}

new Command('npm run export --')
  .description('Takes a detector that npm run reproduce made to Python or to a runtime of ONNX.')
  .requiredOption('--weights <file>', 'a detector: a .safetensors file of npm run reproduce, student or teacher')
  .addOption(
    new Option('--to <format>', 'weights and a module for PyTorch (safetensors, torch), or a graph (onnx)')
      .choices(Object.keys(endings))
      .makeOptionMandatory(),
  )
  .option('--out <folder>', 'where the files go', 'exported')
  .option('--force', 'replace files that are there already', false)
  .option('--size <WxH>', 'onnx: size of the pictures that the graph reads; default that of its training', size)
  .addOption(
    new Option('--nms <where>', 'onnx: suppression inside the graph, or raw outputs for it (default: inside)').choices([
      'inside',
      'beside',
    ]),
  )
  .showHelpAfterError('(--help lists the options)')
  .action(exportDetector)
  .parseAsync()
  .catch((error: Error) => {
    process.stderr.write(`\n${process.env.DEBUG ? error.stack : `error: ${error.message}`}\n`);
    process.exitCode = 1;
  });
