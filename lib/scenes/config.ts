/**
 * The settings of a set of emoji scenes, their checks, and the short hash that names a set's
 * folder.
 */
import { createHash } from 'node:crypto';

/**
 * Changes whenever the same settings would give other pictures, so that old sets are not taken for
 * new ones.
 */
export const generatorVersion = 1;

export type Split = 'train' | 'val';

export interface SceneConfig {
  seed: number;
  /**
   * Number of training and validation pictures. Picture i is the same in every set that differs
   * only in these.
   */
  train: number;
  val: number;
  /** Height and width of a picture in pixels. */
  size: number;
  /** Longer side of an emoji before rotation and stretch, in pixels; drawn log-uniformly. */
  minSize: number;
  maxSize: number;
  /** Fewest and most objects a picture, fewest and most things of no category. */
  objects: readonly [number, number];
  distractors: readonly [number, number];
  /** Largest rotation either way, in degrees. */
  rotation: number;
  /** Largest factor between the stretch of the two axes. */
  stretch: number;
  /** Least share of an object that stays visible: a thing that would hide more is put elsewhere. */
  minVisible: number;
  /**
   * Largest standard deviation of the Gaussian blur, in pixels, and of the noise, in grey levels of
   * 255.
   */
  blur: number;
  noise: number;
}

export const sceneDefaults: SceneConfig = {
  seed: 0,
  train: 2000,
  val: 300,
  size: 128,
  minSize: 18,
  maxSize: 72,
  objects: [1, 6],
  distractors: [0, 3],
  rotation: 15,
  stretch: 1.25,
  minVisible: 0.5,
  blur: 0.9,
  noise: 10,
};

/**
 * `options` over the defaults. Throws a RangeError that names the field, its value and what is
 * allowed.
 */
export function sceneConfig(options: Partial<SceneConfig> = {}): SceneConfig {
  const config = { ...sceneDefaults };
  for (const [field, value] of Object.entries(options)) {
    if (!(field in sceneDefaults)) {
      throw new RangeError(
        `emoji scenes: there is no setting '${field}'; there are ${Object.keys(sceneDefaults).join(', ')}`,
      );
    }
    if (value !== undefined) Object.assign(config, { [field]: value });
  }
  integer(config, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  integer(config, 'train', 0, 1_000_000);
  integer(config, 'val', 0, 1_000_000);
  integer(config, 'size', 16, 2048);
  number(config, 'minSize', 4, config.size);
  number(config, 'maxSize', config.minSize, config.size);
  range(config, 'objects');
  range(config, 'distractors');
  number(config, 'rotation', 0, 180);
  number(config, 'stretch', 1, 2);
  number(config, 'minVisible', 0.05, 1);
  number(config, 'blur', 0, 10);
  number(config, 'noise', 0, 100);
  return config;
}

/** Eight hexadecimal digits that differ whenever a setting or the generator does. */
export function sceneHash(config: SceneConfig): string {
  const fields = Object.keys(sceneDefaults) as (keyof SceneConfig)[];
  const text = JSON.stringify([generatorVersion, ...fields.map((field) => config[field])]);
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

type NumberField = { [F in keyof SceneConfig]: SceneConfig[F] extends number ? F : never }[keyof SceneConfig];

function number(config: SceneConfig, field: NumberField, low: number, high: number): void {
  const value = config[field];
  if (!(typeof value === 'number' && value >= low && value <= high)) {
    throw new RangeError(`emoji scenes: ${field} is ${value}, but must be a number from ${low} to ${high}`);
  }
}

function integer(config: SceneConfig, field: NumberField, low: number, high: number): void {
  if (!Number.isInteger(config[field])) {
    throw new RangeError(`emoji scenes: ${field} is ${config[field]}, but must be a whole number`);
  }
  number(config, field, low, high);
}

function range(config: SceneConfig, field: 'objects' | 'distractors'): void {
  const value = config[field];
  const fits =
    Array.isArray(value) && value.length === 2 && value.every((n) => Number.isInteger(n) && n >= 0 && n <= 100);
  if (!fits || value[0] > value[1]) {
    throw new RangeError(
      `emoji scenes: ${field} is ${JSON.stringify(value)}, but must be [fewest, most], whole numbers from 0 to 100`,
    );
  }
}
