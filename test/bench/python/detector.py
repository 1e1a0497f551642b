"""Training steps of a RetinaNet-R18 in eager PyTorch: SGD with momentum on targets that are assigned beforehand."""
import os
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

sys.path.insert(0, str(Path(__file__).parents[2] / "golden"))
import detection_reference as reference  # noqa: E402

DEVICE = "cuda" if os.environ.get("FREEKD_BENCH_DEVICE") == "gpu" else "cpu"
reference.relu = F.relu  # not the golden scripts' own, which does more than a ReLU

PUBLISHED = {
    "classes": 80, "neck": {"channels": 256, "extraLevels": 2}, "head": {"convs": 4, "channels": 256, "norm": "none"},
    "anchors": {"baseScale": 4, "scalesPerOctave": 3, "ratios": [0.5, 1, 2]},
    "loss": {"focal": {"alpha": 0.25, "gamma": 2}, "box": {"beta": 0}},
}
STEM = {"kernel": 7, "channels": 64, "pool": True}
R18 = {"block": "basic", "blocks": [2, 2, 2, 2], "widths": [64, 128, 256, 512], "stem": STEM, "norm": "frozen", "levels": [3, 4, 5]}
R50 = {**R18, "block": "bottleneck", "blocks": [3, 4, 6, 3]}
R101 = {**R50, "blocks": [3, 4, 23, 3]}
SMALL, LARGE = (8, 128, 128), (1, 800, 1344)  # pictures, height, width
SIDE, OBJECTS = 128, 5  # objects lie in the upper left square of this side


def retinanet(backbone: dict) -> reference.RetinaNet:
    """Channels last, which is PyTorch's faster layout on a CPU."""
    return reference.RetinaNet({**PUBLISHED, "backbone": backbone}).to(memory_format=torch.channels_last)


def images(size) -> torch.Tensor:
    return reference.tensor("bench/images", (*size, 3), -2, 2).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def boxes(picture: int) -> torch.Tensor:
    side = reference.tensor(f"bench/{picture}/side", (OBJECTS, 2), 16, 96)
    corner = reference.tensor(f"bench/{picture}/corner", (OBJECTS, 2), 0, 1) * (SIDE - side)
    return torch.cat([corner, corner + side], 1)


class Targets:
    """What all anchors of the batch learn, and the loss against it."""

    def __init__(self, model: reference.RetinaNet, pictures: int, shapes) -> None:
        self.pictures = pictures
        every = torch.cat(model.anchors([torch.empty(1, 1, *shape) for shape in shapes]))
        classes = model.config["classes"]
        self.onehot = torch.zeros(pictures * len(every), classes)
        self.weights = torch.ones(pictures * len(every), 1)
        positives, wanted = [], []
        self.normalizer = 0
        for n in range(pictures):
            objects = boxes(n)
            matched = reference.assign(every, objects)
            positive = (matched >= 0).nonzero()[:, 0]
            self.onehot[n * len(every) + positive, matched[positive] % classes] = 1
            self.weights[n * len(every) + (matched == -2).nonzero()[:, 0]] = 0
            positives.append(n * len(every) + positive)
            wanted.append(reference.encode(every[positive], objects[matched[positive]]))
            self.normalizer += max(1, len(positive))
        self.positives, self.wanted = torch.cat(positives).to(DEVICE), torch.cat(wanted).to(DEVICE)
        self.onehot, self.weights = self.onehot.to(DEVICE), self.weights.to(DEVICE)

    def loss(self, outputs) -> torch.Tensor:
        flat = lambda i, size: torch.cat([o[i].permute(0, 2, 3, 1).reshape(self.pictures, -1, size) for o in outputs], 1).reshape(-1, size)
        focal = (sigmoid_focal_loss(flat(0, 80), self.onehot, 0.25, 2) * self.weights).sum()
        box = F.l1_loss(flat(1, 4)[self.positives], self.wanted, reduction="sum")
        return (focal + box) / self.normalizer


def sgd(parameters) -> torch.optim.Optimizer:
    """The rate is too small to change anything: every step is the same work."""
    return torch.optim.SGD(parameters, lr=1e-9, momentum=0.9, weight_decay=1e-4, foreach=True)


def freeze_first_stage(model: reference.RetinaNet) -> None:
    for part in (model.backbone.conv1, model.backbone.bn1, model.backbone.layer1):
        part.requires_grad_(False)


def prepare(name: str):
    training = name == "train-batch"
    model = retinanet(R18)
    model.train(training)
    if not training:
        freeze_first_stage(model)
    x = images(SMALL)
    with torch.no_grad():
        shapes = [level.shape[2:] for level in model.neck(model.backbone(x))]
    targets = Targets(model, len(x), shapes)
    model, x = model.to(DEVICE), x.to(DEVICE)
    optimizer = sgd([p for p in model.parameters() if p.requires_grad])

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = targets.loss([model.bbox_head(level) for level in model.neck(model.backbone(x))])
        loss.backward()
        optimizer.step()
        return [loss.item()]

    return run
