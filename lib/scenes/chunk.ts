/**
 * The unit of work and of repair: a run of scenes, written as PNG files, and a record of what they
 * show.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { encodeIndexPng } from '../semantic/index-png';
import type { SceneConfig, Split } from './config';
import { sceneLabels } from './labels';
import { ScenePainter, type SceneObject } from './scene';

export interface Chunk {
  split: Split;
  /** Index of the first scene and the first one that is no longer in it. */
  start: number;
  end: number;
}

export interface ChunkRecord {
  /** SHA-256 of all pixels and boxes. */
  digest: string;
  /** `labels`: bytes of the label map, where they were asked for. */
  pictures: { file: string; bytes: number; labels?: number; objects: SceneObject[] }[];
}

const chunkLength = 50;

/** All chunks of a set. */
export function chunksOf(config: SceneConfig): Chunk[] {
  const chunks: Chunk[] = [];
  for (const split of ['train', 'val'] as const) {
    for (let start = 0; start < config[split]; start += chunkLength) {
      chunks.push({ split, start, end: Math.min(start + chunkLength, config[split]) });
    }
  }
  return chunks;
}

/** Where the record of a chunk lies under the set's folder. */
export function recordPath(folder: string, { split, start }: Chunk): string {
  return join(folder, 'records', `${split}-${String(start).padStart(6, '0')}.json`);
}

/**
 * The chunk's record if it is there and all its pictures are there in full length, and with
 * `labels` their label maps; else undefined.
 */
export function readRecord(folder: string, chunk: Chunk, labels = false): ChunkRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(recordPath(folder, chunk), 'utf8')) as ChunkRecord;
    const whole = (path: string, bytes?: number): boolean => statSync(join(folder, path)).size === bytes;
    const complete = record.pictures.length === chunk.end - chunk.start;
    const isThere = ({ file, bytes, labels: own }: ChunkRecord['pictures'][number]): boolean =>
      whole(join(chunk.split, file), bytes) && (!labels || whole(join('labels', chunk.split, file), own));
    return complete && record.pictures.every(isThere) ? record : undefined;
  } catch {
    return undefined; // missing or half written: the chunk is made again
  }
}

/**
 * Paints a chunk's scenes and writes `<folder>/<split>/<number>.png`, and with `labels` their label
 * maps below `<folder>/labels`.
 */
export async function renderChunk(
  painter: ScenePainter,
  size: number,
  folder: string,
  chunk: Chunk,
  labels = false,
): Promise<ChunkRecord> {
  const hash = createHash('sha256');
  const pictures: ChunkRecord['pictures'] = [];
  for (let index = chunk.start; index < chunk.end; index++) {
    const { pixels, objects, owner } = painter.paint(chunk.split, index);
    hash.update(pixels).update(JSON.stringify(objects));
    const file = `${String(index + 1).padStart(6, '0')}.png`;
    const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .png({ compressionLevel: 2, adaptiveFiltering: true })
      .toBuffer();
    writeOver(join(folder, chunk.split, file), png);
    if (!labels) {
      pictures.push({ file, bytes: png.length, objects });
      continue;
    }
    const map = encodeIndexPng({ width: size, height: size, labels: sceneLabels({ objects, owner }) });
    writeOver(join(folder, 'labels', chunk.split, file), map);
    pictures.push({ file, bytes: png.length, labels: map.length, objects });
  }
  return { digest: hash.digest('hex'), pictures };
}

/**
 * Writes without emptying the file first: two processes that make the same set at once write the
 * same bytes to the same places, and neither ever sees the other's half a file.
 */
function writeOver(path: string, content: Uint8Array): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  try {
    writeSync(file, content, 0, content.length, 0);
    ftruncateSync(file, content.length);
  } finally {
    closeSync(file);
  }
}
