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
  return new DivergedError(
    `${where}: ${what} is no longer finite${listed(losses)}: lower the learning rate or clip the gradient`,
  );
}

/** Of a step's own loss or gradient; in the first step no learning rate is to blame. */
export function notFinite(step: number, what: string, losses: Record<string, number>): DivergedError {
  if (step > 0) return diverged(`step ${step}`, what, losses);
  return new DivergedError(
    `step 0: ${what} is not finite${listed(losses)}, before anything is learned: ` +
      'look at the weights it starts with, and for a division by 0 or a logarithm or root of 0',
  );
}

function listed(losses: Record<string, number>): string {
  const named = Object.entries(losses).map(([name, loss]) => `${name} ${loss}`);
  return named.length ? ` (${named.join(', ')})` : '';
}
