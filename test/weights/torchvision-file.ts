/** Files as torchvision's networks would be saved, with the numbers of the golden scripts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from 'freekd';
import { numbers } from '../detection/golden';

const folder = mkdtempSync(join(tmpdir(), 'freekd-torchvision-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

/** In PyTorch's own order: `start` of the scripts. */
function torchNumbers(name: string, shape: readonly number[]): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1);
  if (shape.length === 4) {
    const bound = (/^head\..*cls_logits/.test(name) ? 9 : name.includes('bbox_reg') ? 3 : 1.5) / Math.sqrt(size / shape[0]);
    return numbers(name, size, -bound, bound);
  }
  if (shape.length === 2) {
    const bound = (name.includes('cls_score') ? 6 : 2) / Math.sqrt(shape[1]);
    return numbers(name, size, -bound, bound);
  }
  if (name.endsWith('cls_logits.bias')) return numbers(name, size, -4.5, -3.5);
  return /(running_var|weight)$/.test(name) ? numbers(name, size, 0.5, 1.5) : numbers(name, size, -0.3, 0.3);
}

/** The file that Python would save of a network with parameters of these names and shapes. */
export async function torchvisionFile(name: string, shapes: Record<string, number[]>): Promise<string> {
  const file = join(folder, `${name}.safetensors`);
  await writeSafetensors(
    file,
    new Map(Object.entries(shapes).map(([key, shape]) => [key, { shape, data: torchNumbers(key, shape) }])),
  );
  return file;
}
