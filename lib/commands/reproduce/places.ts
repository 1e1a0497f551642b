/** The folders that paths of the command line are relative to. */
import * as path from 'node:path';

/** The repository's root: `lib/dist/commands/reproduce` is four folders below it. */
export const root = path.resolve(__dirname, '../../../..');

/** Where the user stood when npm was called, and what relative paths are relative to. */
export const base = process.env.INIT_CWD ?? process.cwd();
