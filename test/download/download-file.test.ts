/**
 * Downloads from a server that breaks off, lies and changes its mind: the file is whole, or it is
 * not there.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { downloadFile, type Download, type DownloadOptions } from '../../lib/dist/download/download-file';
import { startServer, type TestServer } from './server';

// 300,000 bytes
const content = Buffer.from(Uint32Array.from({ length: 75_000 }, (_, i) => Math.imul(i, 2654435761)).buffer);
const md5 = (bytes: Buffer): Download['checksum'] => ({
  algorithm: 'md5',
  digits: createHash('md5').update(bytes).digest('hex'),
});
let server: TestServer;
let folder: string;
before(async () => {
  server = await startServer();
});
beforeEach(() => {
  if (folder) rmSync(folder, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'freekd-download-'));
  server.requests.length = 0;
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const get = async (download: Partial<Download> = {}, options: DownloadOptions = {}): Promise<string> => {
  const file = join(folder, 'file.bin');
  await downloadFile({ url: `${server.address}/file.bin`, file, ...download }, { wait: 1, ...options });
  return file;
};
const whole = (file: string, expected = content): void => {
  assert.ok(readFileSync(file).equals(expected));
  assert.deepEqual(readdirSync(folder), ['file.bin'], 'nothing else is left');
};
const ranges = (): (string | undefined)[] => server.requests.map(({ headers }) => headers.range);

const kept = (bytes: number): boolean => {
  const part = join(folder, 'file.bin.part');
  return existsSync(part) && statSync(part).size >= bytes;
};

test('a file comes whole; the second time it is looked at, and the server is not asked', async () => {
  server.files.set('/file.bin', { content });
  const shown: [string, number][] = [];
  const progress: DownloadOptions['progress'] = (title) => ({ update: (done) => shown.push([title, done]), stop() {} });
  whole(await get({ checksum: md5(content), bytes: 300_000 }, { progress }));
  assert.deepEqual(shown.map(([title]) => title), ['file.bin, MB', 'checking file.bin, MB']);
  whole(await get({ checksum: md5(content), bytes: 300_000 }));
  assert.equal(server.requests.length, 1);
});

test('a connection that breaks off again and again is taken up where it broke', async () => {
  server.files.set('/file.bin', { content, breakAfter: 70_000, breaks: 4, kept, etag: '"a"' });
  whole(await get({ checksum: md5(content) }));
  assert.deepEqual(ranges(), [undefined, 'bytes=70000-', 'bytes=140000-', 'bytes=210000-', 'bytes=280000-']);
  assert.equal(server.requests[1].headers['if-range'], '"a"');
});

test('a collection of garbage between the answer and the first byte takes nothing away', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  server.files.set('/file.bin', { content, withoutLength: 'once' });
  let open = true;
  const collecting = (): void => {
    collect();
    if (open) setImmediate(collecting);
  };
  collecting();
  try {
    for (let i = 0; i < 10; i++) {
      whole(await get());
      rmSync(join(folder, 'file.bin'));
    }
  } finally {
    open = false;
  }
});

test('without progress it gives up, says how to go on, and a later call goes on', async () => {
  server.files.set('/file.bin', { content, breakAfter: 100_000, kept, afterBreak: 503 });
  await assert.rejects(get(), /\/file\.bin answers 503 .*\(5 tries\).*the same command goes on from there/);
  assert.equal(statSync(join(folder, 'file.bin.part')).size, 100_000);
  assert.ok(!existsSync(join(folder, 'file.bin')), 'no half file under the name of a whole one');
  server.files.set('/file.bin', { content });
  server.requests.length = 0;
  whole(await get());
  assert.deepEqual(ranges(), ['bytes=100000-']);
});

/** What a killed download leaves: the first bytes, and of what they are. */
function leave(bytes: number, state: object): void {
  writeFileSync(join(folder, 'file.bin.part'), content.subarray(0, bytes));
  writeFileSync(join(folder, 'file.bin.part.json'), JSON.stringify({ url: `${server.address}/file.bin`, ...state }));
}

test('killed between the last byte and the new name: nothing is asked for again', async () => {
  leave(300_000, { total: 300_000 });
  whole(await get({ checksum: md5(content) }));
  assert.equal(server.requests.length, 0);
});

test('a part of unknown origin is not built upon', async () => {
  server.files.set('/file.bin', { content });
  writeFileSync(join(folder, 'file.bin.part'), 'other bytes');
  whole(await get());
  assert.deepEqual(ranges(), [undefined]);
});

test('a server without ranges sends all, and all is taken', async () => {
  server.files.set('/file.bin', { content, ignoreRange: true });
  leave(100_000, { total: 300_000 });
  whole(await get());
});

test('416 means whole when the length is right, and begins anew when it is not', async () => {
  server.files.set('/file.bin', { content });
  leave(300_000, {});
  whole(await get({ checksum: md5(content) }));
  assert.deepEqual(ranges(), ['bytes=300000-']);
  rmSync(join(folder, 'file.bin'));
  server.files.set('/file.bin', { content: content.subarray(0, 1000) });
  leave(5000, {});
  whole(await get(), content.subarray(0, 1000));
});

const changed = Buffer.alloc(300_000, 7);
for (const [what, behaviour] of Object.entries({
  'by If-Range': { etag: '"new"' },
  'by the ETag of the answer, where the server ignores If-Range': { etag: '"new"', ignoreIfRange: true },
}))
  test(`a file that changed on the server is fetched anew: told ${what}`, async () => {
    server.files.set('/file.bin', { content: changed, ...behaviour });
    leave(100_000, { total: 300_000, validator: '"old"' });
    whole(await get(), changed);
  });

test('a file of another length than before is fetched anew', async () => {
  server.files.set('/file.bin', { content: changed.subarray(0, 200_000) });
  leave(100_000, { total: 300_000 });
  whole(await get(), changed.subarray(0, 200_000));
});

test('404 and 403 are errors at once, 500 after five tries, each with the address', async () => {
  for (const [status, tries] of [[404, 1], [403, 1], [500, 5], [416, 1]]) {
    server.files.set('/file.bin', { content, status });
    server.requests.length = 0;
    await assert.rejects(get(), new RegExp(`${server.address}/file\\.bin answers ${status}`));
    assert.equal(server.requests.length, tries, String(status));
    assert.ok(!existsSync(join(folder, 'file.bin')));
  }
});

test('a server that lies about the length: more than comes is a break, another than is known is an error', async () => {
  server.files.set('/file.bin', { content, claimedLength: 400_000, breakAfter: 300_000 });
  await assert.rejects(get(), /5 tries/);
  assert.ok(!existsSync(join(folder, 'file.bin')));
  rmSync(join(folder, 'file.bin.part'), { force: true });
  server.files.set('/file.bin', { content });
  await assert.rejects(get({ bytes: 299_999 }), /file\.bin has 300000 bytes there, but should have 299999/);
  server.files.set('/file.bin', { content, claimedLength: 100_000 });
  await assert.rejects(get({ bytes: 300_000 }), /has 100000 bytes there/);
  await assert.rejects(get({ checksum: md5(content) }), /has the md5 .* in place of .*removed/);
  assert.deepEqual(readdirSync(folder), []);
});

test('a body without length is cut at the first byte too many, also one that is compressed', async () => {
  server.files.set('/file.bin', { content, withoutLength: 'for ever' });
  await assert.rejects(get({ bytes: 300_000 }), /file\.bin sends more than the 300000 bytes that it should have/);
  await assert.rejects(get({ most: 1e6 }), /file\.bin sends more than 1 MB, .*another file/);
  assert.deepEqual(readdirSync(folder), []);
  const bomb = gzipSync(Buffer.alloc(50_000_000)); // 50 kB
  server.files.set('/file.bin', { content: bomb, headers: { 'content-encoding': 'gzip' } });
  await assert.rejects(get({ bytes: 300_000 }), /sends more than the 300000 bytes/);
  await assert.rejects(get({ most: 1e6 }), /sends more than 1 MB/);
  assert.deepEqual(readdirSync(folder), []);
  server.files.set('/file.bin', { content, claimedLength: 2_000_000 });
  await assert.rejects(get({ most: 1e6 }), /sends more than 1 MB/);
  server.files.set('/file.bin', { content, withoutLength: 'once' });
  whole(await get({ bytes: 300_000, checksum: md5(content) }));
});

test('what a server compresses is counted and kept as it was before, and never continued within', async () => {
  const compressed = { content: gzipSync(content), headers: { 'content-encoding': 'gzip' } };
  server.files.set('/file.bin', compressed);
  whole(await get({ bytes: 300_000, checksum: md5(content) }));
  rmSync(join(folder, 'file.bin'));
  leave(1000, {});
  whole(await get({ bytes: 300_000, checksum: md5(content) }));
  assert.deepEqual(ranges(), [undefined, 'bytes=1000-', undefined]);
});

test('a wrong checksum removes what came and says both; also of a file that is there already', async () => {
  server.files.set('/file.bin', { content: changed });
  const expected = md5(content)!;
  await assert.rejects(
    get({ checksum: expected }),
    new RegExp(`has the md5 ${md5(changed)!.digits} in place of ${expected.digits}`),
  );
  assert.deepEqual(readdirSync(folder), []);
  writeFileSync(join(folder, 'file.bin'), changed);
  await assert.rejects(get({ checksum: expected }), /is not the file that .* is known to be .*remove it/);
  const sha = createHash('sha256').update(changed).digest('hex');
  await get({ checksum: { algorithm: 'sha256', digits: sha.slice(0, 8) } });
});

test('no network, a sign-in page, a full disk and a silent server are named', async () => {
  await assert.rejects(get({ url: 'http://127.0.0.1:9/file.bin' }), /127\.0\.0\.1:9: .*(refuses|bad port).*5 tries/);
  server.files.set('/file.bin', { content, headers: { 'content-type': 'text/html; charset=utf-8' } });
  await assert.rejects(get(), /answers with a web page/);
  server.files.set('/file.bin', { content, claimedLength: 1e15 });
  await assert.rejects(get(), /file\.bin needs 1000000\.00 GB .*are free; make room/);
  server.files.set('/file.bin', { content });
  await assert.rejects(get({}, { alsoNeeded: 1e15 }), /needs 1000000\.00 GB/);
  assert.deepEqual(readdirSync(folder), [], 'asked before anything is written');
  server.files.set('/file.bin', { content, hangAfter: 0 });
  await assert.rejects(get({}, { silence: 30 }), /no byte came in 0\.03 seconds .*5 tries/);
});

test('Ctrl-C leaves the part for the next call', async () => {
  server.files.set('/file.bin', { content, hangAfter: 50_000 });
  const stop = new AbortController();
  const progress: DownloadOptions['progress'] = () => ({ update() {}, stop() {} });
  setTimeout(() => stop.abort(), 200);
  await assert.rejects(get({}, { signal: stop.signal, progress }), { name: 'AbortError' });
  assert.ok(statSync(join(folder, 'file.bin.part')).size <= 50_000);
  server.files.set('/file.bin', { content });
  whole(await get({ checksum: md5(content) }));
});
