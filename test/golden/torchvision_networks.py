"""Writes test/golden/torchvision_networks.json: torchvision's own ResNets, RetinaNet, FCOS and Faster R-CNN as witnesses of the import of weights.

    python test/golden/torchvision_networks.py

Each network gets weights from the hash, named and laid out as torchvision names and lays them out, so that the other
side can write the file that torch.save would. The norms of RetinaNet and Faster R-CNN have the epsilon 0
that torchvision sets for its published COCO weights. Computed in float64, with the error of float32 beside it. Of Faster
R-CNN pictures are drawn until no choice of a region is near to falling the other way. Needs torch and torchvision.
"""
import json
import math
from pathlib import Path

import torch
import torchvision
from torch import nn
from torchvision.models.detection import roi_heads, rpn
from torchvision.models.detection.image_list import ImageList

import detection_reference as reference
from sketch import sketch

SIZE = (1, 128, 160)
PROPOSALS = {"perLevel": 30, "iouThreshold": 0.7, "maximum": 60}


def start(name: str, shape) -> torch.Tensor:
    """In PyTorch's own order: filters [out, in, height, width]."""
    if len(shape) == 4:
        bound = (9 if name.startswith("head.") and "cls_logits" in name else 3 if "bbox_reg" in name else 1.5) / math.sqrt(shape[1] * shape[2] * shape[3])
        return reference.tensor(name, shape, -bound, bound)
    if len(shape) == 2:
        bound = (6 if "cls_score" in name else 2) / math.sqrt(shape[1])
        return reference.tensor(name, shape, -bound, bound)
    if name.endswith("cls_logits.bias"):
        return reference.tensor(name, shape, -4.5, -3.5)
    if name.endswith(("running_var", "weight")):
        return reference.tensor(name, shape, 0.5, 1.5)
    return reference.tensor(name, shape, -0.3, 0.3)


def filled(model: nn.Module, dtype) -> nn.Module:
    for name, value in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            value.copy_(start(name, value.shape))
    return model.to(dtype).eval()


def images(dtype, name="torchvision/images"):
    n, height, width = SIZE
    return reference.tensor(name, (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).to(dtype)


def without_epsilon(make) -> nn.Module:
    model = make(weights=None, weights_backbone=None, num_classes=91)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    return model


def resnet(name: str, dtype):
    model = filled(getattr(torchvision.models, name)(), dtype)
    x = model.maxpool(model.relu(model.bn1(model.conv1(images(dtype)))))
    maps = {}
    for stage in range(1, 5):
        x = getattr(model, f"layer{stage}")(x)
        if stage > 1:
            maps[f"C{stage + 1}"] = x
    return model, maps


def retinanet(name: str, dtype):
    model = filled(without_epsilon(torchvision.models.detection.retinanet_resnet50_fpn), dtype)
    x = images(dtype)
    features = list(model.backbone(x).values())
    outputs = model.head(features)
    _, height, width = SIZE
    anchors = model.anchor_generator(ImageList(x, [(height, width)]), features)
    counts = [f.shape[2] * f.shape[3] * 9 for f in features]
    split = {kind: list(value.split(counts, 1)) for kind, value in outputs.items()}
    found = model.postprocess_detections(split, [list(anchors[0].split(counts))], [(height, width)])[0]
    maps = {f"pyramid{i}": f for i, f in enumerate(features)}
    maps.update({f"logits{i}": part for i, part in enumerate(split["cls_logits"])})
    maps.update({f"deltas{i}": part for i, part in enumerate(split["bbox_regression"])})
    return model, maps, anchors[0], {key: found[key][:100] for key in ("boxes", "scores", "labels")}


def fcos(name: str, dtype):
    model = filled(torchvision.models.detection.fcos_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91), dtype)
    features = list(model.backbone(images(dtype)).values())
    outputs = model.head(features)
    maps = {f"pyramid{i}": f for i, f in enumerate(features)}
    counts = [f.shape[2] * f.shape[3] for f in features]
    for ours, theirs in [("logits", "cls_logits"), ("distances", "bbox_regression"), ("centerness", "bbox_ctrness")]:
        maps.update({f"{ours}{i}": part for i, part in enumerate(outputs[theirs].split(counts, 1))})
    return model, maps


class Margin:
    """While it is open, how near batched_nms comes to another choice: an overlap to its threshold, a score to one of its class
    or, of the best that are kept, to the next."""

    def __enter__(self):
        self.least, self.nms = 1.0, torchvision.ops.boxes.batched_nms
        rpn.box_ops.batched_nms = self.watched
        return self

    def watched(self, boxes, scores, labels, threshold):
        same = (labels[:, None] == labels[None]) & ~torch.eye(len(labels), dtype=torch.bool)
        overlap = (torchvision.ops.box_iou(boxes, boxes) - threshold).abs()[same]
        kept = self.nms(boxes, scores, labels, threshold)
        best = scores[kept][:101]
        apart = [(scores[:, None] - scores[None]).abs()[same], best[:-1] - best[1:]]
        self.least = min([self.least, *torch.cat([overlap, *apart]).tolist()])
        return kept

    def __exit__(self, *_):
        rpn.box_ops.batched_nms = self.nms


def faster_rcnn(name: str, dtype):
    assert roi_heads.box_ops is rpn.box_ops
    model = filled(without_epsilon(torchvision.models.detection.fasterrcnn_resnet50_fpn), dtype)
    model.rpn._pre_nms_top_n["testing"], model.rpn._post_nms_top_n["testing"] = PROPOSALS["perLevel"], PROPOSALS["maximum"]
    size = SIZE[1:]
    for attempt in range(60) if dtype == torch.float64 else [faster_rcnn.attempt]:
        pictures = f"torchvision/faster/{attempt}"
        features = model.backbone(images(dtype, pictures))
        objectness, deltas = model.rpn.head(list(features.values()))
        cuts = [level.flatten().sigmoid().sort(descending=True).values for level in objectness]
        cut = min((c[PROPOSALS["perLevel"] - 1] - c[PROPOSALS["perLevel"]]).item() for c in cuts if len(c) > PROPOSALS["perLevel"])
        with Margin() as margin:
            proposals, _ = model.rpn(ImageList(images(dtype, pictures), [size]), features)
            (found,), _ = model.roi_heads(features, proposals, [size])
        if dtype == torch.float32 or min(cut, margin.least) > 1e-5:
            break
    else:
        raise AssertionError("rounding decides of all pictures")
    print(pictures, cut, margin.least, "proposals", len(proposals[0]))
    faster_rcnn.attempt = attempt
    maps = {f"pyramid{i}": f for i, f in enumerate(features.values())}
    for kind, levels in [("objectness", objectness), ("deltas", deltas)]:
        maps.update({f"{kind}{i}": level for i, level in enumerate(levels)})
    return model, maps, proposals[0], found


def listed(x, digits=9):
    return [float(f"{v:.{digits}g}") for v in x.flatten().tolist()]


def case(make, name: str) -> dict:
    model, exact, *rest = make(name, torch.float64)
    _, single, *_ = make(name, torch.float32)
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    print(name, {key: round(m.square().mean().sqrt().item(), 3) for key, m in exact.items()})
    return {"shapes": shapes, "maps": {key: sketch(f"{name}/{key}", m, single[key], filters=False) for key, m in exact.items()}}, *rest


with torch.no_grad():
    answers = {"size": SIZE, "backbones": {name: case(resnet, name)[0] for name in ["resnet18", "resnext50_32x4d"]}}
    network, anchors, found = case(retinanet, "retinanet_resnet50_fpn")
    print("detections", len(found["scores"]), found["scores"][0].item(), found["scores"][-1].item())
    answers["retinanet"] = {**network, "anchors": [len(anchors), *listed(anchors[:: len(anchors) // 40])],
                            "detections": {"boxes": listed(found["boxes"]), "scores": listed(found["scores"]), "labels": found["labels"].tolist()}}
    answers["fcos"] = case(fcos, "fcos_resnet50_fpn")[0]
    network, proposals, found = case(faster_rcnn, "fasterrcnn_resnet50_fpn")
    print("detections", len(found["scores"]), found["scores"][0].item(), found["scores"][-1].item())
    answers["fasterRcnn"] = {**network, "images": f"torchvision/faster/{faster_rcnn.attempt}", "proposals": {"config": PROPOSALS, "boxes": listed(proposals)},
                             "detections": {"boxes": listed(found["boxes"]), "scores": listed(found["scores"]), "labels": found["labels"].tolist()}}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
print(f"{path.name}: {path.stat().st_size // 1024} kB")
