/** Files one after another as one, cut into parts. */
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/**
 * @param {string[]} files
 * @param {string} target path of the result; parts are named after it, .000, .001, ...
 * @param {number} partSize bytes; Infinity for one file under the name of `target` itself
 * @returns {Promise<{ name: string, bytes: number, sha256: string }[]>}
 */
export async function writeParts(files, target, partSize) {
  const parts = [];
  let file;
  const close = () => {
    if (!file) return;
    fs.closeSync(file.descriptor);
    parts.push({ name: path.basename(file.path), bytes: file.bytes, sha256: file.sum.digest('hex') });
    file = undefined;
  };
  const open = () => {
    const name = partSize === Infinity ? target : `${target}.${String(parts.length).padStart(3, '0')}`;
    file = { path: name, descriptor: fs.openSync(name, 'w'), bytes: 0, sum: crypto.createHash('sha256') };
  };
  for (const source of files)
    for await (let chunk of fs.createReadStream(source, { highWaterMark: 1 << 20 }))
      while (chunk.length > 0) {
        if (!file) open();
        const piece = chunk.subarray(0, Math.min(chunk.length, partSize - file.bytes));
        fs.writeSync(file.descriptor, piece);
        file.sum.update(piece);
        file.bytes += piece.length;
        chunk = chunk.subarray(piece.length);
        if (file.bytes === partSize) close();
      }
  close();
  return parts;
}
