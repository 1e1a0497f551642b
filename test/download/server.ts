/** A web server on this machine that can be told to misbehave. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';

export interface Behaviour {
  content: Buffer;
  /** Answers with this in place of the content. */
  status?: number;
  /** Closes the connection after so many bytes of a body, as often as `breaks` says. */
  breakAfter?: number;
  breaks?: number;
  /** Whether the reader has kept so many bytes of the content: not before does a connection break. */
  kept?: (bytes: number) => boolean;
  /** The status of all answers after a break. */
  afterBreak?: number;
  /** What the header says in place of the true length. */
  claimedLength?: number;
  /** Says no length, and sends the content once, or again and again until the connection closes. */
  withoutLength?: 'once' | 'for ever';
  ignoreRange?: boolean;
  ignoreIfRange?: boolean;
  etag?: string;
  headers?: Record<string, string>;
  /** Sends this many bytes, then nothing, and keeps the connection. */
  hangAfter?: number;
}

export interface TestServer {
  address: string;
  /** By path; change it between requests. */
  files: Map<string, Behaviour>;
  /** Of all requests so far. */
  requests: { path: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

function* forEver(body: Buffer): Generator<Buffer> {
  for (;;) yield body;
}

/** A reader loses what it has not yet taken when the connection breaks. */
async function breakOff(response: ServerResponse, kept: () => boolean | undefined): Promise<void> {
  do await setTimeout(20);
  while (kept() === false);
  response.destroy();
}

export async function startServer(): Promise<TestServer> {
  const files: TestServer['files'] = new Map();
  const requests: TestServer['requests'] = [];
  const server = createServer((request, response) => {
    const path = request.url!;
    requests.push({ path, headers: request.headers });
    const file = files.get(path);
    if (!file || file.status) {
      response.writeHead(file?.status ?? 404, file?.headers).end('no');
      return;
    }
    const { content, etag } = file;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? NaN);
    const unchanged = file.ignoreIfRange || !request.headers['if-range'] || request.headers['if-range'] === etag;
    const ranged = !Number.isNaN(from) && !file.ignoreRange && unchanged;
    const headers: Record<string, string | number> = { ...(etag && { etag }), ...file.headers };
    if (ranged && from >= content.length) {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${content.length}` }).end();
      return;
    }
    const body = ranged ? content.subarray(from) : content;
    if (!file.withoutLength) headers['content-length'] = file.claimedLength ?? body.length;
    if (ranged) headers['content-range'] = `bytes ${from}-${content.length - 1}/${content.length}`;
    response.writeHead(ranged ? 206 : 200, headers);
    const broken = file.breakAfter !== undefined && (file.breaks ?? Infinity) > 0;
    if (broken) {
      file.breaks = (file.breaks ?? Infinity) - 1;
      file.status = file.afterBreak;
      const sent = body.subarray(0, file.breakAfter);
      response.write(sent, () => void breakOff(response, () => file.kept?.((ranged ? from : 0) + sent.length)));
    } else if (file.hangAfter === 0) response.flushHeaders();
    else if (file.hangAfter !== undefined) response.write(body.subarray(0, file.hangAfter));
    else if (file.withoutLength === 'for ever') pipeline(forEver(body), response).catch(() => undefined);
    else response.end(body);
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { address: `http://127.0.0.1:${port}`, files, requests, close };
}
