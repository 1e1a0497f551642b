/**
 * The JSON header of a safetensors file, checked field by field before a byte of data is trusted to
 * it.
 */

import { TextDecoder } from 'node:util';
import { structuralFault } from './json-structure';
import { BYTES, isDtype } from './typed-data';

/** Of the header: the object, its tensors, their lists. Some room for fields that are not known here. */
const DEEPEST = 16;

export interface SafetensorsEntry {
  name: string;
  /** Not always one of those known here. */
  dtype: string;
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
  const what = `${path}: not a safetensors file`;
  const fault = structuralFault(text, DEEPEST);
  if (fault) throw new Error(`${what}: its header ${fault}`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    throw new Error(`${what}: its header is not JSON (${(error as Error).message.slice(0, 200)})`);
  }
  if (!isRecord(header)) throw new Error(`${what}: its header is not a JSON object`);
  const { __metadata__, ...tensors } = header;
  const metadata = __metadata__ ?? {}; // null, as others write it
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw new Error(`${path}: "__metadata__" of a safetensors file has to map names to strings`);
  }
  const entries = Object.entries(tensors).map(([name, value]) =>
    parseEntry(name, value, `${path}: tensor "${name.slice(0, 200)}"`),
  );
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
    throw new Error(`${what}: dtype, shape and data_offsets expected, found ${shown(value)}`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') throw new Error(`${what}: dtype ${shown(dtype)} is no name of a type`);
  if (!isSizes(shape)) throw new Error(`${what}: shape ${shown(shape)} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw new Error(`${what}: data_offsets ${shown(offsets)} is not [begin, end]`);
  }
  const elements = shape.reduce((product, side) => product * side, 1);
  const bytes = offsets[1] - offsets[0];
  if (isDtype(dtype) && elements * BYTES[dtype] !== bytes) {
    throw new Error(`${what}: ${dtype} of shape [${shape.join(', ')}] does not fill its ${bytes} bytes`);
  }
  return { name, dtype, shape, elements, begin: offsets[0], bytes };
}

/** For errors: no more of what a file says than a line. */
const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 200);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0);
}
