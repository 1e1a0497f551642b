/** A detector that starts from another's weights, its classes fitted to its own pictures. */
import type { ParameterEntry } from '../core/parameters';
import type { CocoCategory } from '../coco/types';
import { fitClasses } from '../detection/class-rows';
import type { Detector } from '../detection/detector';
import type { PictureDetector } from './detector-file';

/** Names that people write apart, or together. */
const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, '');

/**
 * Loads the weights of `from` into `detector`, in place. A class of the same name keeps its rows in
 * the head; the others, and what knows no class of `from`, keep theirs.
 * @param categories of `detector`, in the order of its classes
 * @returns the names of the classes that kept their rows
 * @throws naming the parameter, where the two networks differ in more than their classes
 */
export function startFrom(
  detector: Pick<Detector, 'parameters'>,
  categories: readonly CocoCategory[],
  from: Pick<PictureDetector, 'detector' | 'categories'>,
): string[] {
  const names = from.categories.map(({ name }) => plain(name));
  const rows = categories.map(({ name }) => names.indexOf(plain(name)));
  const classes = { from: names.length, to: rows.length, rows };
  const stored = from.detector.parameters.read();
  const entries = [...detector.parameters.read()].map(([name, fresh]): [string, ParameterEntry] => {
    const given = stored.get(name);
    const entry = given && fitClasses(name, given, fresh, classes);
    if (entry) return [name, entry];
    const found = given ? `is [${given.shape.join(', ')}] there and [${fresh.shape.join(', ')}] here` : 'is not there';
    throw new Error(`it is another network: its ${name} ${found}`);
  });
  detector.parameters.load(new Map(entries));
  return categories.filter((_, i) => rows[i] >= 0).map(({ name }) => name);
}
