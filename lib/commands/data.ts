/**
 * `npm run data`: brings COCO, published weights and sets of other formats here, and verifies what
 * is here.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { basename, join, relative, resolve } from 'node:path';
import { cocoAddress, cocoArchives, type CocoArchive } from '../coco/archives';
import { downloadCoco } from '../coco/download';
import { importFolder, importFormats, type ImportFormat } from '../coco/import';
import { dropLines } from '../coco/import/labelled';
import { verifyCoco } from '../coco/verify';
import { terminalProgress } from '../core/progress';
import { stopOnSignals, stopStatus } from '../train/stop';
import {
  publishedCheckpoint,
  publishedCheckpoints,
  weightsFolder,
  type PublishedCheckpoint,
} from '../weights/checkpoints';
import { downloadFile } from '../download/download-file';
import type { NameMapName } from '../weights/names';

/** Where the user stood when npm was called, and what relative paths are relative to. */
const base = process.env.INIT_CWD ?? process.cwd();
const defaultCoco = resolve(__dirname, '../../../data/coco');
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const signal = stopOnSignals('what is here stays, and the same command goes on from there', () => undefined);
const shared = { signal, progress: terminalProgress, say };
const SHOWN = 20;
/**
 * Bytes of a checkpoint whose size is not published: several times the largest one of the
 * catalogue.
 */
const MOST = 2 ** 31;

interface CocoWords {
  only?: CocoArchive['part'];
  to: string;
  verify: boolean;
  mirror: string;
  keepZips: boolean;
}

async function coco({ only, to, verify, mirror, keepZips }: CocoWords): Promise<void> {
  const folder = resolve(base, to);
  const archives = cocoArchives.filter(({ part }) => !only || part === only || part === 'annotations');
  if (!verify) {
    await downloadCoco({ ...shared, folder, archives, address: mirror, keepZips });
    say(`COCO is in ${folder}; commands take it as --data ${relative(base, folder) || '.'}`);
    return;
  }
  const problems = await verifyCoco({ ...shared, folder, archives });
  if (problems.length === 0) return;
  problems.slice(0, SHOWN).forEach(say);
  if (problems.length > SHOWN) say(`... and ${problems.length - SHOWN} more`);
  throw new Error(
    `${folder}: ${problems.length} files are missing or damaged; what this command had ` +
      'unpacked is fetched again by the same command without --verify',
  );
}

/** How many characters a column needs. */
const width = (words: string[]): number => Math.max(...words.map((word) => word.length));

function list(): void {
  const all = publishedCheckpoints();
  const names = width(all.map(({ name }) => name));
  for (const { name, what, AP, mebibytes, licence } of all) {
    say(
      `${name.padEnd(names)}  ${AP === undefined ? '    -  ' : `AP ${AP.toFixed(1)}`}  ` +
        `${mebibytes === undefined ? '     -   ' : `${mebibytes.toFixed(1).padStart(5)} MiB`}  ${what}`,
    );
    say(`${' '.repeat(names)}  ${licence}`);
  }
  say(`\nnpm run data -- weights NAME puts one into ${weightsFolder}. A dash: not published, or no detector.`);
}

/** What of a file could be held against what is known of it. */
function verified({ sha256, sha256Prefix, bytes }: PublishedCheckpoint): string {
  const size = bytes === undefined ? 'its exact size is not published' : `it has the ${bytes} bytes it should have`;
  if (sha256) return `The SHA-256 is ${sha256}, as it is known to be; ${size}.`;
  if (sha256Prefix)
    return `The SHA-256 begins with ${sha256Prefix}; its publisher says no more of it than these digits, and ${size}.`;
  return 'No checksum of it is published; its length is the one that the server said.';
}

/** Names of files that hold a backbone alone. */
const OF_BACKBONES: readonly NameMapName[] = ['torchvision-resnet', 'torchvision-mobilenetv2'];

/** What names begin with, beside those of the backbone, in any family. */
const BESIDE_BACKBONE = "['neck.', 'bbox_head.', 'rpn_head.', 'roi_head.']";

function howToUse({ name, AP, names, what }: PublishedCheckpoint, file: string): void {
  say(`${what}\n${file}`);
  if (names === 'freekd-prompt')
    say(`npm run reproduce -- --experiment retinanet-r101-r50-coco --profile released --prompt ${name}`);
  else
    say(
      'await importWeights(detector.parameters, file, { names: ' +
        `'${names}'${OF_BACKBONES.includes(names) ? `, optional: ${BESIDE_BACKBONE}` : ''} })`,
    );
  if (AP !== undefined) say(`Expected on COCO val2017: ${AP.toFixed(1)} AP. Measure it before you distil from it.`);
}

async function weights(
  name: string | undefined,
  { list: listed, to, mirror }: { list: boolean; to?: string; mirror?: string },
): Promise<void> {
  if (listed || name === undefined) return list();
  const checkpoint = publishedCheckpoint(name);
  const { url, bytes, mebibytes } = checkpoint;
  const file = to === undefined ? checkpoint.file() : join(resolve(base, to), basename(url));
  const digits = checkpoint.sha256 ?? checkpoint.sha256Prefix;
  const checksum = digits === undefined ? undefined : ({ algorithm: 'sha256', digits } as const);
  const most = mebibytes === undefined ? MOST : Math.ceil((mebibytes + 0.001) * 2 ** 20);
  await downloadFile(
    { url: mirror ? `${mirror.replace(/\/+$/, '')}/${basename(url)}` : url, file, bytes, most, checksum },
    shared,
  );
  say(verified(checkpoint));
  howToUse(checkpoint, file);
}

const FORMATS: Record<ImportFormat, string> = { voc: "Pascal VOC's XML", yolo: "YOLO's text", coco: "COCO's JSON" };

interface ImportWords {
  to: string;
  format?: ImportFormat;
  val: number;
  seed: number;
  copy: boolean;
}

async function importSet(place: string, { to, ...words }: ImportWords): Promise<void> {
  const target = resolve(base, to);
  let bar: ReturnType<typeof terminalProgress> | undefined;
  const progress = (done: number, total: number): void =>
    (bar ??= terminalProgress('pictures', total)).update(done);
  try {
    const imported = await importFolder(resolve(base, place), { ...words, to: target, signal, progress });
    bar?.stop();
    dropLines(imported.dropped).forEach(say);
    if (imported.clipped > 0) say(`clipped to their picture: ${imported.clipped} boxes`);
    const counts = Object.entries(imported.splits).map(
      ([split, { pictures, boxes }]) => `${split} ${pictures} pictures with ${boxes} boxes`,
    );
    const { drawn, categories } = imported;
    const how = drawn ? `val drawn from train, ${drawn.val} by seed ${drawn.seed}` : 'val as it was';
    say(`${FORMATS[imported.format]}: ${counts.join(', ')} (${how})`);
    say(`categories: ${categories.join(', ')}`);
    const shown = relative(base, target) || '.';
    say(`${shown} is in COCO's layout, and import.json there lists what was left out`);
    say(`go on with npm run reproduce -- --data ${shown}`);
  } finally {
    bar?.stop();
  }
}

/** A parser of a number. */
const number =
  (isRight: (value: number) => boolean, expected: string) =>
  (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text);
    if (!isRight(value)) throw new InvalidArgumentError(`expected ${expected}.`);
    return value;
  };

function program(): Command {
  const data = new Command('npm run data --')
    .description('Downloads data and weights, with resume: the same command goes on after a break, a kill or Ctrl-C.')
    .showHelpAfterError('(--help lists the options)');
  data
    .command('coco')
    .description(
      'COCO 2017: pictures and box annotations, 21 GB to fetch; about twice that must be free while it is unpacked',
    )
    .addOption(
      new Option(
        '--only <part>',
        'one set of pictures (the annotations come with it), or the annotations alone',
      ).choices(cocoArchives.map(({ part }) => part)),
    )
    .option('--to <folder>', 'where it goes, or lies already', defaultCoco)
    .option('--verify', 'download nothing; look at every file that is there', false)
    .addOption(
      new Option('--mirror <address>', 'a server with the same paths').default(cocoAddress).env('FREEKD_COCO_MIRROR'),
    )
    .option('--keep-zips', 'keep the zips after unpacking', false)
    .action(coco);
  data
    .command('weights')
    .description('a published checkpoint by its name in data/checkpoints.json')
    .argument('[name]', 'which; without it they are listed')
    .option('--list', 'list all, with expected AP, size and licence', false)
    .option('--to <folder>', `where it goes (default: ${weightsFolder})`)
    .addOption(
      new Option('--mirror <address>', 'a folder on a server that holds files of the same names').env(
        'FREEKD_WEIGHTS_MIRROR',
      ),
    )
    .action(weights);
  data
    .command('import')
    .description(
      "a folder of yours, annotated as Pascal VOC's XML, YOLO's text or COCO's JSON, into a new one in COCO's layout",
    )
    .argument('<folder>', 'pictures and annotations, however they are sorted into folders')
    .requiredOption('--to <folder>', 'where the set goes; nothing is overwritten')
    .addOption(
      new Option('--format <name>', 'which annotations to take (default: those that are there)').choices(importFormats),
    )
    .option(
      '--val <share>',
      'share of the pictures for validation, where the folder has no such split of its own',
      number((value) => value > 0 && value < 1, 'a number between 0 and 1'),
      0.2,
    )
    .option(
      '--seed <n>',
      'of that draw',
      number((value) => Number.isSafeInteger(value) && value >= 0, 'a whole number'),
      1,
    )
    .option('--copy', 'copy pictures (default: link them, where the disk allows it)', false)
    .action(importSet);
  return data;
}

program()
  .parseAsync()
  .catch((error: unknown) => {
    // What a stop broke off has errors of its own.
    const { message, stack } = (signal.aborted ? signal.reason : error) as Error;
    process.stderr.write(`\n${process.env.DEBUG || signal.aborted ? stack : `error: ${message}`}\n`);
    process.exitCode = signal.aborted ? stopStatus(signal) : 1;
  });
