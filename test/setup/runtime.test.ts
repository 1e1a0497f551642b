import { spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseRuntime, tensorflowVariables, wheelFor } from '../../setup/runtime.mjs';
import { compilerArguments } from '../../setup/steps/binding.mjs';
import { deviceSentence } from '../../setup/steps/device.mjs';
import { kernelSpecification } from '../../setup/steps/kernel.mjs';
import { cudaRequirements } from '../../setup/steps/cuda.mjs';

test('the GPU is chosen where a driver and a CUDA wheel are, and FREEKD_RUNTIME overrides it', () => {
  assert.equal(chooseRuntime({ system: 'linux-x64', driver: true }), 'gpu');
  assert.equal(chooseRuntime({ system: 'linux-x64', driver: false }), 'cpu');
  assert.equal(chooseRuntime({ system: 'linux-arm64', driver: true }), 'cpu');
  assert.equal(chooseRuntime({ override: 'cpu', system: 'linux-x64', driver: true }), 'cpu');
  assert.equal(chooseRuntime({ override: 'gpu', system: 'linux-x64', driver: false }), 'gpu');
  assert.throws(
    () => chooseRuntime({ override: 'cuda', system: 'linux-x64', driver: true }),
    /FREEKD_RUNTIME is "cuda"/,
  );
  assert.throws(() => chooseRuntime({ override: 'gpu', system: 'darwin-arm64', driver: false }), /linux-x64 only/);
});

test('each system has its wheel, or a sentence', () => {
  assert.deepEqual(wheelFor('cpu', 'linux-x64'), { name: 'tensorflow-cpu', tag: 'manylinux_2_27_x86_64' });
  assert.deepEqual(wheelFor('gpu', 'linux-x64'), { name: 'tensorflow', tag: 'manylinux_2_27_x86_64' });
  assert.deepEqual(wheelFor('cpu', 'linux-arm64'), { name: 'tensorflow', tag: 'manylinux_2_27_aarch64' });
  assert.deepEqual(wheelFor('cpu', 'darwin-arm64'), { name: 'tensorflow', tag: 'macosx_12_0_arm64' });
  assert.throws(() => wheelFor('cpu', 'win32-x64'), /WSL2/);
  assert.throws(() => wheelFor('cpu', 'darwin-x64'), /no library for this system/);
});

test("NVIDIA's wheels are those of the extra and-cuda", () => {
  const metadata = [
    'Name: tensorflow',
    'Requires-Dist: numpy>=1.26.0',
    'Provides-Extra: and-cuda',
    'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
    "Requires-Dist: nvidia-nccl-cu12<3.0,>=2.27.7; extra == 'and-cuda'",
    'Requires-Dist: tensorflow-io-gcs-filesystem>=0.23.1; (sys_platform != "win32") and extra == "gcs-filesystem"',
  ].join('\n');
  assert.deepEqual(cudaRequirements(metadata), ['nvidia-cublas-cu12<13.0,>=12.5.3.2', 'nvidia-nccl-cu12<3.0,>=2.27.7']);
});

test('TensorFlow is quiet unless the user asks for more', () => {
  assert.equal(tensorflowVariables('cpu', {}).TF_CPP_MIN_LOG_LEVEL, '2');
  assert.equal(tensorflowVariables('cpu', { TF_CPP_MIN_LOG_LEVEL: '0' }).TF_CPP_MIN_LOG_LEVEL, '0');
  assert.equal(tensorflowVariables('cpu', { LD_LIBRARY_PATH: '/x' }).LD_LIBRARY_PATH, undefined);
});

test('the binding finds TensorFlow relative to itself', () => {
  const words = compilerArguments({
    platform: 'linux',
    library: '/p/.runtime/t',
    output: '/o',
    origin: '/p/node_modules/x/lib',
  });
  assert.ok(words.includes('-Wl,-rpath,$ORIGIN/../../../.runtime/t'));
  assert.ok(words.includes('/p/.runtime/t/libtensorflow_cc.so.2'));
  const mac = compilerArguments({
    platform: 'darwin',
    library: '/p/.runtime/t',
    output: '/o',
    origin: '/p/node_modules/x/lib',
  });
  assert.ok(mac.includes('-Wl,-rpath,@loader_path/../../../.runtime/t'));
  assert.ok(mac.includes('/p/.runtime/t/libtensorflow_cc.2.dylib'));
});

test('the kernel runs under the Node that set it up', () => {
  const specification = kernelSpecification({
    node: '/opt/node',
    tslab: '/p/tslab',
    variables: { TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  assert.deepEqual(specification.argv, ['/opt/node', '/p/tslab', 'kernel', '--config-path', '{connection_file}']);
  assert.equal(specification.env.TF_CPP_MIN_LOG_LEVEL, '2');
});

test('the device is said as it is', () => {
  const version = { tensorflow: '2.21.0' };
  assert.equal(deviceSentence({ ...version, device: 'cpu' }, 'cpu', null), 'TensorFlow 2.21.0 runs on the CPU');
  assert.match(deviceSentence({ ...version, device: 'cpu' }, 'gpu', null), /CPU; the CUDA libraries are set up, but/);
  assert.equal(
    deviceSentence({ ...version, device: 'gpu' }, 'gpu', 'A100'),
    'TensorFlow 2.21.0 runs on the GPU (A100)',
  );
});

test('loading TensorFlow prints nothing, whatever the processor', () => {
  const script = "require('freekd').tf.scalar(1).dataSync()";
  const { stderr, status } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(status, 0);
});
