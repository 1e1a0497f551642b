/** A loss of the user's own, read from a file: TypeScript or JavaScript, of either kind of modules. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { ownVariant } from '../../runs/own-loss';
import type { VariantRow } from '../../runs/variants';

/**
 * The variant that a file exports by default.
 * @param shown the file as the user named it
 * @throws naming the file and what is wrong
 */
export function readLoss(shown: string, file: string): VariantRow {
  try {
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) throw new Error(`there is no file ${file}`);
    const { exported, sources } = load(file);
    const { __esModule: isModule, default: loss = isModule ? undefined : exported } = exported;
    if (typeof loss !== 'object' || loss === null || Object.keys(loss).length === 0)
      throw new Error('it should have a default export { name, losses }: see "A loss of your own" in README.md');
    return ownVariant(loss, sources.join('\0'));
  } catch (error) {
    throw new Error(`--loss ${shown}: ${(error as Error).message}`, { cause: error });
  }
}

/** As modules become with `require`: what CommonJS exports is the object itself. */
interface Exported {
  __esModule?: true;
  default?: unknown;
}

/** What a file exports, and its text with that of the files that it imports from beside it. */
function load(file: string): { exported: Exported; sources: string[] } {
  // Its types are for resolution by `exports`, which this project's does not know.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { register } = require('tsx/cjs/api') as { register(): () => void };
  const unregister = register();
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const exported = require(file) as Exported;
    const sources = ownFiles(require.cache[require.resolve(file)]).map((name) => fs.readFileSync(name, 'utf8'));
    return { exported, sources };
  } catch (error) {
    throw new Error(`it cannot be loaded: ${oneLine(error as Error)}`, { cause: error });
  } finally {
    unregister();
  }
}

/** A module's file and those of the modules that it imports, packages and this library apart. */
function ownFiles(module: NodeModule | undefined, found: string[] = []): string[] {
  const library = path.resolve(__dirname, '../..');
  const name = module?.filename;
  if (!name || found.includes(name) || name.includes(`${path.sep}node_modules${path.sep}`)) return found;
  if (name.startsWith(library + path.sep)) return found;
  found.push(name);
  module.children.forEach((child) => ownFiles(child, found));
  return found;
}

/** esbuild lists what it found below a title; of what Node says, the first line names the module. */
function oneLine({ message }: Error): string {
  const [title, ...lines] = message.split('\n').filter((line) => line.trim() !== '');
  return title.startsWith('Transform failed') && lines.length > 0 ? lines[0].replace(': ERROR:', ':') : title;
}
