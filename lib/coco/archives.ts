/**
 * COCO 2017 as its authors publish it: three zips, and the record that is kept of what was unpacked
 * from each.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../core/atomic-file';
import type { ZipEntry } from '../download/unzip';

export interface CocoArchive {
  part: 'train2017' | 'val2017' | 'annotations';
  /** Below the server's address. */
  path: string;
  bytes: number;
  /** Of the zip. COCO's site names none; these are what many projects check against, and agree on. */
  md5: string;
  /** Folder that is unpacked, and how many files of it. */
  folder: string;
  files: number;
  select(name: string): boolean;
}

/** COCO's own server. (It has no certificate of its own for https; the checksums stand for that.) */
export const cocoAddress = 'http://images.cocodataset.org';

const pictures = (part: 'train2017' | 'val2017', bytes: number, md5: string, files: number): CocoArchive => ({
  part,
  path: `zips/${part}.zip`,
  bytes,
  md5,
  folder: part,
  files,
  select: (name) => name.startsWith(`${part}/`) && name.endsWith('.jpg'),
});

/** The smallest first, so that what is wrong shows early. */
export const cocoArchives: CocoArchive[] = [
  {
    part: 'annotations',
    path: 'annotations/annotations_trainval2017.zip',
    bytes: 252907541,
    md5: 'f4bbac642086de4f52a3fdda2de5fa2c',
    folder: 'annotations',
    files: 2,
    select: (name) => /^annotations\/instances_(train|val)2017\.json$/.test(name),
  },
  pictures('val2017', 815585330, '442b8da7639aecaf257c1dceb8ba8c80', 5000),
  pictures('train2017', 19336861798, 'cced6f7f71b7629ddf16f17bbcfab6b2', 118287),
];

/**
 * What was unpacked from an archive, with lengths and CRCs, so that it can be verified when the zip
 * is gone.
 */
export interface Receipt {
  md5: string;
  files: ZipEntry[];
  /** Names that a verification found missing or damaged. */
  damaged: string[];
}

const receiptFile = (folder: string, { part }: CocoArchive): string => join(folder, '.freekd', `${part}.json`);

/**
 * The record of what was unpacked into `folder`; nothing where this project did not unpack it, or
 * of another zip.
 */
export function readReceipt(folder: string, archive: CocoArchive): Receipt | undefined {
  const path = receiptFile(folder, archive);
  if (!existsSync(path)) return undefined;
  try {
    const receipt = JSON.parse(readFileSync(path, 'utf8')) as Receipt;
    return receipt.md5 === archive.md5 && Array.isArray(receipt.files) && Array.isArray(receipt.damaged)
      ? receipt
      : undefined;
  } catch {
    return undefined;
  }
}

export async function writeReceipt(folder: string, archive: CocoArchive, receipt: Receipt): Promise<void> {
  const path = receiptFile(folder, archive);
  await mkdir(dirname(path), { recursive: true });
  await writeAtomically(path, async (file) => file.writeFile(JSON.stringify(receipt)));
}

/** Names of the files of an archive that lie in `folder`. */
export function filesPresent(folder: string, archive: CocoArchive): Set<string> {
  const path = join(folder, archive.folder);
  return new Set(
    existsSync(path)
      ? readdirSync(path)
          .map((name) => `${archive.folder}/${name}`)
          .filter((name) => archive.select(name))
      : [],
  );
}
