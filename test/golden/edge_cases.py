"""Writes test/golden/edge_cases.json: losses of every family of detectors on batches at the edge of what there can be.

    python test/golden/edge_cases.py

A batch without objects, an object of one pixel, more objects than places that could learn them, a picture smaller than
the largest stride, and the like, each with a small network of every family in float64: the parts of the loss, what they
are divided by, and the norm of all gradients together with their product with the numbers named `<parameter>/probe`.
Pictures are drawn until no decision is near to falling the other way. Needs torch and torchvision as in requirements.txt.
"""
import json
import math
from pathlib import Path

import torch

import detection_reference as reference
from cascade_rcnn_reference import CascadeRcnn
from detection_reference import boxes_of, frozen, listed, tensor
from faster_rcnn_reference import FasterRcnn, reshaped
from fcos_reference import Fcos
from reppoints_reference import RepPoints

torch.manual_seed(0)
FOCAL = {"alpha": 0.25, "gamma": 2}
TRUNK = {"classes": 4, "neck": {"channels": 8, "extraLevels": 0},
         "backbone": {"block": "bottleneck", "blocks": [1, 1, 1, 1], "widths": [3, 4, 4, 5], "stem": {"kernel": 7, "channels": 6, "pool": True},
                      "norm": "frozen", "frozenStages": 1, "levels": [3, 4, 5]}}
ANCHORS = {"baseScale": 2, "scalesPerOctave": 2, "ratios": [1]}
GROUPS = {"convs": 1, "channels": 8, "norm": {"groups": 2}}
TRAINING = {"perLevel": 30, "iouThreshold": 0.7, "maximum": 12}
RPN = {"channels": 8, "assign": {"positive": 0.7, "negative": 0.3, "least": 0.3}, "sample": {"count": 16, "share": 0.5}}
REGIONS = {"positive": 0.5, "sample": {"count": 16, "share": 0.25}}
TWO_STAGES = {**TRUNK, "anchors": ANCHORS, "rpn": RPN, "proposals": {"training": TRAINING, "test": TRAINING}}
HEAD = {"channels": 10, "bins": 5, "finestScale": 20, "levels": 3}
FCOS = {**TRUNK, "kind": "fcos", "assign": {"ranges": [[-1, 16], [16, 32], [32, 1e8]], "centerRadius": 0}, "loss": {"focal": FOCAL, "box": "iou"},
        "head": {**GROUPS, "convBias": False, "centernessOn": "classification", "distance": "exp"}}
FASTER = {**TWO_STAGES, "kind": "faster-rcnn", "regions": REGIONS, "head": {**HEAD, "classAgnostic": False, "deviations": [0.1, 0.2]}}
CONFIGS = {
    "RetinaNet": {**TRUNK, "kind": "retinanet", "head": {**GROUPS, "norm": "none"}, "anchors": ANCHORS, "assign": {"positive": 0.5, "negative": 0.4},
                  "loss": {"focal": FOCAL, "box": {"beta": 0}}},
    "FCOS": FCOS,
    "FCOS with center sampling": {**FCOS, "assign": {**FCOS["assign"], "centerRadius": 1.5}, "loss": {"focal": FOCAL, "box": "giou"},
                                  "head": {**FCOS["head"], "convBias": True, "centernessOn": "regression", "distance": "stride"}},
    "Faster R-CNN": FASTER,
    "class-agnostic Faster R-CNN": {**FASTER, "head": {**FASTER["head"], "classAgnostic": True}},
    "Cascade R-CNN": {**TWO_STAGES, "kind": "cascade-rcnn", "head": {**HEAD, "beta": 0.5},
                      "stages": [{"regions": REGIONS, "deviations": [0.1, 0.2], "weight": 1},
                                 {"regions": {**REGIONS, "positive": 0.6}, "deviations": [0.05, 0.1], "weight": 0.5}]},
    "RepPoints": {**TRUNK, "kind": "reppoints", "neck": {**TRUNK["neck"], "norm": {"groups": 2}}, "head": GROUPS,
                  "assign": {"scale": 2, "positive": 0.5, "negative": 0.4},
                  "loss": {"focal": FOCAL, "box": {"beta": 0.11, "initial": 0.5, "refined": 1}}},
}
WHOLE, NONE = [96, 64], torch.zeros(0, 4)
# What each is: width and height of the input, of the pictures in it, and of a hash the objects of both pictures.
CASES = {
    "a picture without objects": (WHOLE, WHOLE, lambda name: [boxes_of(name, 3, *WHOLE), NONE]),
    "a batch without objects": (WHOLE, WHOLE, lambda name: [NONE, NONE]),
    "one object": (WHOLE, WHOLE, lambda name: [torch.tensor([[21.0, 12, 58, 47]]), NONE]),
    "the same object twice": (WHOLE, WHOLE, lambda name: [torch.tensor([[21.0, 12, 58, 47]] * 2), boxes_of(name, 2, *WHOLE)]),
    "objects of one pixel": (WHOLE, WHOLE, lambda name: [torch.tensor([[40.0, 24, 41, 25]]), torch.tensor([[3.0, 3, 4, 4], [95, 63, 96, 64]])]),
    "an object as large as its picture": (WHOLE, [95, 63], lambda name: [torch.tensor([[0.0, 0, 95, 63]]), NONE]),
    "more objects than places": (WHOLE, WHOLE, lambda name: [boxes_of(name, 140, *WHOLE, rounded=False), boxes_of(f"{name}/2", 3, *WHOLE)]),
    "a picture smaller than the largest stride": ([24, 16], [24, 16], lambda name: [torch.tensor([[2.0, 3, 17, 14]]), NONE]),
    "padding at two sides": (WHOLE, [83, 53], lambda name: [boxes_of(name, 3, 83, 53, 50), boxes_of(f"{name}/2", 3, 83, 53, 50)]),
}
MARGIN = 2e-6


def network(config):
    kinds = {"retinanet": reference.RetinaNet, "fcos": Fcos, "faster-rcnn": FasterRcnn, "cascade-rcnn": CascadeRcnn, "reppoints": RepPoints}
    return kinds[config["kind"]](config).double().eval()


def losses_of(model, images, targets, extent):
    """Losses, what each is divided by, and how near a decision comes to falling the other way."""
    kind, pyramid = model.config["kind"], model.neck(model.backbone(images))
    if kind in ("faster-rcnn", "cascade-rcnn"):
        losses, numbers = model.loss(model.first(pyramid), targets, *extent)
        if kind == "faster-rcnn":
            numbers = [numbers[0]] * 2 + [numbers[1]] * 2
        return losses, numbers, min(model.margin, model.kink)
    if kind == "retinanet":
        outputs = [model.bbox_head(level) for level in pyramid]
        focal, box, number = model.loss(outputs, [a.double() for a in model.anchors(pyramid)], targets)
        return {"classification": focal, "box": box}, [number] * 2, model.kink
    if kind == "fcos":
        focal, box, centre, (number, weight) = model.loss(model.bbox_head(pyramid), targets)
        return {"classification": focal, "box": box, "centerness": centre}, [number, weight, number], model.kink
    focal, first, second, numbers = model.loss(model.bbox_head(pyramid), targets, [extent] * 2)
    return {"classification": focal, "initialBox": first, "box": second}, numbers, model.margin


def case(family, config, name):
    (width, height), extent, boxes = CASES[name]
    for salt in range(400):
        model, images = network(config), f"{family}/{name}/{salt}"
        objects = [(b, torch.arange(len(b)) % config["classes"]) for b in boxes(images)]
        try:
            losses, numbers, margin = losses_of(
                model, tensor(images, (2, height, width, 3), -2, 2).permute(0, 3, 1, 2).double(), objects, extent)
        except AssertionError:
            continue  # an object that no box overlaps
        if margin > MARGIN:
            break
    else:
        raise AssertionError((family, name))
    sum((1 + i) * part for i, part in enumerate(losses.values())).backward()
    square = product = 0.0
    reshape = reshaped(config) if "rpn" in config else lambda key, g: g
    for key, value in model.named_parameters():
        if not frozen(config, key) and value.grad is not None:
            g = reshape(key, value.grad)
            g = g.permute(2, 3, 1, 0) if g.dim() == 4 else g
            square, product = square + g.square().sum().item(), product + (g * tensor(f"{key}/probe", g.shape)).sum().item()
    print(family, "|", name, salt, margin, {k: float(f"{v.item():.5g}") for k, v in losses.items()}, numbers, math.sqrt(square), flush=True)
    return {"images": images, "input": [width, height], "extent": extent,
            "targets": [{"boxes": listed(b, 9), "labels": l.tolist()} for b, l in objects],
            "losses": {k: float(f"{v.item():.9g}") for k, v in losses.items()}, "normalizers": [float(f"{n:.9g}") for n in numbers],
            "gradient": [float(f"{math.sqrt(square):.8g}"), float(f"{product:.8g}")]}


if __name__ == "__main__":
    with_config = lambda family, config: {"config": config, "cases": {name: case(family, config, name) for name in CASES}}
    answers = {family: with_config(family, config) for family, config in CONFIGS.items()}
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size // 1024} kB")
