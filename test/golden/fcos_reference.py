"""A plain PyTorch FCOS, and mmdet's points, targets, losses and detection written out, for fcos.py. Parameters bear mmdet's names."""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import batched_nms, box_iou, sigmoid_focal_loss

from detection_reference import Backbone, ConvModule, Neck, initial, relu, tensor


def level_points(stride: int, height: int, width: int) -> torch.Tensor:
    """mmdet AnchorFreeHead._get_points_single and FCOSHead's half a stride."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x.reshape(-1) * stride, y.reshape(-1) * stride], -1).float() + stride // 2


def targets_of(points, levels, strides, ranges, boxes, labels, radius):
    """mmdet FCOSHead._get_target_single, in float32: label (-1: background) and distances of every point."""
    count = len(points)
    if len(boxes) == 0:
        return torch.full((count,), -1), torch.zeros(count, 4)
    areas = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))[None].repeat(count, 1)
    x, y = points[:, :1], points[:, 1:]
    sides = torch.stack([x - boxes[:, 0], y - boxes[:, 1], boxes[:, 2] - x, boxes[:, 3] - y], -1)  # [P, G, 4]
    if radius:
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        reach = (strides[levels] * radius)[:, None, None]
        low = torch.maximum(centre - reach, boxes[:, :2])
        high = torch.minimum(centre + reach, boxes[:, 2:])
        inside = torch.cat([points[:, None] - low, high - points[:, None]], -1).min(-1)[0] > 0
    else:
        inside = sides.min(-1)[0] > 0
    farthest = sides.max(-1)[0]
    fits = (farthest >= ranges[levels][:, :1]) & (farthest <= ranges[levels][:, 1:])
    areas[~inside | ~fits] = 1e8
    least, best = areas.min(1)
    label = labels[best].clone()
    label[least == 1e8] = -1
    return label, sides[torch.arange(count), best]


def overlaps(a, b, epsilon):
    """IoU and generalised IoU of boxes pair by pair: mmdet bbox_overlaps with is_aligned."""
    area = lambda t: (t[:, 2] - t[:, 0]) * (t[:, 3] - t[:, 1])
    wh = (torch.min(a[:, 2:], b[:, 2:]) - torch.max(a[:, :2], b[:, :2])).clamp(min=0)
    common = wh[:, 0] * wh[:, 1]
    union = (area(a) + area(b) - common).clamp(min=epsilon)
    around = torch.max(a[:, 2:], b[:, 2:]) - torch.min(a[:, :2], b[:, :2])
    around = (around[:, 0] * around[:, 1]).clamp(min=epsilon)
    return common / union, common / union - (around - union) / around


def boxes_at(points, distances):
    return torch.cat([points - distances[:, :2], points + distances[:, 2:]], 1)


class FcosHead(nn.Module):
    def __init__(self, c: dict, inputs: int, classes: int, levels: int) -> None:
        super().__init__()
        self.config = c
        for tower in ("cls_convs", "reg_convs"):
            convs = [ConvModule(inputs if i == 0 else c["channels"], c["channels"], 3, 1, c["norm"]) for i in range(c["convs"])]
            if c["convBias"] and c["norm"] != "none":
                for module in convs:
                    module.conv = nn.Conv2d(module.conv.in_channels, c["channels"], 3, 1, 1, bias=True)
            self.add_module(tower, nn.ModuleList(convs))
        self.conv_cls = nn.Conv2d(c["channels"], classes, 3, 1, 1)
        self.conv_reg = nn.Conv2d(c["channels"], 4, 3, 1, 1)
        self.conv_centerness = nn.Conv2d(c["channels"], 1, 3, 1, 1)
        self.scales = nn.ModuleList(Scale() for _ in range(levels))

    def forward(self, pyramid):
        outputs = []
        for level, scale in zip(pyramid, self.scales):
            a = b = level
            for conv in self.cls_convs:
                a = relu(conv(a))
            for conv in self.reg_convs:
                b = relu(conv(b))
            x = scale(self.conv_reg(b))
            distances = x.exp() if self.config["distance"] == "exp" else relu(x)
            outputs.append((self.conv_cls(a), distances, self.conv_centerness(a if self.config["centernessOn"] == "classification" else b)))
        return outputs


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return x * self.scale


class Fcos(nn.Module):
    def __init__(self, config: dict, start=None) -> None:
        super().__init__()
        self.config = config
        b = config["backbone"]
        expansion = 4 if b["block"] == "bottleneck" else 1
        levels = len(b["levels"]) + config["neck"]["extraLevels"]
        self.strides = [2 ** (b["levels"][0] + i) for i in range(levels)]
        self.backbone = Backbone(b)
        self.neck = Neck(config["neck"], [b["widths"][level - 2] * expansion for level in b["levels"]])
        self.bbox_head = FcosHead(config["head"], config["neck"]["channels"], config["classes"], levels)
        for name, value in self.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_((start or fcos_start)(name, value.shape))

    def points(self, outputs):
        points = [level_points(s, *o[0].shape[2:]) for s, o in zip(self.strides, outputs)]
        return torch.cat(points), torch.cat([torch.full((len(p),), i) for i, p in enumerate(points)])

    def units(self, levels):
        """Pixels of one unit of distance at each point."""
        stride = self.config["head"]["distance"] == "stride"
        return torch.tensor(self.strides).double()[levels] if stride else torch.ones(len(levels)).double()

    def loss(self, outputs, targets):
        """Class, box and centerness loss with their two normalisers; targets in float32, losses in float64."""
        c, n = self.config, outputs[0][0].shape[0]
        points, levels = self.points(outputs)
        strides, ranges = torch.tensor(self.strides).float(), torch.tensor(c["assign"]["ranges"], dtype=torch.float32)
        flat = lambda i: torch.cat([o[i].permute(0, 2, 3, 1).reshape(n, len(o[i][0, 0].flatten()), -1) for o in outputs], 1)
        logits, distances, centerness = flat(0), flat(1), flat(2)[..., 0]
        focal = box = centre = 0.0
        positives, weight = 0, 0.0
        self.matched = []
        self.kink = math.inf  # how near a predicted distance comes to the wanted one, where the overlap's gradient jumps
        for i, (boxes, labels) in enumerate(targets):
            label, sides = targets_of(points, levels, strides, ranges, boxes.float(), labels, c["assign"]["centerRadius"])
            positive = label >= 0
            self.matched.append(label.tolist())
            onehot = torch.zeros_like(logits[i])
            onehot[positive, label[positive]] = 1
            focal = focal + sigmoid_focal_loss(logits[i], onehot, c["loss"]["focal"]["alpha"], c["loss"]["focal"]["gamma"], "sum")
            wanted = sides[positive].double()
            horizontal, vertical = wanted[:, [0, 2]], wanted[:, [1, 3]]
            central = (horizontal.min(1)[0] / horizontal.max(1)[0] * (vertical.min(1)[0] / vertical.max(1)[0])).sqrt()
            at, wanted = points[positive].double(), wanted / self.units(levels)[positive][:, None]
            if positive.any():
                self.kink = min(self.kink, (distances[i][positive] - wanted).abs().min().item())
            kind = c["loss"]["box"]
            iou, giou = overlaps(boxes_at(at, distances[i][positive]), boxes_at(at, wanted), 1e-6 if kind == "iou" else 1e-7)
            each = -iou.clamp(min=1e-6).log() if kind == "iou" else 1 - giou
            box = box + (each * central).sum()
            centre = centre + F.binary_cross_entropy_with_logits(centerness[i][positive], central, reduction="sum")
            positives, weight = positives + int(positive.sum()), weight + central.sum().item()
        normalizers = [max(positives, 1), max(weight, 1e-6)]
        return focal / normalizers[0], box / normalizers[1], centre / normalizers[0], normalizers

    def detect(self, outputs, i, width, height, threshold, per_level, iou, maximum):
        """mmdet FCOSHead._get_bboxes of picture i, and how near any decision comes to falling the other way."""
        boxes, scores, factors, margin = [], [], [], 1.0
        for level, (stride, (logits, distances, centerness)) in enumerate(zip(self.strides, outputs)):
            score = logits[i].permute(1, 2, 0).reshape(-1, logits.shape[1]).sigmoid()
            factor = centerness[i].reshape(-1).sigmoid()
            points = level_points(stride, *logits.shape[2:]).double()
            sides = distances[i].permute(1, 2, 0).reshape(-1, 4) * (stride if self.config["head"]["distance"] == "stride" else 1)
            if len(points) > per_level:
                best, order = (score * factor[:, None]).max(1)[0].sort(descending=True)
                margin = min(margin, (best[per_level - 1] - best[per_level]).item())
                points, sides, score, factor = (t[order[:per_level]] for t in (points, sides, score, factor))
            b = boxes_at(points, sides)
            boxes.append(torch.stack([b[:, k].clamp(0, (width, height)[k % 2]) for k in range(4)], -1))
            scores.append(score)
            factors.append(factor)
        boxes, scores, factors = torch.cat(boxes), torch.cat(scores), torch.cat(factors)
        margin = min(margin, (scores - threshold).abs().min().item())
        pairs = (scores > threshold).nonzero()
        boxes, labels = boxes[pairs[:, 0]], pairs[:, 1]
        scores = (scores * factors[:, None])[pairs[:, 0], labels]
        kept = batched_nms(boxes, scores, labels, iou)[:maximum]
        margin = min(margin, (box_iou(boxes, boxes) - iou).abs().nan_to_num(1).min().item())
        return boxes[kept], scores[kept], labels[kept], margin


def fcos_start(name: str, shape) -> torch.Tensor:
    """A parameter's numbers: `initial`'s, but for the output convolutions, so that boxes have sizes and scores differ."""
    if name.endswith("bbox_head.conv_reg.bias"):
        return tensor(name, shape, 1, 3)
    if name.endswith("bbox_head.conv_cls.bias"):
        return tensor(name, shape, -4, -1)
    if name.endswith(".scale"):
        return tensor(name, shape, 0.8, 1.2)
    if "bbox_head.conv_" in name and name.endswith("weight"):
        o, i, h, w = shape
        bound = 1 / math.sqrt(i * h * w)
        return tensor(name, (h, w, i, o), -bound, bound).permute(3, 2, 0, 1)
    return initial(name, shape)
