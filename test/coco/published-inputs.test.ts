/**
 * Real COCO pictures by the published rule, 1333x800, normalised and padded to 32: to the last bit
 * the input that OpenCV and numpy make.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLoader, openCoco } from 'freekd';
import golden from '../golden/coco_inputs.json';

const folder = join(__dirname, '../../../shared/data/coco128');
const skip = existsSync(folder) ? false : 'needs ../shared/data/coco128, beside the repository';

test('pictures of coco128 become the inputs that mmdet makes of them', { skip }, async () => {
  const loader = createLoader(openCoco(folder, 'val2017'), { batch: 1, size: { longSide: 1333, shortSide: 800 } });
  try {
    for (const [step, { id, picture, resized, padded, sha256 }] of golden.entries()) {
      const { images, origins } = await loader.batch(step);
      const [{ width, height, inputWidth, inputHeight, scaleX, scaleY, ...origin }] = origins;
      assert.deepEqual(
        { id: origin.id, picture: [width, height], resized: [inputWidth, inputHeight] },
        { id, picture, resized },
      );
      assert.deepEqual(
        [scaleX, scaleY],
        [resized[0] / picture[0], resized[1] / picture[1]],
        'what boxes are divided by on their way back',
      );
      assert.deepEqual(images.shape, [1, padded[1], padded[0], 3]);
      const bytes = images.dataSync<'float32'>();
      images.dispose();
      assert.equal(
        createHash('sha256')
          .update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
          .digest('hex'),
        sha256,
        `picture ${id}`,
      );
    }
  } finally {
    await loader.close();
  }
});
