"""Writes test/golden/mobilenet_v2.json: torchvision's MobileNetV2, whole, as the witness of ours: maps, gradients, running statistics.

    python test/golden/mobilenet_v2.py

Parameters come from the hash, in torchvision's order and by its names. Once with the batch's statistics, of the levels 2 and 3, and once
with the running ones; the gradients are those of the sum of (map * r) over the levels, r from the hash. Computed in float64, with the
error of float32 beside it. The pictures are such that no activation lies within `MARGIN` of 0 or 6, in units of its layer's root mean
square: there, rounding would change gradients. With the batch's statistics most shifts have no gradient; these are left out. Needs torch
and torchvision.
"""
import json
import math
from pathlib import Path

import torch
from torch import nn
from torchvision.models import mobilenet_v2

import detection_reference as reference
from sketch import sketch

SIZE = (1, 64, 64)
IMAGES = "mobilenet/images/{}"
PICTURES = {"training": 0, "evaluation": 24}
MARGIN = 1e-5
LAST = {2: 3, 3: 6, 4: 13, 5: 17}  # the last of `features` with stride 2^level


def start(name: str, shape) -> torch.Tensor:
    """In PyTorch's own order: filters [out, in, height, width]."""
    if len(shape) == 4:
        bound = 1.5 / math.sqrt(shape[1] * shape[2] * shape[3])
        return reference.tensor(name, shape, -bound, bound)
    if name.endswith(("running_var", "weight")):
        return reference.tensor(name, shape, 0.5, 1.5)
    return reference.tensor(name, shape, -0.3, 0.3)


def run(dtype, training: bool, width: float, levels):
    model = mobilenet_v2(width_mult=width)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(start(name, value.shape))
    model.to(dtype).train(training)
    margins = []

    def look(_, inputs):
        x = inputs[0].detach()
        margins.append((torch.minimum(x.abs(), (x - 6).abs()).min() / x.square().mean().sqrt()).item())

    for layer in model.features[: LAST[max(levels)] + 1].modules():
        if isinstance(layer, nn.ReLU6):
            layer.register_forward_pre_hook(look)
    n, height, width = SIZE
    x = reference.tensor(IMAGES.format(PICTURES["training" if training else "evaluation"]), (n, height, width, 3), -2, 2).permute(0, 3, 1, 2).to(dtype)
    maps = {}
    for i, layer in enumerate(model.features):
        x = layer(x)
        maps.update({f"C{level}": x for level, last in LAST.items() if last == i and level in levels})
    r = {name: reference.tensor(f"mobilenet/{name}", (m.shape[0], *m.shape[2:], m.shape[1])).permute(0, 3, 1, 2) for name, m in maps.items()}
    sum((m * r[name]).sum() for name, m in maps.items()).backward()
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    largest = max(g.norm().item() for g in gradients.values())
    gradients = {name: g for name, g in gradients.items() if dtype != torch.float64 or g.norm() > 1e-9 * largest}
    running = {name: value for name, value in model.state_dict().items() if "running" in name and int(name.split(".")[1]) <= LAST[max(levels)]}
    return min(margins), model, {name: m.detach() for name, m in maps.items()}, gradients, running


def case(training: bool, width: float, levels) -> dict:
    margin, model, *exact = run(torch.float64, training, width, levels)
    _, _, *single = run(torch.float32, training, width, levels)
    assert margin > MARGIN, margin
    shapes = {key: list(value.shape) for key, value in model.state_dict().items() if not key.startswith("classifier.")}
    parts = [{key: sketch(f"mobilenet/{key}", a, b[key], filters=a.dim() == 4 and what == 1) for key, a in of.items()}
             for what, (of, b) in enumerate(zip(exact, single))]
    print(training, width, {key: round(m.square().mean().sqrt().item(), 3) for key, m in exact[0].items()})
    return {"images": IMAGES.format(PICTURES["training" if training else "evaluation"]), "width": width, "levels": levels, "shapes": shapes, **dict(zip(["maps", "gradients", "running"], parts if training else parts[:2]))}


answers = {"size": SIZE, "training": case(True, 0.5, [2, 3]), "evaluation": case(False, 1.0, [2, 3, 4, 5])}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
print(f"{path.name}: {path.stat().st_size // 1024} kB")
