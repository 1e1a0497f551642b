/**
 * Raised when the loss, a gradient or a weight is no longer a finite number: what the last
 * checkpoint holds still is.
 */
export class DivergedError extends Error {}

/**
 * @param where "step 7"
 * @param what "the loss"
 */
export function diverged(where: string, what: string, losses: Record<string, number> = {}): DivergedError {
  const named = Object.entries(losses).map(([name, loss]) => `${name} ${loss}`);
  const parts = named.length ? ` (${named.join(', ')})` : '';
  return new DivergedError(
    `${where}: ${what} is no longer finite${parts}: lower the learning rate or clip the gradient`,
  );
}
