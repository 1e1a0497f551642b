"""Training steps of FCOS, Faster R-CNN and RepPoints with ResNet-18 in eager PyTorch and torchvision.ops. What does not depend on the
network, FCOS's targets and RepPoints' first ones, is assigned beforehand; proposals, anchors and regions are those of mmdet, and a sampler
takes the first that there are of either kind.
"""
import math

import torch
import torch.nn.functional as F
from torchvision.ops import batched_nms, box_iou, sigmoid_focal_loss

from detector import R18, SMALL, boxes, freeze_first_stage, images, reference, sgd
from faster_rcnn_reference import FasterRcnn, first, matched  # noqa: I001, after detector, which sets reference.relu
from fcos_reference import Fcos, boxes_at, level_points, overlaps, targets_of
from reppoints_reference import RepPoints, assign_points
from reppoints_reference import level_points as corner_points

FOCAL = {"alpha": 0.25, "gamma": 2}
FCOS = {
    "classes": 80, "backbone": R18, "neck": {"channels": 256, "extraLevels": 2, "addExtraConvs": "on_output", "reluBeforeExtraConvs": True},
    "head": {"convs": 4, "channels": 256, "norm": {"groups": 32}, "convBias": False, "centernessOn": "classification", "distance": "exp"},
    "assign": {"ranges": [[-1, 64], [64, 128], [128, 256], [256, 512], [512, 1e8]], "centerRadius": 0},
}
FASTER_RCNN = {
    "classes": 80, "backbone": {**R18, "levels": [2, 3, 4, 5]}, "neck": {"channels": 256, "extraLevels": 1, "addExtraConvs": "none"},
    "anchors": {"baseScale": 8, "scalesPerOctave": 1, "ratios": [0.5, 1, 2]},
    "rpn": {"channels": 256, "assign": {"positive": 0.7, "negative": 0.3, "least": 0.3}, "sample": {"count": 256, "share": 0.5}},
    "proposals": {"training": {"perLevel": 2000, "iouThreshold": 0.7, "maximum": 1000}},
    "regions": {"positive": 0.5, "sample": {"count": 512, "share": 0.25}},
    "head": {"channels": 1024, "bins": 7, "finestScale": 56, "levels": 4, "classAgnostic": False, "deviations": [0.1, 0.2]},
}
REPPOINTS = {
    "classes": 80, "backbone": R18, "neck": {"channels": 256, "extraLevels": 2, "norm": {"groups": 32}},
    "head": {"convs": 3, "channels": 256, "norm": {"groups": 32}},
    "assign": {"scale": 4, "positive": 0.5, "negative": 0.4},
    "loss": {"focal": FOCAL, "box": {"beta": 0.11, "initial": 0.5, "refined": 1}},
}
LABELS = torch.arange(5)


def joined(outputs, of: int, size: int) -> torch.Tensor:
    """[N, places, size] of all levels."""
    n = outputs[0][of].shape[0]
    return torch.cat([o[of].permute(0, 2, 3, 1).reshape(n, -1, size) for o in outputs], 1)


def focal(logits, labels, uses, normalizer):
    """logits [N, P, K], labels [N, P] with -1 for the background, uses [N, P]."""
    n, p = (labels >= 0).nonzero(as_tuple=True)
    wanted = torch.zeros_like(logits)
    wanted[n, p, labels[n, p]] = 1
    return (sigmoid_focal_loss(logits, wanted, 0.25, 2) * uses[..., None]).sum() / normalizer


def fcos():
    with torch.no_grad():
        model = Fcos(FCOS).eval().to(memory_format=torch.channels_last)
        sizes = [level.shape[2:] for level in model.neck(model.backbone(images(SMALL)))]
    grids = [level_points(s, *size) for s, size in zip(model.strides, sizes)]
    points, levels = torch.cat(grids), torch.cat([torch.full((len(g),), i) for i, g in enumerate(grids)])
    strides, ranges = torch.tensor(model.strides).float(), torch.tensor(FCOS["assign"]["ranges"], dtype=torch.float32)
    labels, sides = map(torch.stack, zip(*(targets_of(points, levels, strides, ranges, boxes(n), LABELS, 0) for n in range(SMALL[0]))))
    learns = (labels >= 0).nonzero(as_tuple=True)
    wanted, at, count = sides[learns], points[learns[1]], max(len(learns[0]), 1)
    horizontal, vertical = wanted[:, [0, 2]], wanted[:, [1, 3]]
    central = (horizontal.min(1)[0] / horizontal.max(1)[0] * (vertical.min(1)[0] / vertical.max(1)[0])).sqrt()
    uses = torch.ones(labels.shape)

    def loss(outputs):
        logits, distances, centerness = (joined(outputs, i, size) for i, size in enumerate((80, 4, 1)))
        iou, _ = overlaps(boxes_at(at, distances[learns]), boxes_at(at, wanted), 1e-6)
        box = (-iou.clamp(min=1e-6).log() * central).sum() / central.sum()
        entropy = F.binary_cross_entropy_with_logits(centerness[..., 0][learns], central, reduction="sum")
        return focal(logits, labels, uses, count) + box + entropy / count

    return model, lambda x: loss(model.bbox_head(model.neck(model.backbone(x))))


def proposals(model, levels, outputs, n: int):
    """mmdet RPNHead._get_bboxes of one picture."""
    config, found = FASTER_RCNN["proposals"]["training"], ([], [], [])
    for level, (anchors, (objectness, deltas)) in enumerate(zip(levels, outputs)):
        score = objectness[n].permute(1, 2, 0).reshape(-1).sigmoid()
        if len(score) > config["perLevel"]:
            score, order = score.topk(config["perLevel"])
        else:
            order = torch.arange(len(score))
        for of, part in zip(found, (reference.decode(anchors[order], deltas[n].permute(1, 2, 0).reshape(-1, 4)[order], *SMALL[:0:-1]),
                                    score, torch.full((len(order),), level))):
            of.append(part)
    every, scores, ids = (torch.cat(parts) for parts in found)
    some = (every[:, 2] > every[:, 0]) & (every[:, 3] > every[:, 1])
    every, scores, ids = every[some], scores[some], ids[some]
    return every[batched_nms(every, scores, ids, config["iouThreshold"])[: config["maximum"]]]


def faster_rcnn():
    with torch.no_grad():
        model = FasterRcnn(FASTER_RCNN).eval().to(memory_format=torch.channels_last)
        levels = model.anchors(model(images(SMALL)))
    anchors, targets = torch.cat(levels), [(boxes(n), LABELS) for n in range(SMALL[0])]
    assigner, sampler = FASTER_RCNN["rpn"]["assign"], FASTER_RCNN["rpn"]["sample"]

    def stage_one(outputs):
        objectness, deltas = joined(outputs, 0, 1)[..., 0], joined(outputs, 1, 4)
        drawn, entropy, distance, number = [], 0.0, 0.0, 0
        for n, (objects, _) in enumerate(targets):
            assigned, _ = matched(anchors, objects, assigner["positive"], assigner["negative"], assigner["least"])
            positives, negatives = first(assigned, sampler["count"], sampler["share"])
            drawn.append(torch.cat([positives, negatives]))
            number += max(len(positives), 1) + max(len(negatives), 1)
            wanted = torch.zeros(len(drawn[n]))
            wanted[: len(positives)] = 1
            entropy = entropy + F.binary_cross_entropy_with_logits(objectness[n][drawn[n]], wanted, reduction="sum")
            wanted = reference.encode(anchors[positives], objects[assigned[positives]])
            distance = distance + F.l1_loss(deltas[n][positives], wanted, reduction="sum")
        return (entropy + distance) / number

    def loss(x):
        outputs = model(x)
        with torch.no_grad():
            proposed = [proposals(model, levels, outputs, n) for n in range(len(x))]
            rois, labels, wanted, _, _ = model.draw(proposed, targets, FASTER_RCNN["regions"], FASTER_RCNN["head"]["deviations"])
        logits, regressed, _ = model.regions(rois, model.roi_head["bbox_head"])
        positive = (labels < 80).nonzero()[:, 0]
        given = regressed.view(len(rois), -1, 4)[positive, labels[positive]]
        box = F.l1_loss(given, wanted[positive], reduction="sum") / len(rois)
        return stage_one(outputs) + F.cross_entropy(logits, labels) + box

    return model, loss


def reppoints():
    with torch.no_grad():
        model = RepPoints(REPPOINTS).eval().to(memory_format=torch.channels_last)
        sizes = [level.shape[2:] for level in model.neck(model.backbone(images(SMALL)))]
    points = torch.cat([corner_points(s, *size) for s, size in zip(model.strides, sizes)])
    strides = torch.cat([torch.full((h * w,), float(s)) for s, (h, w) in zip(model.strides, sizes)])
    settings, box = REPPOINTS["assign"], REPPOINTS["loss"]["box"]
    objects = torch.stack([boxes(n) for n in range(SMALL[0])])
    nearest = torch.stack([assign_points(points, strides, own, settings["scale"])[0] for own in objects])
    place = lambda p, at: model.bbox_head.boxes(p) * strides[at][:, None] + points[at].repeat(1, 2)

    def distance(predicted, assigned):
        n, at = (assigned >= 0).nonzero(as_tuple=True)
        unit = (settings["scale"] * strides[at])[:, None]
        wanted = objects[n, assigned[n, at]] / unit
        return F.smooth_l1_loss(place(predicted[n, at], at) / unit, wanted, reduction="sum", beta=box["beta"])

    def loss(outputs):
        logits, initial, refined = (joined(outputs, i, size) for i, size in enumerate((80, 18, 18)))
        assigned = []
        with torch.no_grad():
            for n, own in enumerate(objects):
                placed = place(initial[n], torch.arange(len(points)))
                assigned.append(matched(placed, own, settings["positive"], settings["negative"], 0.0)[0])
        assigned = torch.stack(assigned)
        counts = [(a >= 0).sum(1).clamp(min=1).sum() for a in (nearest, assigned)]
        return (focal(logits, assigned, assigned != -2, counts[1]) + box["initial"] * distance(initial, nearest) / counts[0]
                + box["refined"] * distance(refined, assigned) / counts[1])

    return model, lambda x: loss(model.bbox_head(model.neck(model.backbone(x))))


def prepare(name: str):
    model, loss = {"train-fcos": fcos, "train-faster-rcnn": faster_rcnn, "train-reppoints": reppoints}[name]()
    freeze_first_stage(model)
    x = images(SMALL)
    optimizer = sgd([p for p in model.parameters() if p.requires_grad])

    def run():
        optimizer.zero_grad(set_to_none=True)
        value = loss(x)
        value.backward()
        optimizer.step()
        return [value.item()]

    return run
