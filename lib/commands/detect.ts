/** `npm run detect`: shows pictures to a detector, draws the boxes and writes COCO results. */
import { Command, InvalidArgumentError } from 'commander';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Picture } from '../coco/image';
import { isPicture } from '../coco/picture-kind';
import { saveResults } from '../coco/results';
import type { CocoDetection, CocoImage } from '../coco/types';
import { writeAtomically } from '../core/atomic-file';
import { requireWritable } from '../core/disk';
import { terminalProgress } from '../core/progress';
import { decodePicture, detectPicture, type FoundObject } from '../distill/detect-picture';
import { readDetector, type PictureDetector } from '../distill/detector-file';
import { contactSheet, drawBoxes, type Panel } from '../view/pictures';
import { boxColors } from '../view/theme';
import { base } from './reproduce/places';

interface Options {
  weights: string;
  out: string;
  threshold: number;
  skipBad: boolean;
}

/** Of a drawing, in pixels; the sheet's panels are smaller. */
const [NARROWEST, WIDEST, PANEL] = [320, 1280, 320];
const PANELS = 24;
const WARM_UP = 1; // the first picture waits for TensorFlow to start

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const shownPath = (file: string): string => path.relative(base, file) || '.';

/** The pictures among `places`, in their order; of a folder all that it holds, by name. */
function pictureFiles(places: readonly string[]): string[] {
  const files = places.flatMap((place) => {
    if (!fs.existsSync(place)) throw new Error(`there is no picture or folder ${place}`);
    return fs.statSync(place).isDirectory() ? picturesIn(place) : [place];
  });
  if (files.length === 0) throw new Error(`${places.join(', ')}: no picture is there; JPEG, PNG and others are read`);
  return [...new Set(files)];
}

function picturesIn(folder: string): string[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const place = path.join(folder, entry.name);
      if (entry.isDirectory()) return picturesIn(place);
      return isPicture(place) ? [place] : [];
    });
}

/** Names of drawings: those of the pictures, told apart where two have one. */
function drawingNames(files: readonly string[]): string[] {
  const taken = new Set<string>();
  return files.map((file) => {
    const stem = path.basename(file, path.extname(file));
    let name = `${stem}.png`;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${stem}-${n}.png`;
    taken.add(name.toLowerCase());
    return name;
  });
}

const draw = (picture: Picture, found: readonly FoundObject[], width: number): Promise<Buffer> =>
  drawBoxes(
    picture,
    [...found]
      .reverse()
      .map(({ bbox, name, score }) => ({ bbox, color: boxColors.found, label: `${name} ${score.toFixed(2)}` })),
    { width },
  );

interface Run {
  images: CocoImage[];
  detections: CocoDetection[];
  panels: Panel[];
  /** Pictures that could not be read, and why. */
  bad: string[];
  /** Milliseconds of resizing, network and suppression, and of how many pictures. */
  spent: { milliseconds: number; pictures: number };
}

async function detectAll(detector: PictureDetector, files: readonly string[], options: Options): Promise<Run> {
  const run: Run = { images: [], detections: [], panels: [], bad: [], spent: { milliseconds: 0, pictures: 0 } };
  const drawings = path.join(options.out, 'drawings');
  fs.mkdirSync(drawings, { recursive: true });
  const names = drawingNames(files);
  const bar = terminalProgress('detect', files.length);
  try {
    for (const [i, file] of files.entries()) {
      const picture = await decodePicture(file).catch((error: Error) => {
        if (!options.skipBad) throw new Error(`${error.message}; remove it, or add --skip-bad to leave it out`);
        run.bad.push(error.message);
      });
      if (picture) await detectOne(detector, { file, picture, drawing: path.join(drawings, names[i]) }, run, options);
      bar.update(i + 1);
    }
  } finally {
    bar.stop();
  }
  return run;
}

async function detectOne(
  detector: PictureDetector,
  { file, picture, drawing }: { file: string; picture: Picture; drawing: string },
  run: Run,
  { threshold, out }: Options,
): Promise<void> {
  const { width, height } = picture;
  const image_id = run.images.length + 1;
  const began = performance.now();
  const found = await detectPicture(detector, picture);
  if (image_id > WARM_UP) {
    run.spent.milliseconds += performance.now() - began;
    run.spent.pictures += 1;
  }
  run.images.push({ id: image_id, file_name: path.relative(out, path.resolve(file)), width, height });
  run.detections.push(
    ...found.map(({ category_id, bbox, score }) => ({ image_id, category_id, bbox, score })),
  );
  const shown = found.filter(({ score }) => score >= threshold);
  fs.writeFileSync(drawing, await draw(picture, shown, Math.min(Math.max(width, NARROWEST), WIDEST)));
  if (run.panels.length >= PANELS) return;
  const title = `${path.basename(file)}: ${shown.length === 1 ? '1 object' : `${shown.length} objects`}`;
  run.panels.push({ title, image: await draw(picture, shown, PANEL) });
}

async function detect(places: string[], words: Options): Promise<void> {
  const options = { ...words, out: path.resolve(base, words.out) };
  const { out, threshold } = options;
  const files = pictureFiles(places.map((place) => path.resolve(base, place)));
  const stored = await readDetector(path.resolve(base, options.weights));
  try {
    requireWritable(out);
    const { images, detections, panels, bad, spent } = await detectAll(stored, files, options);
    bad.forEach((message) => say(`left out: ${message}`));
    if (images.length === 0) throw new Error('none of the pictures could be read');
    const write = (name: string, bytes: string | Buffer): Promise<void> =>
      writeAtomically(path.join(out, name), async (file) => file.writeFile(bytes));
    await saveResults(path.join(out, 'results.json'), detections);
    const { categories } = stored;
    await write('images.json', `${JSON.stringify({ images, annotations: [], categories }, null, 1)}\n`);
    await write('sheet.png', await contactSheet(panels));
    const drawn = detections.filter(({ score }) => score >= threshold).length;
    say(
      `${images.length} pictures, ${drawn} objects of a score of ${threshold} or more drawn ` +
        `(${detections.length} of 0.05 or more in results.json)`,
    );
    if (spent.pictures > 0)
      say(
        `${((1000 * spent.pictures) / spent.milliseconds).toFixed(1)} pictures a second: ` +
          'resizing, network and suppression, one picture after the other, without decoding and drawing',
      );
    say(`${shownPath(out)}: sheet.png, drawings/, results.json (COCO results), images.json (its ids)`);
  } finally {
    stored.detector.dispose();
  }
}

function score(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('expected a number from 0 to 1.');
  return value;
}

new Command('npm run detect --')
  .description('Finds objects on pictures with a detector that npm run reproduce made.')
  .argument('<pictures...>', 'pictures, or folders of pictures')
  .requiredOption('--weights <file>', 'a detector: a .safetensors file of npm run reproduce, teacher or student')
  .option('--out <folder>', 'where drawings and results go', 'detections')
  .option('--threshold <score>', 'draw what has at least this score', score, 0.3)
  .option('--skip-bad', 'leave out pictures that cannot be read, and list them', false)
  .showHelpAfterError('(--help lists the options)')
  .action(detect)
  .parseAsync()
  .catch((error: Error) => {
    process.stderr.write(`\n${process.env.DEBUG ? error.stack : `error: ${error.message}`}\n`);
    process.exitCode = 1;
  });
