/**
 * One emoji scene: background, objects and distractors laid over each other, blur, noise; and the boxes of what stays
 * visible. A scene is a function of (settings, split, index) alone.
 */
import { Random } from '../kernels/random';
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
  /** [size, size]: position in `objects` of what is visible at a pixel, -1 for distractors and background. */
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
    return { pixels: Uint8Array.from(picture, toByte), ...visibleObjects(placed, config.size) };
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
      const look = this.look(random);
      const brightness = random.uniform(0.7, 1.15);
      const gain = [0, 1, 2].map(() => brightness * random.uniform(0.92, 1.08));
      for (let attempt = 0; attempt < attempts; attempt++) {
        const margin = 0.35 * look.size;
        const x = random.uniform(margin, config.size - margin);
        const y = random.uniform(margin, config.size - margin);
        const patch = placeSprite(this.sprite(emoji), { ...look, x, y });
        const thing = { emoji, categoryId: category?.id, patch, gain, visible: 0 };
        if (this.lay(thing, things, owner)) break;
      }
    }
    return { things, owner };
  }

  private look(random: Random): Omit<Placement, 'x' | 'y'> {
    const { minSize, maxSize, stretch, rotation } = this.config;
    const factor = Math.sqrt(stretch) ** random.uniform(-1, 1);
    return {
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
    return objects.push({ categoryId, emoji, bbox: [size, size, 0, 0], area: visible }) - 1;
  });
  const objectOwner = owner.map((i) => (i < 0 ? -1 : position[i]));
  objects.forEach((object, i) => {
    let [left, top, right, bottom] = [size, size, 0, 0];
    objectOwner.forEach((value, at) => {
      if (value !== i) return;
      const y = Math.floor(at / size);
      const x = at - y * size;
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x + 1);
      bottom = Math.max(bottom, y + 1);
    });
    object.bbox = [left, top, right - left, bottom - top];
  });
  return { objects, owner: objectOwner };
}

/** Gaussian blur of [size, size, 3] in place, separable, edges repeated; none below 0.2 pixels. */
function blur(picture: Float32Array, size: number, deviation: number): void {
  if (deviation < 0.2) return;
  const radius = Math.ceil(3 * deviation);
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * deviation ** 2)));
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  const line = new Float32Array(size * 3);
  for (const [along, across] of [[1, size], [size, 1]]) {
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size * 3; j++) line[j] = picture[(i * across + Math.floor(j / 3) * along) * 3 + (j % 3)];
      for (let j = 0; j < size; j++) {
        for (let c = 0; c < 3; c++) {
          let sum = 0;
          for (let k = -radius; k <= radius; k++) {
            sum += kernel[k + radius] * line[Math.min(Math.max(j + k, 0), size - 1) * 3 + c];
          }
          picture[(i * across + j * along) * 3 + c] = sum / total;
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

function between([low, high]: readonly [number, number], random: Random): number {
  return low + random.int(high - low + 1);
}

function toByte(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
