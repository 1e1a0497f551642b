/**
 * Makes zips, faulty ones too, by the format's description (APPNOTE 4.3): for each file a local
 * header and its bytes, then the directory.
 */
import { deflateRawSync } from 'node:zlib';
import { crc32 } from '../../lib/dist/download/crc32';

export interface ZipMember {
  name: string;
  data: Buffer;
  deflate?: boolean;
  /** In place of the true one. */
  crc?: number;
  /** Unix mode, file type included: 0o120777 is a symbolic link. */
  mode?: number;
}

export function makeZip(members: ZipMember[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, deflate = false, crc = crc32(data), mode = 0o100644 } of members) {
    const path = Buffer.from(name);
    const stored = deflate ? deflateRawSync(data) : data;
    const common = Buffer.alloc(26); // from "version needed" to the length of the extra field
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(deflate ? 8 : 0, 4);
    common.writeUInt32LE(crc, 10);
    common.writeUInt32LE(stored.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(path.length, 22);
    const tail = Buffer.alloc(14); // comment length, disk, internal and external attributes, offset
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, stored]);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), common, tail, path]));
    locals.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(entries.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, entries, Buffer.from('PK\x05\x06'), end]);
}
