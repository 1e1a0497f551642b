/** What a folder that was unpacked from a bundle knows of it. */
import fs from 'node:fs';
import { bundleMark } from './paths.mjs';

/**
 * @typedef {object} Bundle
 * @property {string} commit of the folder that it was made in
 * @property {'cpu' | 'gpu'} runtime
 * @property {'download' | 'machine'} cuda machine: NVIDIA's libraries are to be those of the machine
 */

/** @returns {Bundle | null} null where this folder comes from no bundle */
export function readBundle() {
  try {
    return JSON.parse(fs.readFileSync(bundleMark, 'utf8'));
  } catch {
    return null;
  }
}
