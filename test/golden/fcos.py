"""Writes test/golden/fcos.json, the answers that test/detection/fcos.test.ts holds FCOS against.

    python test/golden/fcos.py
"""
import json
from pathlib import Path

import torch

from detection_reference import boxes_of, first_listed, gradients_of, listed, tensor
from fcos_reference import Fcos

torch.manual_seed(0)
FOCAL = {"alpha": 0.25, "gamma": 2}
CASES = {
    "plain": {
        "kind": "fcos", "size": [2, 64, 96], "classes": 3,
        "backbone": {"block": "basic", "blocks": [1, 1, 1, 1], "widths": [4, 6, 8, 8], "stem": {"kernel": 3, "channels": 4, "pool": True},
                     "norm": "batch", "frozenStages": -1, "levels": [3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 0},
        "head": {"convs": 2, "channels": 8, "norm": {"groups": 4}, "convBias": False, "centernessOn": "classification", "distance": "exp"},
        "assign": {"ranges": [[-1, 16], [16, 32], [32, 1e8]], "centerRadius": 0}, "loss": {"focal": FOCAL, "box": "iou"}},
    "tricked": {
        "kind": "fcos", "size": [2, 70, 89], "classes": 4,
        "backbone": {"block": "bottleneck", "blocks": [1, 1, 2, 1], "widths": [3, 4, 4, 5], "stem": {"kernel": 7, "channels": 6, "pool": True},
                     "norm": "frozen", "frozenStages": 1, "levels": [3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 2, "addExtraConvs": "on_output", "reluBeforeExtraConvs": True},
        "head": {"convs": 1, "channels": 8, "norm": {"groups": 2}, "convBias": True, "centernessOn": "regression", "distance": "stride"},
        "assign": {"ranges": [[-1, 14], [14, 22], [22, 30], [30, 40], [40, 1e8]], "centerRadius": 1.5}, "loss": {"focal": FOCAL, "box": "giou"}},
}
DETECT = {"threshold": 0.05, "per_level": 40, "iou": 0.6, "maximum": 30}


def case(name, config):
    n, height, width = config["size"]
    model = Fcos(config).double()
    model.train(config["backbone"]["norm"] == "batch")
    images = tensor(f"{name}/images", (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).double()
    outputs = model.bbox_head(model.neck(model.backbone(images)))
    for salt in range(100):  # until every level of the first picture learns an object
        targets = []
        for i in range(n):
            count = 5 if i == 0 or name == "plain" else 0  # the last picture of "tricked" is empty
            targets.append((boxes_of(f"{name}/boxes{i}/{salt}", count, width, height), torch.arange(count) % config["classes"]))
        focal, box, centre, normalizers = model.loss(outputs, targets)
        if all(any(label >= 0 for label in model.matched[0][at:to]) for at, to in spans(outputs)):
            break
    (focal + 2 * box + 3 * centre).backward()
    gradients = gradients_of(model, config)
    detections = []
    for i in range(n):
        b, scores, labels, margin = model.detect(outputs, i, width - 5, height - 3, **DETECT)
        assert margin > 1e-6, (name, i, margin)
        detections.append({"boxes": listed(b), "scores": listed(scores), "labels": labels.tolist()})
    return {"config": config, "images": f"{name}/images", "targets": [{"boxes": listed(b, 9), "labels": l.tolist()} for b, l in targets],
            "outputs": {key: first_listed(o[i] for o in outputs) for i, key in enumerate(["logits", "distances", "centerness"])},
            "matched": [[[j, label] for j, label in enumerate(m) if label >= 0] for m in model.matched],
            "losses": {"classification": focal.item(), "box": box.item(), "centerness": centre.item()}, "normalizers": normalizers,
            "gradients": gradients, "extent": [width - 5, height - 3], "detections": detections}


def spans(outputs):
    at = 0
    for logits, *_ in outputs:
        count = logits.shape[2] * logits.shape[3]
        yield at, at + count
        at += count


answers = {"detect": DETECT, "cases": {name: case(name, config) for name, config in CASES.items()}}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
print(f"{path.name}: {path.stat().st_size // 1024} kB")
for name, c in answers["cases"].items():
    print(name, c["losses"], c["normalizers"], [len(m) for m in c["matched"]], [len(d["labels"]) for d in c["detections"]])
