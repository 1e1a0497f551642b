/* global document, window, fetch, createImageBitmap, OffscreenCanvas, performance */
/** The live page: a picture is decoded, resized as `npm run detect` resizes it, and shown to every detector. */
import * as ort from 'onnxruntime-web/wasm';
import { resizeBilinear } from '../../lib/dist/coco/resize.js';

// One thread: more of them need headers that static hosts do not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = { wasm: new URL('ort-wasm-simd-threaded.wasm', import.meta.url).href };

const COLOR = '#2fd070';
const [chosen, status, threshold, scenes, results] = ['file', 'status', 'threshold', 'scenes', 'results'].map((id) =>
  document.getElementById(id),
);
const say = (text) => void (status.textContent = text);

/** RGB of a picture's bytes, upright; its colour profile is ignored. */
async function decode(bytes) {
  const bitmap = await createImageBitmap(bytes, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, o = 0; i < rgba.length; i += 4) for (let c = 0; c < 3; c++) data[o++] = rgba[i + c];
  return { picture: { width, height, data }, bitmap };
}

/** What is found on a picture, best first, boxes x, y, width, height in its own pixels; and the time it took. */
async function detect({ session, size, categories }, picture) {
  const began = performance.now();
  const { width, height, data } = resizeBilinear(picture, size.width, size.height);
  const input = new ort.Tensor('uint8', data, [1, height, width, 3]);
  const { boxes, scores, labels } = await session.run({ picture: input });
  const [scaleX, scaleY] = [picture.width / width, picture.height / height];
  const found = Array.from(scores.data, (score, i) => {
    const [x1, y1, x2, y2] = boxes.data.subarray(4 * i, 4 * i + 4);
    const { id, name } = categories[Number(labels.data[i])];
    const bbox = [x1 * scaleX, y1 * scaleY, (x2 - x1) * scaleX, (y2 - y1) * scaleY];
    return { category_id: id, name, score, bbox };
  });
  return { found, milliseconds: performance.now() - began };
}

/** A detector's figure: a canvas, and a line under it. */
function figureOf({ name }) {
  const figure = document.createElement('figure');
  const [canvas, caption] = ['canvas', 'figcaption'].map((tag) => figure.appendChild(document.createElement(tag)));
  results.append(figure);
  canvas.setAttribute('role', 'img');
  caption.textContent = name;
  return { figure, canvas, caption };
}

function draw(detector, bitmap) {
  const { name, canvas, caption, figure, found, milliseconds } = detector;
  const shown = found.filter(({ score }) => score >= Number(threshold.value));
  const scale = Math.max(1, 640 / bitmap.width);
  [canvas.width, canvas.height] = [bitmap.width * scale, bitmap.height * scale];
  const context = canvas.getContext('2d');
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  [context.strokeStyle, context.lineWidth] = [COLOR, Math.max(2, canvas.width / 300)];
  const letter = Math.max(14, canvas.width / 40);
  context.font = `${letter}px system-ui, sans-serif`;
  context.textBaseline = 'top';
  for (const { bbox, name: category, score } of shown.toReversed()) {
    const [x, y, width, height] = bbox.map((side) => side * scale);
    context.strokeRect(x, y, width, height);
    const label = `${category} ${score.toFixed(2)}`;
    const top = Math.max(0, y - letter - 4);
    context.fillStyle = COLOR;
    context.fillRect(x, top, context.measureText(label).width + 8, letter + 4);
    context.fillStyle = '#000';
    context.fillText(label, x + 4, top + 2);
  }
  const objects = shown.length === 1 ? '1 object' : `${shown.length} objects`;
  caption.textContent = `${name}: ${objects}, ${milliseconds.toFixed(0)} ms`;
  canvas.setAttribute('aria-label', `${objects}: ${shown.map((one) => one.name).join(', ')}`);
  figure.dataset.found = JSON.stringify(found);
}

const { detectors, scenes: files } = await (await fetch('detectors.json')).json();
let bitmap;
let last = Promise.resolve();

async function show(bytes, name) {
  say(`Looking at ${name} ...`);
  try {
    const decoded = await decode(bytes).catch(() => {
      throw new Error(`${name} is no picture that this browser reads`);
    });
    for (const detector of detectors) Object.assign(detector, await detect(detector, decoded.picture));
    bitmap = decoded.bitmap;
    for (const detector of detectors) draw(detector, bitmap);
    say(`${name}, ${bitmap.width} x ${bitmap.height} pixels`);
  } catch (error) {
    say(error.message);
  }
}

/** One picture after the other. */
function queue(bytes, name) {
  last = last.then(() => show(bytes, name));
}

const showScene = async (file) => queue(await (await fetch(file)).blob(), file);
for (const file of files) {
  const image = document.createElement('img');
  Object.assign(image, { src: file, alt: file.replace('.png', '') });
  const button = document.createElement('button');
  button.append(image);
  button.addEventListener('click', () => void showScene(file));
  scenes.append(button);
}
chosen.addEventListener('change', () => {
  for (const file of chosen.files) queue(file, file.name);
  chosen.value = '';
});
threshold.addEventListener('input', () => {
  if (bitmap) for (const detector of detectors) draw(detector, bitmap);
});
for (const event of ['dragover', 'drop'])
  window.addEventListener(event, (dropped) => {
    dropped.preventDefault();
    if (event === 'drop') for (const file of dropped.dataTransfer.files) queue(file, file.name);
  });

try {
  for (const detector of detectors) {
    Object.assign(detector, figureOf(detector));
    detector.session = await ort.InferenceSession.create(detector.graph);
  }
  chosen.disabled = false;
  await showScene(files[0]);
} catch (error) {
  say(`The detectors do not start here: ${error.message}`);
}
