/**
 * One HTTP request for the rest of a file, and what the answer means (RFC 9110, ranges and
 * conditional requests): the bytes from where we are, the whole file from its beginning, nothing
 * because all is here, or an error, which either may pass or will not.
 */
import type { Part, PartState } from './part';

/** An error that a later try may not meet: broken connections, busy servers. */
export class PassingError extends Error {}

export interface Answer {
  /** Where the body's first byte belongs; undefined where there is nothing left to fetch. */
  start?: number;
  state: PartState;
  body?: AsyncIterable<Uint8Array>;
}

/**
 * The body, held from now on: when an answer is collected as garbage, Node ends a body that nobody
 * has begun to read, as if nothing more came.
 */
const bodyOf = ({ body }: Response): Answer['body'] => body?.values();

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Network errors by their code, in words. */
const CODES: Record<string, string> = {
  ENOTFOUND: 'its name is not known: is there a network?',
  EAI_AGAIN: 'its name cannot be looked up: is there a network?',
  ECONNREFUSED: 'it refuses the connection',
  ECONNRESET: 'it broke the connection off',
  UND_ERR_SOCKET: 'it broke the connection off',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
};

/**
 * What fetch or a body threw, as a passing error; the caller's own abort, and what is passing
 * already, as it is.
 */
export function passing(error: unknown, url: string, signal?: AbortSignal): unknown {
  if (signal?.aborted || error instanceof PassingError) return error;
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  return new PassingError(`${new URL(url).host}: ${CODES[cause?.code ?? ''] ?? cause?.message ?? message}`);
}

/** Asks for `url` from where `part` ends. */
export async function request(url: string, part: Part, signal: AbortSignal): Promise<Answer> {
  const known = part.state(url);
  const have = known ? part.size() : 0;
  if (known && have > 0 && have === known.total) return { state: known };
  const headers: Record<string, string> = { 'accept-encoding': 'identity' };
  if (known && have > 0) {
    headers.range = `bytes=${have}-`;
    if (known.validator) headers['if-range'] = known.validator;
  }
  const response = await fetch(url, { headers, signal });
  const { status } = response;
  if (status === 200) return whole(url, response);
  if (status === 206 && known) return rest(known, have, part, response);
  await response.body?.cancel();
  if (status === 416 && known && have > 0) {
    // Nothing lies behind what we have: either it is all, or it is not of this file.
    const [, total] = /^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '') ?? [];
    if (Number(total) === have && (known.total ?? have) === have) return { state: known };
    await part.discard();
    throw new PassingError(`${url} has changed, or is not what the part of it here was; begun anew`);
  }
  const what = `${url} answers ${status}${response.statusText ? ` ${response.statusText}` : ''}`;
  if (PASSING.has(status)) throw new PassingError(what);
  const gone = status === 404 || status === 410 ? 'it is not there (any more)' : 'it cannot be had';
  throw new Error(`${what}: ${gone}; get the file elsewhere, or name a mirror`);
}

function validatorOf({ headers }: Response): string | undefined {
  const etag = headers.get('etag');
  return etag?.startsWith('"') ? etag : (headers.get('last-modified') ?? undefined); // a weak ETag is none for ranges
}

/**
 * The file from its beginning: the first request, a server without ranges, or a file that has
 * changed.
 */
async function whole(url: string, response: Response): Promise<Answer> {
  if (response.headers.get('content-type')?.startsWith('text/html')) {
    await response.body?.cancel();
    throw new Error(
      `${url} answers with a web page, not with the file: is there a ` +
        'sign-in page between this machine and the network?',
    );
  }
  const length = response.headers.get('content-encoding') ? null : response.headers.get('content-length');
  return {
    start: 0,
    state: { url, total: length === null ? undefined : Number(length), validator: validatorOf(response) },
    body: bodyOf(response),
  };
}

/** The rest, if it is of the same file. */
async function rest(known: PartState, have: number, part: Part, response: Response): Promise<Answer> {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  const differs = (theirs: unknown, ours: unknown): boolean =>
    theirs !== undefined && ours !== undefined && theirs !== ours;
  const size = total === undefined || total === '*' ? undefined : Number(total);
  const compressed = response.headers.has('content-encoding'); // the range is of other bytes than those we have
  const other = differs(size, known.total) || differs(validatorOf(response), known.validator);
  if (Number(start) !== have || other || compressed) {
    await response.body?.cancel();
    await part.discard();
    throw new PassingError(`${known.url} has changed, or answers with other bytes than were asked for; begun anew`);
  }
  return { start: have, state: { ...known, total: known.total ?? size }, body: bodyOf(response) };
}
