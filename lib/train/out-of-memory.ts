/** What TensorFlow says where a step does not fit into memory, in words that say what to do. */

/** Raised where a step does not fit into the memory of a processor or of a GPU. */
export class OutOfMemoryError extends Error {}

/** TF_RESOURCE_EXHAUSTED of TensorFlow's C API, as its binding for Node tells it. */
const EXHAUSTED = /Invalid TF_Status: 8\b/;

/**
 * @param error what a step threw
 * @param pictures how many a rank takes at once
 * @returns an {@link OutOfMemoryError} where memory was exhausted, else the error as it is
 */
export function explained(error: unknown, pictures: number): unknown {
  if (!(error instanceof Error) || !EXHAUSTED.test(error.message)) return error;
  const [tensor] = /shape\s?\[[\d,]*\] and type \w+/.exec(error.message) ?? [];
  const remedy =
    pictures > 1
      ? 'take fewer at once: --accumulate 2 (or more) cuts a batch into parts and changes nothing but ' +
        'the time; --batch takes another batch'
      : 'it takes smaller pictures or a machine with more memory';
  const what = pictures === 1 ? 'one picture' : `${pictures} pictures at once`;
  const which = tensor ? ` (a tensor of ${tensor})` : '';
  return new OutOfMemoryError(`a step of ${what} does not fit into memory${which}: ${remedy}`, { cause: error });
}
