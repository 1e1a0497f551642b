/**
 * One emoji scene: background, objects and distractors laid over each other, blur, noise; and the
 * boxes of what stays visible. A scene is a function of (settings, split, index) alone.
 */
import { Random } from '../core/random';
import { colourNoise } from './background';
import type { SceneConfig, Split } from './config';
import { compose, forEachInside, placeSprite, type Patch, type Placement } from './paste';
import { loadSprite, type Sprite } from './sprites';
import { distractorEmoji, sceneCategories } from './vocabulary';

export interface SceneObject {
  categoryId: number;
  emoji: string;
  /** x, y, width, height: the tight box of the visible pixels. */
  bbox: [number, number, number, number];
  /** Number of visible pixels. */
  area: number;
}

export interface Scene {
  /** [size, size, 3], 0..255. */
  pixels: Uint8Array;
  objects: SceneObject[];
  /**
   * [size, size]: position in `objects` of what is visible at a pixel, -1 for distractors and
   * background.
   */
  owner: Int16Array;
}

/** Where a thing is tried before the scene goes on without it. */
const attempts = 20;
/** Least number of pixels of an object that must stay visible. */
const fewestPixels = 12;

/** Draws scenes of one set of settings; keeps the rasterised emoji. */
export class ScenePainter {
  private readonly sprites = new Map<string, Sprite>();

  constructor(private readonly config: SceneConfig) {}

  /** Picture `index`, from 0, of `split`. */
  paint(split: Split, index: number): Scene {
    const { config } = this;
    const random = new Random(config.seed).fork(`emoji-scenes/${split}/${index}`);
    const picture = colourNoise(config.size, random); // [H, W, 3]
    const placed = this.place(random);
    for (const thing of placed.things) compose(picture, config.size, thing.patch, thing.gain);
    blur(picture, config.size, random.next() < 0.5 ? random.uniform(0, config.blur) : 0);
    addNoise(picture, random.uniform(0, config.noise), random);
    return { pixels: toBytes(picture), ...visibleObjects(placed, config.size) };
  }

  /** Chooses what the scene shows, back to front, so that enough of every object stays visible. */
  private place(random: Random): Placed {
    const { config } = this;
    const things: Thing[] = [];
    const owner = new Int16Array(config.size * config.size).fill(-1); // [H, W] position in `things`
    const objects = between(config.objects, random);
    const distractors = between(config.distractors, random);
    const order = random.shuffle(Array.from({ length: objects + distractors }, (_, i) => i < objects));
    for (const isObject of order) {
      const category = isObject ? random.pick(sceneCategories) : undefined;
      const emoji = random.pick(category?.emoji ?? distractorEmoji);
      const patch = placeSprite(this.sprite(emoji), this.look(random));
      const brightness = random.uniform(0.7, 1.15);
      const gain = [0, 1, 2].map(() => brightness * random.uniform(0.92, 1.08));
      for (let attempt = 0; attempt < attempts; attempt++) {
        const moved = {
          ...patch,
          left: cutOff(patch.width, config.size, random),
          top: cutOff(patch.height, config.size, random),
        };
        if (this.lay({ emoji, categoryId: category?.id, patch: moved, gain, visible: 0 }, things, owner)) break;
      }
    }
    return { things, owner };
  }

  private look(random: Random): Placement {
    const { minSize, maxSize, stretch, rotation } = this.config;
    const factor = Math.sqrt(stretch) ** random.uniform(-1, 1);
    return {
      x: random.next(),
      y: random.next(),
      size: minSize * (maxSize / minSize) ** random.next(),
      stretchX: factor,
      stretchY: 1 / factor,
      angle: (random.uniform(-rotation, rotation) * Math.PI) / 180,
      mirrored: random.next() < 0.5,
    };
  }

  /** Puts `thing` on top, unless it or an object under it would then be too little visible. */
  private lay(thing: Thing, things: Thing[], owner: Int16Array): boolean {
    const hidden = new Map<number, number>();
    forEachInside(thing.patch, this.config.size, (source, target) => {
      if (thing.patch.pixels[source + 3] < 127.5) return;
      thing.visible++;
      if (owner[target] >= 0) hidden.set(owner[target], (hidden.get(owner[target]) ?? 0) + 1);
    });
    const enough = (other: Thing, visible: number): boolean =>
      other.categoryId === undefined || visible >= Math.max(fewestPixels, this.config.minVisible * other.patch.area);
    if (!enough(thing, thing.visible)) return false;
    for (const [i, pixels] of hidden) if (!enough(things[i], things[i].visible - pixels)) return false;
    for (const [i, pixels] of hidden) things[i].visible -= pixels;
    forEachInside(thing.patch, this.config.size, (source, target) => {
      if (thing.patch.pixels[source + 3] >= 127.5) owner[target] = things.length;
    });
    things.push(thing);
    return true;
  }

  private sprite(emoji: string): Sprite {
    let sprite = this.sprites.get(emoji);
    if (sprite === undefined) {
      sprite = loadSprite(emoji, this.config.maxSize);
      this.sprites.set(emoji, sprite);
    }
    return sprite;
  }
}

interface Thing {
  emoji: string;
  /** Undefined for distractors. */
  categoryId: number | undefined;
  patch: Patch;
  /** Factor of red, green, blue. */
  gain: number[];
  /** Pixels of the picture that show it. */
  visible: number;
}

interface Placed {
  /** Back to front. */
  things: Thing[];
  /** [size, size] position in `things`, -1 for background. */
  owner: Int16Array;
}

/** Tight boxes of the pixels that each object owns. */
function visibleObjects({ things, owner }: Placed, size: number): { objects: SceneObject[]; owner: Int16Array } {
  const objects: SceneObject[] = [];
  const position = things.map(({ categoryId, emoji, visible }) => {
    if (categoryId === undefined) return -1;
    return objects.push({ categoryId, emoji, bbox: [0, 0, 0, 0], area: visible }) - 1;
  });
  const objectOwner = owner.map((i) => (i < 0 ? -1 : position[i]));
  const corners = objects.map(() => [size, size, 0, 0]); // left, top, right, bottom
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = objectOwner[y * size + x];
      if (i < 0) continue;
      const [left, top, right, bottom] = corners[i];
      corners[i] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
    }
  }
  corners.forEach(([left, top, right, bottom], i) => {
    objects[i].bbox = [left, top, right - left, bottom - top];
  });
  return { objects, owner: objectOwner };
}

/** Gaussian blur of [size, size, 3] in place, separable, edges repeated; none below 0.2 pixels. */
function blur(picture: Float32Array, size: number, deviation: number): void {
  if (deviation < 0.2) return;
  const radius = Math.ceil(3 * deviation);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)),
  );
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const line = new Float32Array(size + 2 * radius);
  for (const [along, across] of [[3, size * 3], [size * 3, 3]]) {
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) {
        const start = i * across + c;
        for (let j = 0; j < line.length; j++)
          line[j] = picture[start + Math.min(Math.max(j - radius, 0), size - 1) * along];
        for (let j = 0; j < size; j++) {
          let sum = 0;
          for (let k = 0; k < kernel.length; k++) sum += kernel[k] * line[j + k];
          picture[start + j * along] = sum / total;
        }
      }
    }
  }
}

/** Adds independent noise of a triangular distribution with the given standard deviation. */
function addNoise(picture: Float32Array, deviation: number, random: Random): void {
  const width = deviation * Math.sqrt(6);
  for (let i = 0; i < picture.length; i++) picture[i] += width * (random.next() + random.next() - 1);
}

/**
 * A first row or column for something of `length` pixels, at most 15 % of which then lie outside
 * the picture.
 */
function cutOff(length: number, size: number, random: Random): number {
  const outside = 0.15 * length;
  return Math.round(random.uniform(-outside, size - length + outside));
}

function between([low, high]: readonly [number, number], random: Random): number {
  return low + random.int(high - low + 1);
}

/** Rounded and clamped to 0..255, which is what a clamped array does. */
function toBytes(picture: Float32Array): Uint8Array {
  return new Uint8Array(new Uint8ClampedArray(picture).buffer);
}
