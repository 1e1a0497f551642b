"""Writes test/golden/detection.json, the answers that test/detection holds lib/detection against.

    python test/golden/detection.py

Needs numpy, torch and torchvision in the versions of test/golden/requirements.txt.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from torchvision.ops import batched_nms, box_iou, sigmoid_focal_loss

import detection_reference as reference
from detection_reference import listed, numbers, tensor

torch.manual_seed(0)


def exact(x):
    return [float(v) for v in x.flatten().tolist()]  # float32 widened: read back without loss


def anchors():
    cases = []
    for stride, scale, octave, ratios, size in [(8, 4, 3, [0.5, 1, 2], (2, 3)), (32, 4, 3, [0.5, 1, 2], (1, 2)), (16, 2.5, 2, [1], (3, 2))]:
        base = reference.base_anchors(stride, scale, octave, ratios)
        config = {"baseScale": scale, "scalesPerOctave": octave, "ratios": ratios}
        cases.append({"config": config, "stride": stride, "size": size, "anchors": exact(reference.level_anchors(base, stride, *size))})
    return cases


def random_boxes(name, count, extent, smallest, largest):
    """Boxes inside [0, extent); every second one on whole pixels, where ties are common."""
    side = tensor(f"{name}/side", (count, 2), smallest, largest)
    corner = tensor(f"{name}/corner", (count, 2), 0, 1) * (extent - side)
    boxes = torch.cat([corner, corner + side], 1)
    boxes[::2] = boxes[::2].round()
    return boxes


def assignment():
    cases = []
    for i in range(24):
        config = {"baseScale": [4, 2.5][i % 2], "scalesPerOctave": [3, 2][i % 2], "ratios": [[0.5, 1, 2], [1]][i % 2]}
        every = []
        for stride, side in [(8, 16), (16, 8), (32, 4)]:
            base = reference.base_anchors(stride, config["baseScale"], config["scalesPerOctave"], config["ratios"])
            every.append(reference.level_anchors(base, stride, side, side))
        boxes = random_boxes(f"assign{i}", 1 + i % 7, 128, 4, [40, 90][i // 12])
        if i % 5 == 4:
            boxes[-1] = boxes[0]  # the same object twice
        assigned = reference.assign(torch.cat(every), boxes)
        entries = [[j, a] for j, a in enumerate(assigned.tolist()) if a != -1]
        cases.append({"config": config, "boxes": exact(boxes), "notBackground": entries})
    return cases


def losses():
    cases = []
    for i, (alpha, gamma, beta) in enumerate([(0.25, 2, 0), (0.4, 1.5, 0.1), (0.25, 2, 1)]):
        count, classes, normalizer = 40, 3, 7.5
        logits = tensor(f"logits{i}", (count, classes), *[(-4, 4), (-3, 3), (-60, 60)][i]).requires_grad_()
        deltas = tensor(f"deltas{i}", (count, 4), -2, 2).requires_grad_()
        positives = [3, 4, 17, 39]
        labels = [2, 0, 1, 2]
        ignored = [5, 6, 20]
        wanted = tensor(f"wanted{i}", (4, 4))
        onehot = torch.zeros(count, classes)
        onehot[positives, labels] = 1
        weights = torch.ones(count, 1)
        weights[ignored] = 0
        focal = (sigmoid_focal_loss(logits, onehot, alpha, gamma) * weights).sum() / normalizer
        box = F.smooth_l1_loss(deltas[positives], wanted, reduction="sum", beta=beta) / normalizer
        (2 * focal + 3 * box).backward()
        cases.append({"focal": {"alpha": alpha, "gamma": gamma}, "beta": beta, "classes": classes, "positives": positives, "labels": labels,
                      "ignored": ignored, "normalizer": normalizer, "logits": exact(logits), "deltas": exact(deltas), "wanted": exact(wanted),
                      "focalLoss": focal.item(), "boxLoss": box.item(), "logitsGradient": listed(logits.grad), "deltasGradient": listed(deltas.grad)})
    return cases


def boxes():
    a, b = random_boxes("boxes/a", 20, 128, 4, 60), random_boxes("boxes/b", 20, 128, 4, 60)
    deltas = tensor("boxes/deltas", (20, 4), -5, 5)
    return {"a": exact(a), "b": exact(b), "iou": exact(box_iou(a, b)), "encoded": listed(reference.encode(a, b)), "deltas": exact(deltas),
            "extent": [120, 100], "decoded": listed(reference.decode(a, deltas, 120, 100))}


def nms():
    cases = []
    for i in range(8):
        count = [1, 30, 80, 150][i % 4]
        b = random_boxes(f"nms{i}", count, 100, 30, 70)
        scores = (tensor(f"nms{i}/scores", (count,), 0, 1) * [1000, 8][i % 2]).floor() / [1000, 8][i % 2]
        labels = torch.from_numpy(numbers(f"nms{i}/labels", count, 0, 3)).floor().long()
        kept = batched_nms(b.double(), scores.double(), labels, 0.5)
        cases.append({"boxes": exact(b), "scores": exact(scores), "labels": labels.tolist(), "kept": kept.tolist()})
    return cases


def detections():
    levels = []
    for stride, side in [(8, 12), (16, 6)]:
        anchor = reference.level_anchors(reference.base_anchors(stride, 4, 2, [1]), stride, side, side)
        count = len(anchor)
        levels.append((anchor, tensor(f"detect{stride}/logits", (count, 3), -9, 2.5), tensor(f"detect{stride}/deltas", (count, 4), -0.7, 0.7)))
    b, scores, labels, margin = reference.detect(levels, 90, 70, per_level=60, maximum=50)
    assert margin > 1e-6, margin
    return {"anchors": {"baseScale": 4, "scalesPerOctave": 2, "ratios": [1]}, "levels": [[8, 12], [16, 6]], "classes": 3, "extent": [90, 70],
            "perLevel": 60, "maximum": 50, "boxes": listed(b), "scores": listed(scores), "labels": labels.tolist()}


TRAINING = {"assign": {"positive": 0.5, "negative": 0.4}, "loss": {"focal": {"alpha": 0.25, "gamma": 2}, "box": {"beta": 0.11}}}
NETWORKS = {
    "small": {
        "size": [2, 64, 96], "classes": 3,
        "backbone": {"block": "basic", "blocks": [1, 2, 1, 1], "widths": [4, 6, 8, 8], "stem": {"kernel": 3, "channels": 4, "pool": True},
                     "norm": "batch", "frozenStages": -1, "levels": [3, 4, 5]},
        "neck": {"channels": 8, "extraLevels": 0}, "head": {"convs": 2, "channels": 8, "norm": {"groups": 4}},
        "anchors": {"baseScale": 2.5, "scalesPerOctave": 2, "ratios": [1]}},
    "published form": {
        "size": [2, 70, 89], "classes": 4,
        "backbone": {"block": "bottleneck", "blocks": [1, 1, 2, 1], "widths": [3, 4, 4, 5], "stem": {"kernel": 7, "channels": 6, "pool": True},
                     "norm": "frozen", "frozenStages": 1, "levels": [3, 4, 5]},
        "neck": {"channels": 6, "extraLevels": 2}, "head": {"convs": 1, "channels": 6, "norm": "none"},
        "anchors": {"baseScale": 4, "scalesPerOctave": 3, "ratios": [0.5, 1, 2]}},
    "groups": {
        "size": [1, 40, 36], "classes": 2,
        "backbone": {"block": "bottleneck", "blocks": [1, 2, 1], "widths": [4, 4, 8], "groups": 4, "widthPerGroup": 32,
                     "stem": {"kernel": 7, "channels": 4, "pool": True}, "norm": "frozen", "frozenStages": 0, "levels": [3, 4]},
        "neck": {"channels": 4, "extraLevels": 1}, "head": {"convs": 1, "channels": 4, "norm": "none"},
        "anchors": {"baseScale": 3, "scalesPerOctave": 1, "ratios": [1, 2]}},
    "group norm, no pool": {
        "size": [1, 33, 40], "classes": 2,
        "backbone": {"block": "basic", "blocks": [1, 1, 1], "widths": [4, 4, 8], "stem": {"kernel": 3, "channels": 4, "pool": False},
                     "norm": {"groups": 2}, "frozenStages": 0, "levels": [2, 3, 4]},
        "neck": {"channels": 4, "extraLevels": 1}, "head": {"convs": 1, "channels": 4, "norm": {"groups": 2}},
        "anchors": {"baseScale": 3, "scalesPerOctave": 1, "ratios": [1, 2]}},
}


def frozen(config, name):
    stages = config["backbone"]["frozenStages"]
    stem = stages >= 0 and name.startswith(("backbone.conv1.", "backbone.bn1.", "backbone.gn1."))
    return stem or any(name.startswith(f"backbone.layer{s}.") for s in range(1, stages + 1))


def network(name, config):
    n, height, width = config["size"]
    config = {**config, **TRAINING}
    model = reference.RetinaNet(config).double()
    model.train(config["backbone"]["norm"] == "batch")
    images = tensor(f"{name}/images", (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).double()
    targets = []
    for i in range(n):
        count = 3 - 3 * (i > 0 and name == "published form")  # its second picture is empty
        b = random_boxes(f"{name}/boxes{i}", count, min(height, width), 12, 30)
        targets.append((b.double(), torch.arange(count) % config["classes"]))
    pyramid = model.neck(model.backbone(images))
    outputs = [model.bbox_head(level) for level in pyramid]
    every = [a.double() for a in model.anchors(pyramid)]
    focal, box, positives = model.loss(outputs, every, targets)
    (focal + box).backward()
    gradients = {}
    for key, value in model.named_parameters():
        if frozen(config, key):
            continue
        g = value.grad.permute(2, 3, 1, 0) if value.dim() == 4 else value.grad
        gradients[key] = listed(torch.stack([g.norm(), (g * tensor(f"{key}/probe", g.shape)).sum()]))
    nhwc = lambda maps: [listed(m.permute(0, 2, 3, 1)[:1], 6) for m in maps]
    running = {k: listed(v) for k, v in model.state_dict().items() if "running" in k} if config["backbone"]["norm"] == "batch" else {}
    return {"config": config, "images": f"{name}/images", "targets": [{"boxes": exact(b.float()), "labels": l.tolist()} for b, l in targets],
            "pyramid": nhwc(pyramid), "logits": nhwc(o[0] for o in outputs), "deltas": nhwc(o[1] for o in outputs),
            "focalLoss": focal.item(), "boxLoss": box.item(), "normalizer": positives, "gradients": gradients, "running": running}


def published():
    """Names and shapes of torchvision's ResNets without their classifier."""
    result = {}
    for name in ["resnet18", "resnet50", "resnext101_64x4d"]:
        state = getattr(torchvision.models, name)().state_dict()
        result[name] = {k: list(v.shape) for k, v in state.items() if not k.startswith("fc.") and not k.endswith("num_batches_tracked")}
    return result


answers = {"anchors": anchors(), "assignment": assignment(), "losses": losses(), "boxes": boxes(), "nms": nms(), "detections": detections(),
           "networks": {name: network(name, config) for name, config in NETWORKS.items()}, "published": published()}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
print(f"{path.name}: {path.stat().st_size // 1024} kB")
