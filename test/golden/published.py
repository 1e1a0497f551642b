"""Writes test/golden/published.json: RetinaNet-R50, -R101 and -X101 64x4d as mmdet publishes them, in plain PyTorch.

    python test/golden/published.py

Weights and pictures come from the hash that both languages compute. Everything is computed in float64 and again in
float32, and the error of PyTorch's own float32 stands beside each answer: what a float32 program can be held to. A
gradient jumps where rounding turns a ReLU on or off, so its floor is also what it moves by when all ReLUs within
rounding of zero fall the other way. Pictures where rounding decides a detection or a sign of the L1 loss are left out. The
second picture fills only a part of its input, as after padding. Needs torch and torchvision as in requirements.txt.
"""
import json
import math
from pathlib import Path

import torch
from torchvision.ops import box_iou

import detection_reference as reference
from sketch import sketch

R50 = {"block": "bottleneck", "blocks": [3, 4, 6, 3], "widths": [64, 128, 256, 512], "stem": {"kernel": 7, "channels": 64, "pool": True},
       "norm": "frozen", "frozenStages": 1, "levels": [3, 4, 5]}
R101 = {**R50, "blocks": [3, 4, 23, 3]}
BACKBONES = {"retinaNetR50": R50, "retinaNetR101": R101, "retinaNetX101": {**R101, "groups": 64, "widthPerGroup": 4}}
REST = {"classes": 80, "neck": {"channels": 256, "extraLevels": 2}, "head": {"convs": 4, "channels": 256, "norm": "none"},
        "anchors": {"baseScale": 4, "scalesPerOctave": 3, "ratios": [0.5, 1, 2]},
        "loss": {"focal": {"alpha": 0.25, "gamma": 2}, "box": {"beta": 0}}}
CONFIGS = {name: {**REST, "backbone": backbone} for name, backbone in BACKBONES.items()}
SIZE = (2, 128, 160)
EXTENTS = [(160, 128), (149, 117)]
BAND, KINK = 4e-6, 1e-4
DETECT = {"threshold": 0.05, "per_level": 1000, "iou": 0.5, "maximum": 100}


def start(name: str, shape) -> torch.Tensor:
    """`initial`, but for residual branches that do not add up, logits that spread around a rare class, deltas that move the anchors."""
    if name.endswith("bn3.weight"):
        return reference.tensor(name, shape, 0.1, 0.5)
    if name.endswith("retina_cls.bias"):
        return reference.tensor(name, shape, -4.5, -3.5)
    if len(shape) == 4 and "retina" in name:
        bound = (9 if "cls" in name else 3) / math.sqrt(shape[1] * shape[2] * shape[3])
        return reference.tensor(name, (shape[2], shape[3], shape[1], shape[0]), -bound, bound).permute(3, 2, 0, 1)
    return reference.initial(name, shape)


def trained(name: str) -> bool:
    return not name.startswith(("backbone.conv1.", "backbone.bn1.", "backbone.layer1."))


def network(name: str, dtype) -> reference.RetinaNet:
    model = reference.RetinaNet(CONFIGS[name], start).to(dtype).eval()
    for key, value in model.named_parameters():
        value.requires_grad_(trained(key))
    return model


def pictures(name: str, size, dtype):
    n, height, width = size
    return reference.tensor(name, (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).to(dtype)


def targets(name: str, extents, classes: int, count: int = 4):
    """Objects of 12 to 100 pixels, each class number from the hash."""
    result = []
    for i, (width, height) in enumerate(extents):
        side = reference.tensor(f"{name}/side{i}", (count, 2), 12, min(100, width, height))
        corner = reference.tensor(f"{name}/corner{i}", (count, 2), 0, 1) * (torch.tensor([width, height]) - side)
        labels = torch.from_numpy((reference.hashes(f"{name}/labels{i}", count) % classes).astype("int64"))
        result.append((torch.cat([corner, corner + side], 1), labels))
    return result


def predictions(outputs, anchors, classes, n):
    return [(a.to(logits.dtype), logits[n].permute(1, 2, 0).reshape(-1, classes), deltas[n].permute(1, 2, 0).reshape(-1, 4))
            for a, (logits, deltas) in zip(anchors, outputs)]


class Ambiguous(Exception):
    pass


def unambiguous(levels, boxes, scores, labels, width, height):
    """Raises unless no rounding decides which detections there are: a tie for the last place, an overlap at the threshold."""
    last = scores[DETECT["maximum"] - 1]
    tie = (last - scores[DETECT["maximum"]]).item()
    every, classes = [], []
    for anchors, logits, deltas in levels:
        score = logits.sigmoid()
        pairs = (score >= last).nonzero()
        assert len(pairs) < DETECT["per_level"], "a level's cut decides"
        every.append(reference.decode(anchors[pairs[:, 0]], deltas[pairs[:, 0]], width, height))
        classes.append(pairs[:, 1])
    overlaps = box_iou(boxes, torch.cat(every))[labels[:, None] == torch.cat(classes)[None]]
    margin = (overlaps - DETECT["iou"]).abs().nan_to_num(1).min().item()
    if tie < 1e-5 or margin < 2e-5:
        raise Ambiguous(f"gap of scores {tie}, of overlaps {margin}")


def run(name: str, images: str, dtype):
    config, model = CONFIGS[name], network(name, dtype)
    pyramid = model.neck(model.backbone(pictures(images, SIZE, dtype)))
    outputs = [model.bbox_head(level) for level in pyramid]
    anchors = model.anchors(pyramid)
    goals = [(boxes.to(dtype), labels) for boxes, labels in targets(name, EXTENTS, config["classes"])]
    focal, box, normalizer = model.loss(outputs, [a.to(dtype) for a in anchors], goals)
    if model.kink < KINK:
        raise Ambiguous(f"a box delta {model.kink} from its target")
    (focal + box).backward()
    found = []
    for i, (width, height) in enumerate(EXTENTS):
        levels = predictions(outputs, anchors, config["classes"], i)
        boxes, scores, labels, _ = reference.detect(levels, width, height, **{**DETECT, "maximum": DETECT["maximum"] + 1})
        if dtype == torch.float64:
            unambiguous(levels, boxes, scores, labels, width, height)
        boxes, scores, labels = (x[:DETECT["maximum"]] for x in (boxes, scores, labels))
        counts = [int((logits.sigmoid() > DETECT["threshold"]).sum()) for _, logits, _ in levels]
        found.append((boxes.detach(), scores.detach(), labels, counts))
    gradients = {key: value.grad for key, value in model.named_parameters() if trained(key)}
    maps = {"pyramid": pyramid, "logits": [o[0] for o in outputs], "deltas": [o[1] for o in outputs]}
    maps = {f"{kind}{level}": m.detach() for kind, levels in maps.items() for level, m in enumerate(levels)}
    parameters = sum(value.numel() for value in model.parameters())
    return maps, [focal.item(), box.item()], normalizer, gradients, found, parameters


def listed(x, digits=9):
    return [float(f"{v:.{digits}g}") for v in x.flatten().tolist()]


def case(name: str) -> dict:
    for attempt in range(9):
        images = f"{name}/images{attempt}"
        try:
            maps, losses, normalizer, gradients, found, parameters = run(name, images, torch.float64)
            break
        except Ambiguous as reason:
            print(images, "left out:", reason)
    maps32, losses32, normalizer32, gradients32, found32, _ = run(name, images, torch.float32)
    reference.Relu.BAND = BAND
    turned = run(name, images, torch.float64)[3]
    reference.Relu.BAND = 0.0
    assert normalizer == normalizer32
    print(name, "parameters", parameters, "losses", losses, "positives", normalizer, "candidates", [f[3] for f in found])
    print("  rms", {k: round(m.square().mean().sqrt().item(), 3) for k, m in maps.items()})
    answer = {
        "images": images,
        "maps": {k: sketch(f"{name}/{k}", m, maps32[k], filters=False) for k, m in maps.items()},
        "losses": losses, "normalizer": normalizer, "parameters": parameters,
        "gradients": {k: sketch(k, g, gradients32[k], turned[k]) for k, g in gradients.items()},
        "detections": [{"boxes": listed(b), "scores": listed(s), "labels": l.tolist()} for b, s, l, _ in found]}
    floors = sorted(((v[1], k) for k, v in answer["gradients"].items()), reverse=True)
    print("  floor: maps", f"{max(v[1] for v in answer['maps'].values()):.1e}", "losses", [f"{abs(a / b - 1):.1e}" for a, b in zip(losses32, losses)],
          "gradients", [f"{v:.1e} {k}" for v, k in floors[:3]], "median", f"{floors[len(floors) // 2][0]:.1e}")
    for (b, s, l, _), (b32, s32, l32, _) in zip(found, found32):
        print("  detections", len(s), "best", s[0].item(), "last", s[-1].item(), "same in float32", torch.equal(l, l32) and (b - b32).abs().max().item())
    return answer


if __name__ == "__main__":
    answers = {"size": SIZE, "extents": EXTENTS, "networks": {name: case(name) for name in CONFIGS},
               "targets": {name: [{"boxes": listed(b), "labels": l.tolist()} for b, l in targets(name, EXTENTS, REST["classes"])] for name in CONFIGS}}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")
