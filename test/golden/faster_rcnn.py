"""Writes test/golden/faster_rcnn.json, the answers that test/detection/faster-rcnn.test.ts holds Faster R-CNN against.

    python test/golden/faster_rcnn.py
"""
import json
from pathlib import Path

import torch

from detection_reference import boxes_of, first_listed, gradients_of, listed, tensor
from faster_rcnn_reference import FasterRcnn, reshaped

torch.manual_seed(0)
RPN = {"channels": 8, "assign": {"positive": 0.7, "negative": 0.3, "least": 0.3}}
CASES = {
    "specific": {
        "kind": "faster-rcnn", "size": [2, 64, 96], "classes": 3,
        "backbone": {"block": "basic", "blocks": [1, 1, 1, 1], "widths": [4, 6, 8, 8], "stem": {"kernel": 3, "channels": 4, "pool": True},
                     "norm": "batch", "frozenStages": -1, "levels": [2, 3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 1, "addExtraConvs": "none"},
        "anchors": {"baseScale": 3, "scalesPerOctave": 1, "ratios": [0.5, 1, 2]},
        "rpn": {**RPN, "sample": {"count": 24, "share": 0.5}},
        "proposals": {"training": {"perLevel": 40, "iouThreshold": 0.7, "maximum": 40}, "test": {"perLevel": 30, "iouThreshold": 0.7, "maximum": 30}},
        "regions": {"positive": 0.5, "sample": {"count": 24, "share": 0.25}},
        "head": {"channels": 12, "bins": 7, "finestScale": 14, "levels": 4, "classAgnostic": False, "deviations": [0.1, 0.2]}},
    "agnostic": {
        "kind": "faster-rcnn", "size": [2, 70, 89], "classes": 4,
        "backbone": {"block": "bottleneck", "blocks": [1, 1, 1, 1], "widths": [3, 4, 4, 5], "stem": {"kernel": 7, "channels": 6, "pool": True},
                     "norm": "frozen", "frozenStages": 1, "levels": [3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 0},
        "anchors": {"baseScale": 2, "scalesPerOctave": 2, "ratios": [1]},
        "rpn": {**RPN, "sample": {"count": 16, "share": 0.5}},
        "proposals": {"training": {"perLevel": 30, "iouThreshold": 0.7, "maximum": 30}, "test": {"perLevel": 20, "iouThreshold": 0.7, "maximum": 20}},
        "regions": {"positive": 0.5, "sample": {"count": 16, "share": 0.25}},
        "head": {"channels": 10, "bins": 5, "finestScale": 20, "levels": 3, "classAgnostic": True, "deviations": [0.1, 0.2]}},
}
DETECT = {"threshold": 0.05, "iou": 0.5, "maximum": 30}
MARGIN = 1e-5


def case(name, config):
    n, height, width = config["size"]
    extent = [width - 5, height - 3]
    for salt in range(400):  # until no decision is near to falling the other way
        model = FasterRcnn(config).double()
        model.train(config["backbone"]["norm"] == "batch")
        images = tensor(f"{name}/images/{salt}", (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).double()
        outputs = model(images)
        targets = []
        for i in range(n):
            count = 5 if i == 0 or name == "specific" else 0  # the last picture of "agnostic" is empty
            targets.append((boxes_of(f"{name}/boxes{i}/{salt}", count, *extent), torch.arange(count) % config["classes"]))
        losses, normalizers = model.loss(outputs, targets, *extent)
        found = [model.detect(outputs, i, *extent, **DETECT) for i in range(n)]
        margin = min(model.margin, *(f[3] for f in found))
        if margin > MARGIN:
            break
    print(name, salt, margin, {k: v.item() for k, v in losses.items()}, normalizers, [len(f[2]) for f in found])
    assert margin > MARGIN
    rois, labels, regressed = model.drawn
    sum(weight * part for weight, part in zip((1, 2, 3, 4), losses.values())).backward()
    gradients = gradients_of(model, config, reshaped(config))
    return {"config": config, "images": f"{name}/images/{salt}", "extent": extent,
            "targets": [{"boxes": listed(b, 9), "labels": l.tolist()} for b, l in targets],
            "outputs": {"objectness": first_listed(o[0] for o in outputs), "deltas": first_listed(o[1] for o in outputs)},
            "regions": listed(rois), "regression": listed(regressed, 6), "losses": {k: v.item() for k, v in losses.items()},
            "normalizers": normalizers, "gradients": gradients,
            "detections": [{"boxes": listed(b), "scores": listed(s), "labels": l.tolist()} for b, s, l, _ in found]}


if __name__ == "__main__":
    answers = {"detect": DETECT, "cases": {name: case(name, config) for name, config in CASES.items()}}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")
