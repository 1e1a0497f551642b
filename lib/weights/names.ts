/** How published files call the parameters that we name as mmdetection does. */

/**
 * The name here of a name there, without what stands before a model's names (see prefix.ts); nothing
 * where a file holds what we do not need.
 */
export type NameMap = (name: string) => string | undefined;

/** The first rule that matches decides: the rest of the name is kept behind the new beginning. */
function byPattern(rules: readonly (readonly [RegExp, string])[]): NameMap {
  return (name) => {
    const rule = rules.find(([pattern]) => pattern.test(name));
    return rule && name.replace(rule[0], rule[1]);
  };
}

/** Whether it is a counter that PyTorch's batch norm keeps and nobody reads. */
export const isCounter = (name: string): boolean => name.endsWith('.num_batches_tracked');

const withoutCounters =
  (map: NameMap): NameMap =>
  (name) =>
    isCounter(name) ? undefined : map(name);

const mmdet = withoutCounters(byPattern([[/^(?=(backbone|neck|bbox_head)\.)/, '']]));

const mmdetInStages = withoutCounters(byPattern([[/^(?=(backbone|neck|rpn_head|roi_head\.bbox_head)\.)/, '']]));

/** torchvision's backbone with a feature pyramid of P3 to P7. */
const torchvisionPyramid: [RegExp, string][] = [
  [/^backbone\.body\./, 'backbone.'],
  [/^backbone\.fpn\.inner_blocks\.(\d+)\.0\./, 'neck.lateral_convs.$1.conv.'],
  [/^backbone\.fpn\.layer_blocks\.(\d+)\.0\./, 'neck.fpn_convs.$1.conv.'],
  [/^backbone\.fpn\.extra_blocks\.p6\./, 'neck.fpn_convs.3.conv.'],
  [/^backbone\.fpn\.extra_blocks\.p7\./, 'neck.fpn_convs.4.conv.'],
];

/** torchvision's FCOS numbers convolution, norm and ReLU of a tower through. */
function torchvisionTower(name: string): string | undefined {
  const [, tower, at, rest] = /^head\.(classification|regression)_head\.conv\.(\d+)\.(\w+)$/.exec(name) ?? [];
  if (tower === undefined) return undefined;
  const layer = `bbox_head.${tower === 'classification' ? 'cls' : 'reg'}_convs.${Math.floor(Number(at) / 3)}`;
  return `${layer}.${Number(at) % 3 === 0 ? 'conv' : 'gn'}.${rest}`;
}

/** Blocks of each stage of MobileNetV2, which torchvision numbers through, from 1. */
const MOBILENET_V2 = [1, 2, 3, 4, 3, 3, 1].flatMap((blocks, stage) =>
  Array.from({ length: blocks }, (_, block) => `layer${stage + 1}.${block}`),
);

/**
 * torchvision's MobileNetV2: a block's convolutions are `conv.<i>.0` with norms `conv.<i>.1`, but
 * the last is `conv.<i>` with its norm after it.
 */
function torchvisionMobileNet(name: string): string | undefined {
  const stem = /^features\.0\.([01])\.(\w+)$/.exec(name);
  if (stem) return `backbone.conv1.${stem[1] === '0' ? 'conv' : 'bn'}.${stem[2]}`;
  const [, at, layer, part, rest] = /^features\.(\d+)\.conv\.(\d)\.(?:(\d)\.)?(\w+)$/.exec(name) ?? [];
  const block = MOBILENET_V2[Number(at) - 1];
  if (block === undefined) return undefined;
  const widened = block === 'layer1.0' ? [] : ['expand_conv'];
  const layers = [...widened, 'depthwise_conv', 'linear_conv', 'linear_conv'];
  const isConvolution = part === undefined ? Number(layer) < layers.length - 1 : part === '0';
  return `backbone.${block}.${layers[Number(layer)]}.${isConvolution ? 'conv' : 'bn'}.${rest}`;
}

export const nameMaps = {
  /** torchvision's ResNets, trained on ImageNet: the backbone only, `fc` is left out. */
  'torchvision-resnet': withoutCounters(byPattern([[/^(?=(conv1|bn1|layer\d+)\.)/, 'backbone.']])),
  /** torchvision's MobileNetV2, trained on ImageNet: the backbone only, what follows it is left out. */
  'torchvision-mobilenetv2': withoutCounters(torchvisionMobileNet),
  /** mmdetection's RetinaNet and FCOS, whose names are ours. */
  'mmdet-retinanet': mmdet,
  'mmdet-fcos': mmdet,
  /**
   * mmdetection's Faster R-CNN and Cascade R-CNN, whose names are ours; a layer's matrix is read as a
   * filter, and the mask heads of Cascade Mask R-CNN are left out.
   */
  'mmdet-faster-rcnn': mmdetInStages,
  'mmdet-cascade-rcnn': mmdetInStages,
  /**
   * mmdetection's RepPoints. Older files have what moves the taps of a deformable layer beside it,
   * not in it.
   */
  'mmdet-reppoints': withoutCounters(
    byPattern([
      [/^(backbone\.layer\d+\.\d+\.conv2)_offset\./, '$1.conv_offset.'],
      [/^(?=(backbone|neck|bbox_head)\.)/, ''],
    ]),
  ),
  /** mmsegmentation's PSPNet and DeepLabV3, whose names are ours. */
  mmseg: withoutCounters(byPattern([[/^(?=(backbone|decode_head|auxiliary_head)\.)/, '']])),
  /** Its ResNetV1c, trained on ImageNet (`open-mmlab://resnet18_v1c`): the backbone only, `fc` is left out. */
  'mmseg-resnet': withoutCounters(byPattern([[/^(?=(stem|layer\d+)\.)/, 'backbone.']])),
  /** torchvision's RetinaNet (`retinanet_resnet50_fpn`). */
  'torchvision-retinanet': withoutCounters(
    byPattern([
      ...torchvisionPyramid,
      [/^head\.classification_head\.conv\.(\d+)\.0\./, 'bbox_head.cls_convs.$1.conv.'],
      [/^head\.regression_head\.conv\.(\d+)\.0\./, 'bbox_head.reg_convs.$1.conv.'],
      [/^head\.classification_head\.cls_logits\./, 'bbox_head.retina_cls.'],
      [/^head\.regression_head\.bbox_reg\./, 'bbox_head.retina_reg.'],
    ]),
  ),
  /** torchvision's FCOS (`fcos_resnet50_fpn`). */
  'torchvision-fcos': withoutCounters(
    (name) =>
      torchvisionTower(name) ??
      byPattern([
        ...torchvisionPyramid,
        [/^head\.classification_head\.cls_logits\./, 'bbox_head.conv_cls.'],
        [/^head\.regression_head\.bbox_reg\./, 'bbox_head.conv_reg.'],
        [/^head\.regression_head\.bbox_ctrness\./, 'bbox_head.conv_centerness.'],
      ])(name),
  ),
  /** torchvision's Faster R-CNN (`fasterrcnn_resnet50_fpn`), whose background is the first class (see rows.ts). */
  'torchvision-faster-rcnn': withoutCounters(
    byPattern([
      ...torchvisionPyramid,
      [/^rpn\.head\.conv\.(0\.0\.)?(?=weight$|bias$)/, 'rpn_head.rpn_conv.'],
      [/^rpn\.head\.cls_logits\./, 'rpn_head.rpn_cls.'],
      [/^rpn\.head\.bbox_pred\./, 'rpn_head.rpn_reg.'],
      [/^roi_heads\.box_head\.fc6\./, 'roi_head.bbox_head.shared_fcs.0.'],
      [/^roi_heads\.box_head\.fc7\./, 'roi_head.bbox_head.shared_fcs.1.'],
      [/^roi_heads\.box_predictor\.cls_score\./, 'roi_head.bbox_head.fc_cls.'],
      [/^roi_heads\.box_predictor\.bbox_pred\./, 'roi_head.bbox_head.fc_reg.'],
    ]),
  ),
  /**
   * The authors' prompt: one module a pyramid level with tokens [4, T, C]; its `prob.*` is used by
   * nothing.
   */
  'freekd-prompt': byPattern([[/^(?:.*\.)?mask_modules\.(\d+)\.mask_token$/, 'prompts.$1.tokens']]),
} satisfies Record<string, NameMap>;

export type NameMapName = keyof typeof nameMaps;
