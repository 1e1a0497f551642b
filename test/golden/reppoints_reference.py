"""A plain PyTorch RepPoints with boxes by moments, and mmdet's points, targets, losses and detection written out, for
reppoints.py. Parameters bear mmdet's names."""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import batched_nms, box_iou, deform_conv2d, sigmoid_focal_loss

from detection_reference import Backbone, ConvModule, Neck, initial, relu, tensor

POINTS, GRADIENT_MUL, MOMENT_MUL = 9, 0.1, 0.01


def level_points(stride: int, height: int, width: int) -> torch.Tensor:
    """mmdet PointGenerator.grid_points: x and y, no half stride."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x.reshape(-1) * stride, y.reshape(-1) * stride], -1).float()


def valid_flags(strides, sizes, width: float, height: float) -> torch.Tensor:
    """Points of a picture that mmdet pads to multiples of 32 (RepPointsHead.get_points)."""
    flags = []
    for stride, (h, w) in zip(strides, sizes):
        padded = [32 * math.ceil(side / 32) for side in (height, width)]
        y, x = torch.meshgrid(torch.arange(h) < min(h, math.ceil(padded[0] / stride)),
                              torch.arange(w) < min(w, math.ceil(padded[1] / stride)), indexing="ij")
        flags.append((x & y).reshape(-1))
    return torch.cat(flags)


def assign_points(points, strides, boxes, scale: float):
    """mmdet PointAssigner, pos_num 1: object of every point or -1, and how near any choice comes to falling the other way."""
    level, margin = torch.log2(strides).int(), 1.0
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6)
    wanted = ((torch.log2(size[:, 0] / scale) + torch.log2(size[:, 1] / scale)) / 2).int().clamp(level.min(), level.max())
    assigned, distance = torch.full((len(points),), -1), torch.full((len(points),), math.inf)
    for i in range(len(boxes)):
        own = (level == wanted[i]).nonzero()[:, 0]
        away = ((points[own] - centre[i]) / size[i]).norm(dim=1)
        two = away.topk(min(2, len(away)), largest=False).values
        margin = min(margin, (two[-1] - two[0]).item() if len(two) > 1 else 1.0)
        nearest = away.argmin()
        if away[nearest] < distance[own[nearest]]:
            assigned[own[nearest]], distance[own[nearest]] = i, away[nearest]
    return assigned, margin


def assign_boxes(candidates, boxes, positive: float, negative: float):
    """mmdet MaxIoUAssigner, min_pos_iou 0, in float32: object, -1 background, -2 ignored; and the margin."""
    overlaps = box_iou(boxes, candidates)
    best, argbest = overlaps.max(dim=0)
    assigned = torch.full_like(argbest, -2)
    assigned[best < negative] = -1
    assigned[best >= positive] = argbest[best >= positive]
    margin = min((best - t).abs().min().item() for t in (positive, negative))
    for i, row in enumerate(overlaps):
        two = row.topk(2).values
        assert two[0] > 0
        margin = min(margin, (two[0] - two[1]).item())
        assigned[row == two[0]] = i
    return assigned, margin


class DeformConv(nn.Module):
    """mmcv's DeformConv2d: offsets are given."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, channels, 3, 3))

    def forward(self, x, offset):
        return deform_conv2d(x, offset, self.weight, padding=1)


class RepPointsHead(nn.Module):
    def __init__(self, c: dict, inputs: int, classes: int) -> None:
        super().__init__()
        width = c["channels"]
        tower = lambda: nn.ModuleList(ConvModule(inputs if i == 0 else width, width, 3, 1, c["norm"]) for i in range(c["convs"]))
        self.cls_convs, self.reg_convs = tower(), tower()
        self.reppoints_cls_conv, self.reppoints_cls_out = DeformConv(width, width), nn.Conv2d(width, classes, 1)
        self.reppoints_pts_init_conv, self.reppoints_pts_init_out = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, 2 * POINTS, 1)
        self.reppoints_pts_refine_conv, self.reppoints_pts_refine_out = DeformConv(width, width), nn.Conv2d(width, 2 * POINTS, 1)
        self.moment_transfer = nn.Parameter(torch.zeros(2))
        y, x = torch.meshgrid(torch.arange(-1.0, 2), torch.arange(-1.0, 2), indexing="ij")
        self.base = torch.stack([y.reshape(-1), x.reshape(-1)], 1).reshape(1, -1, 1, 1)

    def forward(self, pyramid):
        return [self.level(x) for x in pyramid]

    def level(self, x):
        a = b = x
        for conv in self.cls_convs:
            a = relu(conv(a))
        for conv in self.reg_convs:
            b = relu(conv(b))
        first = self.reppoints_pts_init_out(relu(self.reppoints_pts_init_conv(b)))
        offset = (1 - GRADIENT_MUL) * first.detach() + GRADIENT_MUL * first - self.base.to(first)
        logits = self.reppoints_cls_out(relu(self.reppoints_cls_conv(a, offset)))
        refined = self.reppoints_pts_refine_out(relu(self.reppoints_pts_refine_conv(b, offset))) + first.detach()
        return logits, first, refined

    def boxes(self, points):
        """points2bbox by moments: [P, 18], y first -> [P, 4]."""
        y, x = points.reshape(-1, POINTS, 2).unbind(-1)
        transfer = self.moment_transfer * MOMENT_MUL + self.moment_transfer.detach() * (1 - MOMENT_MUL)
        half = [torch.std(v - v.mean(1, keepdim=True), dim=1) * transfer[i].exp() for i, v in enumerate((x, y))]
        return torch.stack([x.mean(1) - half[0], y.mean(1) - half[1], x.mean(1) + half[0], y.mean(1) + half[1]], 1)


class RepPoints(nn.Module):
    def __init__(self, config: dict, start=None) -> None:
        super().__init__()
        self.config = config
        b = config["backbone"]
        expansion = 4 if b["block"] == "bottleneck" else 1
        self.strides = [2 ** (b["levels"][0] + i) for i in range(len(b["levels"]) + config["neck"]["extraLevels"])]
        self.backbone = Backbone(b)
        self.neck = Neck(config["neck"], [b["widths"][level - 2] * expansion for level in b["levels"]])
        self.bbox_head = RepPointsHead(config["head"], config["neck"]["channels"], config["classes"])
        for name, value in self.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_((start or reppoints_start)(name, value.shape))

    def loss(self, outputs, targets, extents):
        """Class loss and the box losses of both stages with their normalisers; assigns in float32."""
        c, n = self.config, outputs[0][0].shape[0]
        sizes = [o[0].shape[2:] for o in outputs]
        points = torch.cat([level_points(s, *size) for s, size in zip(self.strides, sizes)])
        strides = torch.cat([torch.full((h * w,), float(s)) for s, (h, w) in zip(self.strides, sizes)])
        flat = lambda i: torch.cat([o[i].permute(0, 2, 3, 1).flatten(1, 2) for o in outputs], 1)
        logits, first, refined = flat(0), flat(1), flat(2)
        place = lambda p: self.bbox_head.boxes(p) * strides.to(p)[:, None] + points.to(p).repeat(1, 2)
        focal = c["loss"]["focal"]
        parts, totals = [0.0, 0.0, 0.0], [0, 0]
        self.margin, self.matched = 1.0, []
        for i, (boxes, labels) in enumerate(targets):
            valid = valid_flags(self.strides, sizes, *extents[i])
            stages = [torch.full((len(points),), -2), torch.full((len(points),), -2)]
            for stage in stages:
                stage[valid] = -1
            if len(boxes):
                a = c["assign"]
                stages[0][valid], near = assign_points(points[valid], strides[valid], boxes.float(), a["scale"])
                stages[1][valid], tight = assign_boxes(place(first[i]).detach().float()[valid], boxes.float(), a["positive"], a["negative"])
                self.margin = min(self.margin, near, tight)
            self.matched.append([stage.tolist() for stage in stages])
            use = stages[1] != -2
            onehot = torch.zeros_like(logits[i])
            positive = stages[1] >= 0
            onehot[positive, labels[stages[1][positive]]] = 1
            parts[0] = parts[0] + sigmoid_focal_loss(logits[i][use], onehot[use], focal["alpha"], focal["gamma"], "sum")
            for k, (stage, predicted, weight) in enumerate(zip(stages, (first[i], refined[i]), ("initial", "refined"))):
                positive = stage >= 0
                unit = (c["assign"]["scale"] * strides[positive]).to(predicted)[:, None]
                each = F.smooth_l1_loss(place(predicted)[positive] / unit, boxes.to(predicted)[stage[positive]] / unit, reduction="sum",
                                        beta=c["loss"]["box"]["beta"])
                parts[k + 1] = parts[k + 1] + each * c["loss"]["box"][weight]
                totals[k] += max(1, int(positive.sum()))
        return parts[0] / totals[1], parts[1] / totals[0], parts[2] / totals[1], [totals[1], totals[0], totals[1]]

    def detect(self, outputs, i, width, height, threshold, per_level, iou, maximum):
        """mmdet RepPointsHead._get_bboxes_single of picture i, and how near any decision comes to falling the other way."""
        boxes, scores, margin = [], [], 1.0
        for stride, (logits, _, refined) in zip(self.strides, outputs):
            score = logits[i].permute(1, 2, 0).flatten(0, 1).sigmoid()
            points = level_points(stride, *logits.shape[2:]).double()
            b = self.bbox_head.boxes(refined[i].permute(1, 2, 0).flatten(0, 1)) * stride + points.repeat(1, 2)
            if len(points) > per_level:
                best, order = score.max(1)[0].sort(descending=True)
                margin = min(margin, (best[per_level - 1] - best[per_level]).item())
                score, b = score[order[:per_level]], b[order[:per_level]]
            boxes.append(torch.stack([b[:, k].clamp(0, (width, height)[k % 2]) for k in range(4)], -1))
            scores.append(score)
        boxes, scores = torch.cat(boxes), torch.cat(scores)
        margin = min(margin, (scores - threshold).abs().min().item())
        pairs = (scores > threshold).nonzero()
        boxes, labels, scores = boxes[pairs[:, 0]], pairs[:, 1], scores[pairs[:, 0], pairs[:, 1]]
        kept = batched_nms(boxes, scores, labels, iou)[:maximum]
        margin = min(margin, (box_iou(boxes, boxes) - iou).abs().nan_to_num(1).min().item())
        return boxes[kept], scores[kept], labels[kept], margin


def reppoints_start(name: str, shape) -> torch.Tensor:
    """A parameter's numbers: `initial`'s, but for the outputs, so that boxes have sizes and scores differ."""
    if name.endswith("bbox_head.reppoints_pts_init_out.bias"):
        return tensor(name, shape, -2.5, 2.5)
    if name.endswith("bbox_head.reppoints_cls_out.bias"):
        return tensor(name, shape, -4, -1)
    if name.endswith("bbox_head.moment_transfer"):
        return tensor(name, shape, 0.1, 0.4)
    if "bbox_head.reppoints_" in name and name.endswith("weight"):
        o, i, h, w = shape
        bound = 1 / math.sqrt(i * h * w)
        return tensor(name, (h, w, i, o), -bound, bound).permute(3, 2, 0, 1)
    return initial(name, shape)
