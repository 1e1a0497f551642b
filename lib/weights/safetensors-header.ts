/**
 * The JSON header of a safetensors file, checked field by field before a byte of data is trusted to
 * it.
 */

import { BYTES, type Dtype } from './typed-data';

export interface SafetensorsEntry {
  name: string;
  dtype: Dtype;
  shape: number[];
  elements: number;
  /** First byte, counted from the end of the header. */
  begin: number;
  bytes: number;
}

/**
 * @param text the header's bytes
 * @param dataBytes how many bytes follow it
 * @param path the file's name, for errors
 * @returns the tensors in the order of their data, which has neither hole nor overlap
 */
export function parseHeader(
  text: Buffer,
  dataBytes: number,
  path: string,
): { entries: SafetensorsEntry[]; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw new Error(`${path}: not a safetensors file: its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw new Error(`${path}: not a safetensors file: its header is not a JSON object`);
  const { __metadata__: metadata = {}, ...tensors } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw new Error(`${path}: "__metadata__" of a safetensors file has to map names to strings`);
  }
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, `${path}: tensor "${name}"`));
  entries.sort((a, b) => a.begin - b.begin || a.bytes - b.bytes);

  let end = 0;
  for (const { name, begin, bytes } of entries) {
    if (begin !== end) {
      const what = begin < end ? 'overlaps the one before it' : 'leaves a hole before it';
      throw new Error(`${path}: tensor "${name}" ${what}: its data begins at ${begin}, not at ${end}`);
    }
    end += bytes;
    if (end > dataBytes) {
      throw new Error(
        `${path}: cut off: tensor "${name}" ends at byte ${end} of the data, of which there are ${dataBytes}`,
      );
    }
  }
  if (end !== dataBytes) throw new Error(`${path}: ${dataBytes - end} bytes after the last tensor belong to none`);
  return { entries, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, value: unknown, what: string): SafetensorsEntry {
  if (!isRecord(value))
    throw new Error(`${what}: dtype, shape and data_offsets expected, found ${JSON.stringify(value)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.keys(BYTES).includes(dtype)) {
    throw new Error(`${what}: unknown dtype ${JSON.stringify(dtype)}; known are ${Object.keys(BYTES).join(', ')}`);
  }
  if (!isSizes(shape)) throw new Error(`${what}: shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw new Error(`${what}: data_offsets ${JSON.stringify(offsets)} is not [begin, end]`);
  }
  const elements = shape.reduce((product, side) => product * side, 1);
  const bytes = offsets[1] - offsets[0];
  if (elements * BYTES[dtype as Dtype] !== bytes) {
    throw new Error(`${what}: ${dtype} of shape [${shape.join(', ')}] does not fill its ${bytes} bytes`);
  }
  return { name, dtype: dtype as Dtype, shape, elements, begin: offsets[0], bytes };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0);
}
