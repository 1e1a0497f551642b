/** The two splits of a folder in COCO layout that an experiment needs. */
import { checkLeft, checkPictures, openCoco, splitsOf, type CocoDataset, type OpenOptions } from '../coco/dataset';

export interface Splits {
  train: CocoDataset;
  val: CocoDataset;
}

/**
 * The split to train on and the one to measure on: the first `train*` and the first `val*` of the
 * folder.
 * @throws also where a split has no box, or `skipBad` left out more than half of them
 */
export function openSplits(folder: string, options: OpenOptions = {}): Splits {
  const splits = splitsOf(folder);
  const open = (prefix: string): CocoDataset => {
    const split = splits.find((name) => name.startsWith(prefix));
    if (!split) {
      const expected = `expected ${prefix}*/ and annotations/instances_${prefix}*.json, as in COCO's own layout`;
      throw new Error(`${folder}: no split called ${prefix}* (found: ${splits.join(', ') || 'none'}); ${expected}`);
    }
    return openCoco(folder, split, options);
  };
  const [train, val] = [open('train'), open('val')];
  const listOf = ({ categories }: CocoDataset): string => categories.map(({ id, name }) => `${id} ${name}`).join(', ');
  if (listOf(train) !== listOf(val))
    throw new Error(
      `${folder}: ${train.split} and ${val.split} must list the same categories in the ` +
        `same order; they have (${listOf(train)}) and (${listOf(val)})`,
    );
  [train, val].forEach(checkLeft);
  return { train, val };
}

/**
 * Decodes every picture of both splits: an error lists the broken ones; where opened with `skipBad`
 * they are left out and counted.
 * @throws also where a split has no box left, or less than half of them
 */
export async function checkSplits({ train, val }: Splits, signal?: AbortSignal): Promise<Splits> {
  const checked = { train: await checkPictures(train, signal), val: await checkPictures(val, signal) };
  [checked.train, checked.val].forEach(checkLeft);
  return checked;
}
