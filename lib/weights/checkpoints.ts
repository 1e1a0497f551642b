/**
 * The catalogue of published checkpoints, `data/checkpoints.json`: where each lies on the web and
 * here, what to expect of it, and how it is read.
 */
import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { nameMaps, type NameMapName } from './names';

export interface PublishedCheckpoint {
  name: string;
  what: string;
  url: string;
  /**
   * First hexadecimal digits of the file's SHA-256, as its publisher wrote them into the file's
   * name.
   */
  sha256Prefix?: string;
  /** The whole SHA-256 and the exact size, where they are known. */
  sha256?: string;
  bytes?: number;
  /** The published size, in units of 2^20 bytes, rounded. */
  mebibytes?: number;
  /** COCO val2017 box AP in percent, as published; none where the file holds no detector. */
  AP?: number;
  /** For `importWeights`. */
  names: NameMapName;
  licence: string;
  /** Who publishes it; the catalogue's `sources` say where the facts were found. */
  source: string;
  /** Where `npm run data -- weights NAME` puts it. */
  file(): string;
}

/** `lib/dist/weights` is three folders below the repository's root. */
const data = resolve(__dirname, '../../../data');

/** Where downloaded checkpoints lie. */
export const weightsFolder = join(data, 'downloads/weights');

/** All published checkpoints of the catalogue, in its order. */
export function publishedCheckpoints(): PublishedCheckpoint[] {
  const path = join(data, 'checkpoints.json');
  const { checkpoints } = JSON.parse(readFileSync(path, 'utf8')) as {
    checkpoints: Omit<PublishedCheckpoint, 'file'>[];
  };
  return checkpoints.map((entry) => {
    if (!(entry.names in nameMaps))
      throw new Error(`${path}: ${entry.name} is to be read as "${entry.names}", which names.ts does not have`);
    return { ...entry, file: () => join(weightsFolder, basename(entry.url)) };
  });
}

/** The checkpoint called `name`; throws listing all names if there is none. */
export function publishedCheckpoint(name: string): PublishedCheckpoint {
  const all = publishedCheckpoints();
  const found = all.find((entry) => entry.name === name);
  if (!found)
    throw new Error(
      `no published checkpoint is called "${name}"; there are ${all.map((entry) => entry.name).join(', ')}`,
    );
  return found;
}
