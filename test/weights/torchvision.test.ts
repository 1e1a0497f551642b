/**
 * torchvision's own networks as witnesses of the import: a file with their names and layout is read
 * into ours, which then has their maps, logits, anchors and detections
 * (test/golden/torchvision_networks.py).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  FasterRcnn,
  Fcos,
  importWeights,
  Parameters,
  Random,
  resnet18,
  resnet50,
  type ResNetConfig,
  RetinaNet,
  tf,
  torchvisionFasterRcnnR50,
  torchvisionFcosR50,
  torchvisionRetinaNetR50,
} from 'freekd';
import { type ProposalConfig, proposalsOf } from '../../lib/dist/detection/faster-rcnn/proposals';
import { anchorGrid, AnchorGrids } from '../../lib/dist/detection/anchors';
import { backbone, createBackbone } from '../../lib/dist/backbone/backbone';
import type { Tensor4D } from '../../lib/dist/tf';
import { near, numbers } from '../detection/golden';
import { type Found, hold, holdDetections, measure, type Sketch } from '../detection/sketch';
import { torchvisionFile } from './torchvision-file';

interface Network {
  shapes: Record<string, number[]>;
  maps: Record<string, Sketch>;
}
const golden = JSON.parse(readFileSync(join(__dirname, '../golden/torchvision_networks.json'), 'utf8')) as {
  size: [number, number, number];
  backbones: Record<string, Network>;
  retinanet: Network & { anchors: number[]; detections: Found };
  fcos: Network;
  fasterRcnn: Network & {
    images: string;
    proposals: { config: ProposalConfig; boxes: number[] };
    detections: Found;
  };
};
function images(name = 'torchvision/images'): Tensor4D {
  const [n, height, width] = golden.size;
  return tf.tensor4d(numbers(name, n * height * width * 3, -2, 2), [n, height, width, 3]);
}

const resnets: Record<string, ResNetConfig> = {
  resnet18,
  resnext50_32x4d: { ...resnet50, groups: 32, widthPerGroup: 4 },
};
for (const [name, config] of Object.entries(resnets))
  test(`torchvision's ${name}, imported, has its maps`, async (t) => {
    const parameters = new Parameters();
    createBackbone(parameters, config, new Random(0));
    await importWeights(parameters, await torchvisionFile(name, golden.backbones[name].shapes), {
      names: 'torchvision-resnet',
    });
    tf.tidy(() => {
      const maps = backbone(parameters, config, images(), false);
      hold(
        t,
        'maps',
        maps.map((map, i) => measure(`${name}/C${i + 3}`, map.dataSync(), golden.backbones[name].maps[`C${i + 3}`])),
        1e-5,
      );
    });
    parameters.dispose();
  });

test("torchvision's RetinaNet, imported, has its maps, logits, anchors and detections", async (t) => {
  const { retinanet } = golden;
  const model = new RetinaNet(torchvisionRetinaNetR50);
  await importWeights(model.parameters, await torchvisionFile('retinanet', retinanet.shapes), {
    names: 'torchvision-retinanet',
  });
  const [, height, width] = golden.size;
  tf.tidy(() => {
    const pyramid = model.pyramid(images());
    const outputs = model.head(pyramid);
    const maps = [
      ...pyramid.map((map, i) => [`pyramid${i}`, map] as const),
      ...outputs.flatMap(({ logits, deltas }, i) => [[`logits${i}`, logits], [`deltas${i}`, deltas]] as const),
    ];
    hold(
      t,
      'maps',
      maps.map(([kind, map]) => measure(`retinanet_resnet50_fpn/${kind}`, map.dataSync(), retinanet.maps[kind])),
      1e-5,
    );
    const [count, ...some] = retinanet.anchors;
    const anchors = pyramid.flatMap((map, i) => [
      ...anchorGrid(model.config.anchors, model.strides[i], [map.shape[1], map.shape[2]], [height, width]).boxes,
    ]);
    assert.equal(anchors.length, 4 * count);
    const every = Math.floor(count / 40);
    assert.deepEqual(some, some.map((_, i) => anchors[4 * every * Math.floor(i / 4) + (i % 4)]));
    const [found] = model.detect(outputs, [{ inputWidth: width, inputHeight: height }]);
    holdDetections(found, retinanet.detections);
  });
  model.dispose();
});

test("torchvision's FCOS, imported, has its maps, logits, distances and centerness", async (t) => {
  const { fcos } = golden;
  const model = new Fcos(torchvisionFcosR50);
  await importWeights(model.parameters, await torchvisionFile('fcos', fcos.shapes), { names: 'torchvision-fcos' });
  tf.tidy(() => {
    const pyramid = model.pyramid(images());
    const outputs = model.head(pyramid);
    const maps = [
      ...pyramid.map((map, i) => [`pyramid${i}`, map] as const),
      ...outputs.flatMap(({ logits, distances, centerness }, i) =>
        Object.entries({ logits, distances, centerness }).map(([kind, map]) => [`${kind}${i}`, map] as const)),
    ];
    const measured = maps.map(([kind, map]) => measure(`fcos_resnet50_fpn/${kind}`, map.dataSync(), fcos.maps[kind]));
    hold(t, 'maps', measured, 1e-5);
  });
  model.dispose();
});

test("torchvision's Faster R-CNN, imported, has its maps, proposals and detections", async (t) => {
  const { fasterRcnn } = golden;
  const { config, boxes } = fasterRcnn.proposals;
  const { proposals, ...rest } = torchvisionFasterRcnnR50;
  const model = new FasterRcnn({ ...rest, proposals: { ...proposals, test: config } });
  const file = await torchvisionFile('faster-rcnn', fasterRcnn.shapes);
  const { names, left } = await importWeights(model.parameters, file);
  assert.deepEqual([names, left], ['torchvision-faster-rcnn', []], 'the names are known without being told');
  const [, height, width] = golden.size;
  const extents = [{ inputWidth: width, inputHeight: height }];
  tf.tidy(() => {
    const pyramid = model.pyramid(images(fasterRcnn.images));
    const outputs = model.head(pyramid);
    const maps = [
      ...pyramid.map((map, i) => [`pyramid${i}`, map] as const),
      ...outputs.rpn.flatMap(({ objectness, deltas }, i) =>
        Object.entries({ objectness, deltas }).map(([kind, map]) => [`${kind}${i}`, map] as const)),
    ];
    const expected = fasterRcnn.maps;
    const measured = maps.map(([kind, map]) => measure(`fasterrcnn_resnet50_fpn/${kind}`, map.dataSync(), expected[kind]));
    hold(t, 'maps', measured, 1e-5);
    const grids = new AnchorGrids(model.config.anchors, model.strides).of(pyramid);
    const [proposed] = proposalsOf(outputs.rpn, grids, extents, config);
    near(proposed, boxes, 1e-4, 'proposals');
    const [found] = model.detect(outputs, extents);
    // Of classes that are numbered from 1 there, the background being 0.
    holdDetections({ ...found, labels: found.labels.map((label) => label + 1) }, fasterRcnn.detections);
  });
  model.dispose();
});
