/** Where imported weights lie: a file, a seeded stand-in, or a published checkpoint of the catalogue. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isSeeded, seededCheckpoint } from './seeded-checkpoint';

/**
 * The file of a checkpoint; a stand-in is written when it is first asked for.
 * @param checkpoint a path (from `root` where it is relative), or a name
 * @param root the repository's
 * @throws saying which command brings it, where it is not there
 */
export async function checkpointFile(checkpoint: string, root: string): Promise<string> {
  if (isSeeded(checkpoint)) return seededCheckpoint(checkpoint, path.join(root, 'data/cache/seeded'));
  const named = /\.(safetensors|pth|pt)$/.test(checkpoint);
  const file = named ? path.resolve(root, checkpoint) : path.join(root, 'data/downloads/weights', checkpoint);
  if (fs.existsSync(file)) return file;
  throw new Error(`the checkpoint ${checkpoint} is not there: expected ${file}${named ? '' : `; npm run data -- weights ${checkpoint} brings it`}`);
}
