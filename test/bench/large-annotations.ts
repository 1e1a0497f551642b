/**
 * Reading an annotation file of train2017's size: time and the process's peak memory, the first
 * time and from the cache.
 *
 *     npx tsx test/bench/large-annotations.ts [megabytes, default 450]
 *
 * The file is made up: rows as train2017 has them (118,287 pictures and 860,001 boxes at 450 MB),
 * outlines of random numbers.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLargeAnnotations } from '../coco/large-annotations';

const megabytes = Number(process.argv[2] ?? 450);
const folder = mkdtempSync(join(tmpdir(), 'freekd-large-'));
try {
  const file = join(folder, 'instances_train2017.json');
  const made = writeLargeAnnotations(file, megabytes);
  console.log(`${(statSync(file).size / 1e6).toFixed(0)} MB, ${made.images} pictures, ${made.annotations} boxes`);
  const script = `
    const start = performance.now();
    const { instances } = require(${JSON.stringify(join(__dirname, '../../lib/dist/coco/validate.js'))}).readInstances(process.argv[1]);
    const seconds = (performance.now() - start) / 1000;
    console.log(instances.annotations.length + ' boxes in ' + seconds.toFixed(2) + ' s, peak ' + (process.resourceUsage().maxRSS / 1024).toFixed(0) + ' MB resident');`;
  for (const time of ['first', 'from the cache']) {
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' });
    console.log(`${time}: ${stdout.trim()}${stderr}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
