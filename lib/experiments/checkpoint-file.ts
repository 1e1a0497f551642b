/**
 * Where imported weights lie: a file, a seeded stand-in, or a published checkpoint of the catalogue
 * (data/checkpoints.json).
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { rootFirst, world } from '../train/distributed/communicator';
import { publishedCheckpoint } from '../weights/checkpoints';
import { isSeeded, seededCheckpoint } from './seeded-checkpoint';

/**
 * The file of a checkpoint; a stand-in is written when it is first asked for.
 * @param checkpoint a file ending in .safetensors, .pth or .pt, or a name
 * @param base what a relative path is relative to
 * @throws saying which command brings it, where it is not there
 */
export async function checkpointFile(checkpoint: string, base: string): Promise<string> {
  if (isSeeded(checkpoint)) return rootFirst(world(), () => seededCheckpoint(checkpoint));
  const isFile = /\.(safetensors|pth|pt)$/.test(checkpoint);
  const file = isFile ? path.resolve(base, checkpoint) : publishedCheckpoint(checkpoint).file();
  if (fs.existsSync(file)) return file;
  throw new Error(
    `the checkpoint ${checkpoint} is not there: expected ` +
      `${file}${isFile ? '' : `; npm run data -- weights ${checkpoint} brings it`}`,
  );
}
