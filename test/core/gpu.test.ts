import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowsTf32, gpuVariables } from '../../lib/dist/core/gpu';

test('memory of a GPU grows with need, TF32 is allowed unless it is switched off, and what the user set stays', () => {
  assert.deepEqual(gpuVariables({}), {
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    TF_CUDNN_WORKSPACE_LIMIT_IN_MB: '512',
    TF_ENABLE_MAXPOOL_NANPROP: '1',
  });
  const own = { TF_FORCE_GPU_ALLOW_GROWTH: 'false', TF_CUDNN_WORKSPACE_LIMIT_IN_MB: '64' };
  assert.deepEqual(gpuVariables({ ...own, FREEKD_TF32: 'off' }), {
    TF_FORCE_GPU_ALLOW_GROWTH: 'false',
    TF_CUDNN_WORKSPACE_LIMIT_IN_MB: '64',
    TF_ENABLE_MAXPOOL_NANPROP: '1',
    NVIDIA_TF32_OVERRIDE: '0',
  });
  assert.equal(allowsTf32({ FREEKD_TF32: 'on' }), true);
  assert.equal(allowsTf32({ NVIDIA_TF32_OVERRIDE: '0' }), false);
  assert.throws(() => allowsTf32({ FREEKD_TF32: 'yes' }), /FREEKD_TF32 is "yes"; it can be on or off/);
});
