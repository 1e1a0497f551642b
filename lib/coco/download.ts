/**
 * COCO 2017 into a folder of this project's layout (which is COCO's own): download, unpack, record.
 * Whatever is there already is used, what is missing or was found damaged is fetched again, and it
 * can be interrupted at any moment.
 */
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { downloadFile, removeDownload, type DownloadOptions } from '../download/download-file';
import { unzip } from '../download/unzip';
import { cocoAddress, cocoArchives, filesPresent, readReceipt, writeReceipt, type CocoArchive } from './archives';

export interface CocoDownloadOptions extends Omit<DownloadOptions, 'alsoNeeded'> {
  folder: string;
  /** The server or a mirror with the same paths; default COCO's. */
  address?: string;
  /** Keep the zips in `folder` after unpacking. Default false. */
  keepZips?: boolean;
  /** Default all three. */
  archives?: readonly CocoArchive[];
  /** Takes lines about what is done. */
  say?(line: string): void;
}

/** @throws naming address or file; the same call goes on from there */
export async function downloadCoco(options: CocoDownloadOptions): Promise<void> {
  const { folder, archives = cocoArchives, say = () => {} } = options;
  await mkdir(folder, { recursive: true });
  for (const archive of archives) {
    const present = filesPresent(folder, archive);
    const receipt = readReceipt(folder, archive);
    const there = `${archive.part}: ${present.size} ${archive.part === 'annotations' ? 'files' : 'pictures'} are there`;
    const missing = receipt?.files.filter(({ name }) => !present.has(name)) ?? [];
    if (receipt && missing.length === 0 && receipt.damaged.length === 0) say(there);
    else if (!receipt && present.size === archive.files)
      say(`${there}, not unpacked by this command; --verify looks at each`);
    else await fetchArchive(archive, new Set(receipt?.damaged), options);
  }
}

async function fetchArchive(
  archive: CocoArchive,
  replace: ReadonlySet<string>,
  options: CocoDownloadOptions,
): Promise<void> {
  const { folder, address = cocoAddress, keepZips = false, say = () => {}, signal, progress } = options;
  const { part, path, bytes, md5, files: expected } = archive;
  const zip = join(folder, basename(path));
  // Pictures hardly compress: unpacked, they need at least as much again.
  await downloadFile(
    { url: `${address.replace(/\/+$/, '')}/${path}`, file: zip, bytes, checksum: { algorithm: 'md5', digits: md5 } },
    { ...options, alsoNeeded: bytes },
  );
  const files = await unzip(zip, folder, { select: archive.select, replace, signal, progress });
  if (files.length !== expected)
    throw new Error(`${zip} holds ${files.length} files of ${archive.folder}/ in place of ${expected}`);
  await writeReceipt(folder, archive, { md5, files, damaged: [] });
  if (!keepZips) await removeDownload(zip);
  say(`${part}: ${files.length} files unpacked into ${join(folder, archive.folder)}`);
}
