/**
 * A detector in one safetensors file that stands alone: its weights, and in the header's metadata,
 * under `detector`, the JSON of its config, of the size it reads pictures at and of its categories.
 * Teachers of before have that in their card, the JSON file of the same name beside them.
 */
import * as fs from 'node:fs';
import type { InputSize } from '../coco/input-size';
import { inputSizeSchema } from '../coco/schema';
import type { CocoCategory } from '../coco/types';
import * as s from '../core/schema';
import { createDetector, detectorSchema, type DetectorConfig } from '../detection/families';
import type { Detector } from '../detection/detector';
import { importWeights } from '../weights/import';
import { readSafetensors, safetensorsMetadata, writeSafetensors } from '../weights/safetensors';

/** What must be known of a detector to show it a picture. */
export interface PictureInput {
  /** The size of its training: pictures are resized to it. */
  size: InputSize;
  /** As of a loader; default false. */
  antialias?: boolean;
  /** In the order of its classes. */
  categories: readonly CocoCategory[];
}

/** A detector that can be shown pictures. The caller disposes `detector`. */
export interface PictureDetector extends PictureInput {
  detector: Detector;
}

interface Described extends PictureInput {
  model: DetectorConfig;
}

const described: s.Schema<Described> = s.pipe(
  s.openFields({
    model: detectorSchema,
    size: inputSizeSchema,
    antialias: s.optional(s.truth()),
    categories: s.list(s.openFields({ id: s.whole(0, Number.MAX_SAFE_INTEGER), name: s.text() }), 1, 100_000),
  }),
  s.check(
    ({ model, categories }) => model.classes === categories.length,
    ({ input: { model, categories } }) => `has ${model.classes} classes but ${categories.length} categories`,
  ),
) as s.Schema<Described>;

/** The metadata of a file that holds the weights of this detector. */
export function detectorMetadata(
  detector: Pick<Detector, 'config'>,
  { size, antialias, categories }: PictureInput,
): Record<string, string> {
  const named = categories.map(({ id, name }) => ({ id, name }));
  return { format: 'freekd', detector: JSON.stringify({ model: detector.config, size, antialias, categories: named }) };
}

/** Writes a detector as one file that `readDetector` opens. */
export async function writeDetector(file: string, { detector, ...input }: PictureDetector): Promise<void> {
  await writeSafetensors(file, detector.parameters.read(), detectorMetadata(detector, input));
}

/** The metadata `format` of a file whose tensors have PyTorch's shapes, as it is usual among them. */
export const PYTORCH_FORMAT = 'pt';

/**
 * Opens what `writeDetector` wrote, a teacher with its card beside it, or what was exported for
 * Python as safetensors.
 * @param file ending in .safetensors
 * @throws naming the file, where nothing says what its detector is, or its weights do not fit that
 */
export async function readDetector(file: string): Promise<PictureDetector> {
  const { model, size, antialias, categories } = await description(file);
  const { format } = await safetensorsMetadata(file);
  const detector = createDetector(model);
  try {
    if (format === PYTORCH_FORMAT) await importWeights(detector.parameters, file);
    else await load(detector, file);
    return { detector, size, antialias, categories };
  } catch (error) {
    detector.dispose();
    throw error;
  }
}

async function load({ parameters }: Detector, file: string): Promise<void> {
  const stored = [...(await readSafetensors(file))];
  try {
    parameters.load(new Map(stored.map(([name, { shape, data }]) => [name, { shape, data: data as Float32Array }])));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
}

async function description(file: string): Promise<Described> {
  const { detector: text } = await safetensorsMetadata(file);
  if (text !== undefined) return s.checked(described, parsed(text, `${file}: metadata "detector"`), file);
  const card = file.replace(/\.safetensors$/, '.json');
  if (card === file || !fs.existsSync(card))
    throw new Error(
      `${file} does not say what its detector is, in its metadata or in a card ${card}: take a file that ` +
        'npm run reproduce or writeDetector wrote',
    );
  const told = parsed(fs.readFileSync(card, 'utf8'), card);
  if (isCheckpoint(told))
    throw new Error(
      `${file} is a checkpoint of a run at step ${told.step}, with all that it goes on with: the same command with ` +
        '--resume ends the run, and writes the detector (student-seed1.safetensors, teacher.safetensors)',
    );
  const { config, categories } = s.checked(
    s.openFields({ config: s.openFields({}), categories: s.anything() }),
    told,
    card,
  );
  return s.checked(described, { ...config, categories }, card);
}

/** Whether this is what stands beside a checkpoint (train/checkpoint.ts), and not a detector's card. */
function isCheckpoint(told: unknown): told is { step: number } {
  return typeof told === 'object' && told !== null && 'fingerprint' in told && 'step' in told;
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${where} is no JSON (${(error as Error).message})`);
  }
}
