/** Versions that set-up insists on, and comparing them. */

export const PYTHON_MINIMUM = '3.10';
/** The TensorFlow whose C library the binding is built against. */
export const TENSORFLOW = '2.21.0';
/**
 * Its wheel's Python tag. The C library does not link against Python, so one tag serves every
 * Python.
 */
export const WHEEL_PYTHON = '3.13';

/**
 * The numbers of the first dotted version in a text: "Python 3.11.7" -> [3, 11, 7].
 * @param {string} text
 * @returns {number[] | null}
 */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? match.slice(1).filter((part) => part !== undefined).map(Number) : null;
}

/**
 * Whether version `actual` is at least `needed`; missing parts count as 0.
 * @param {string} actual
 * @param {string} needed
 */
export function atLeast(actual, needed) {
  const have = parseVersion(actual);
  const want = parseVersion(needed);
  if (!have || !want) return false;
  for (let i = 0; i < 3; i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
