"""Writes test/golden/reppoints.json, the answers that test/detection/reppoints.test.ts holds RepPoints against.

    python test/golden/reppoints.py
"""
import json
from pathlib import Path

import torch

from detection_reference import boxes_of, first_listed, gradients_of, listed, tensor
from reppoints_reference import RepPoints

torch.manual_seed(0)
LOSS = {"focal": {"alpha": 0.25, "gamma": 2}, "box": {"beta": 0.11, "initial": 0.5, "refined": 1}}
CASES = {
    "small": {
        "kind": "reppoints", "size": [2, 64, 96], "classes": 3,
        "backbone": {"block": "basic", "blocks": [1, 1, 1, 1], "widths": [4, 6, 8, 8], "stem": {"kernel": 3, "channels": 4, "pool": True},
                     "norm": "batch", "frozenStages": -1, "levels": [3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 0, "norm": {"groups": 4}},
        "head": {"convs": 2, "channels": 8, "norm": {"groups": 4}},
        "assign": {"scale": 2, "positive": 0.5, "negative": 0.4}, "loss": LOSS},
    "deformable": {
        "kind": "reppoints", "size": [2, 96, 128], "classes": 4,
        "backbone": {"block": "bottleneck", "blocks": [1, 1, 2, 1], "widths": [4, 4, 8, 8], "groups": 2, "widthPerGroup": 32,
                     "deformableStages": [2, 3, 4], "stem": {"kernel": 7, "channels": 6, "pool": True},
                     "norm": "frozen", "frozenStages": 1, "levels": [3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 2, "norm": {"groups": 2}},
        "head": {"convs": 1, "channels": 8, "norm": {"groups": 4}},
        "assign": {"scale": 4, "positive": 0.5, "negative": 0.4}, "loss": LOSS},
}
EXTENTS = {"small": [[91, 61], [96, 64]], "deformable": [[128, 93], [70, 51]]}  # width, height of each picture
DETECT = {"threshold": 0.05, "per_level": 40, "iou": 0.5, "maximum": 30}


def case(name, config):
    n, height, width = config["size"]
    model = RepPoints(config).double()
    model.train(config["backbone"]["norm"] == "batch")
    images = tensor(f"{name}/images", (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).double()
    pyramid = model.neck(model.backbone(images))
    outputs = model.bbox_head(pyramid)
    for salt in range(400):  # until some boxes are good, some are neither good nor bad, and no decision is close
        targets = []
        for i in range(n):
            count = 5 if i == 0 or name == "deformable" else 0  # the last picture of "small" has no boxes
            targets.append((boxes_of(f"{name}/boxes{i}/{salt}", count, *EXTENTS[name][i], largest=50, rounded=False), torch.arange(count) % config["classes"]))
        focal, first, second, normalizers = model.loss(outputs, targets, EXTENTS[name])
        refined = model.matched[0][1]
        count = sum(label >= 0 for label in refined)
        if model.margin > 1e-4 and count > 6 and refined.count(-2) > 2:
            break
    else:
        raise AssertionError(name)
    (focal + 2 * first + 3 * second).backward()
    gradients = gradients_of(model, config)
    detections = []
    for i in range(n):
        b, scores, labels, margin = model.detect(outputs, i, *EXTENTS[name][i], **DETECT)
        assert margin > 1e-6, (name, i, margin)
        detections.append({"boxes": listed(b), "scores": listed(scores), "labels": labels.tolist()})
    learned = lambda stage: [[j, a] for j, a in enumerate(stage) if a != -1]
    return {"config": config, "images": f"{name}/images", "extents": EXTENTS[name],
            "targets": [{"boxes": listed(b, 9), "labels": l.tolist()} for b, l in targets], "pyramid": first_listed(pyramid),
            "outputs": {key: first_listed(o[i] for o in outputs) for i, key in enumerate(["logits", "initial", "refined"])},
            "matched": [[learned(stage) for stage in stages] for stages in model.matched],
            "losses": {"classification": focal.item(), "initialBox": first.item(), "box": second.item()}, "normalizers": normalizers,
            "gradients": gradients, "detections": detections}


answers = {"detect": DETECT, "cases": {name: case(name, config) for name, config in CASES.items()}}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
print(f"{path.name}: {path.stat().st_size // 1024} kB")
for name, c in answers["cases"].items():
    print(name, c["losses"], c["normalizers"], [[len(s) for s in m] for m in c["matched"]], [len(d["labels"]) for d in c["detections"]])
