"""A plain PyTorch RetinaNet, and mmdet's anchors, assignment, box coder and detection written out, for detection.py.

The network's layers bear mmdet's names. Its numbers come from `numbers`, which test/detection/golden.ts repeats.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import batched_nms, box_iou, deform_conv2d, sigmoid_focal_loss


def hashes(name: str, count: int) -> np.ndarray:
    """`count` integers of 32 bits: a hash of the name and the index."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B1) + np.uint64(h)) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & mask
    return x ^ (x >> np.uint64(16))


def numbers(name: str, count: int, low: float = -1.0, high: float = 1.0) -> np.ndarray:
    """`count` float32 numbers in [low, high), of 24 bits of the hash."""
    x = hashes(name, count)
    return (low + (high - low) * ((x >> np.uint64(8)).astype(np.float64) / 2**24)).astype(np.float32)


def tensor(name: str, shape, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(numbers(name, math.prod(shape), low, high).reshape(shape))


def base_anchors(stride: int, base_scale: float, scales_per_octave: int, ratios) -> torch.Tensor:
    """mmdet AnchorGenerator.gen_single_level_base_anchors, scale_major, center_offset 0."""
    octave = np.array([2 ** (i / scales_per_octave) for i in range(scales_per_octave)])
    scales, ratios = torch.Tensor(octave * base_scale), torch.Tensor(ratios)
    h_ratios = torch.sqrt(ratios)
    w_ratios = 1 / h_ratios
    ws = (stride * w_ratios[:, None] * scales[None, :]).view(-1)
    hs = (stride * h_ratios[:, None] * scales[None, :]).view(-1)
    return torch.stack([-0.5 * ws, -0.5 * hs, 0.5 * ws, 0.5 * hs], dim=-1)


def level_anchors(base: torch.Tensor, stride: int, height: int, width: int) -> torch.Tensor:
    """mmdet AnchorGenerator.single_level_grid_priors."""
    x, y = torch.arange(width) * stride, torch.arange(height) * stride
    xx, yy = x.repeat(height), y.view(-1, 1).repeat(1, width).view(-1)
    shifts = torch.stack([xx, yy, xx, yy], dim=-1).to(base.dtype)
    return (base[None] + shifts[:, None]).view(-1, 4)


def assign(anchors: torch.Tensor, boxes: torch.Tensor, positive=0.5, negative=0.4) -> torch.Tensor:
    """mmdet MaxIoUAssigner.assign_wrt_overlaps, min_pos_iou 0: object index, -1 background, -2 ignored."""
    lt = torch.max(boxes[:, None, :2], anchors[None, :, :2])
    rb = torch.min(boxes[:, None, 2:], anchors[None, :, 2:])
    wh = (rb - lt).clamp(min=0)
    overlap = wh[..., 0] * wh[..., 1]
    area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    overlaps = overlap / torch.max(area(boxes)[:, None] + area(anchors)[None] - overlap, torch.tensor(1e-6))
    best, argbest = overlaps.max(dim=0)
    assigned = torch.full_like(argbest, -2)
    assigned[best < negative] = -1
    assigned[best >= positive] = argbest[best >= positive]
    for i, top in enumerate(overlaps.max(dim=1).values):
        assigned[overlaps[i] == top] = i
    return assigned


def encode(anchors: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """mmdet bbox2delta, means 0, deviations 1."""
    pc, gc = (anchors[:, :2] + anchors[:, 2:]) * 0.5, (boxes[:, :2] + boxes[:, 2:]) * 0.5
    ps, gs = anchors[:, 2:] - anchors[:, :2], boxes[:, 2:] - boxes[:, :2]
    return torch.cat([(gc - pc) / ps, torch.log(gs / ps)], dim=-1)


def decode(anchors: torch.Tensor, deltas: torch.Tensor, width: float, height: float) -> torch.Tensor:
    """mmdet delta2bbox, wh_ratio_clip 16 / 1000, clip_border."""
    limit = abs(math.log(16 / 1000))
    pc, ps = (anchors[:, :2] + anchors[:, 2:]) * 0.5, anchors[:, 2:] - anchors[:, :2]
    centre, size = pc + ps * deltas[:, :2], ps * deltas[:, 2:].clamp(-limit, limit).exp()
    boxes = torch.cat([centre - size * 0.5, centre + size * 0.5], dim=-1)
    return torch.stack([boxes[:, i].clamp(0, (width, height)[i % 2]) for i in range(4)], dim=-1)


def detect(levels, width: float, height: float, threshold=0.05, per_level=1000, iou=0.5, maximum=100):
    """mmdet RetinaHead prediction of one picture; levels: (anchors, logits [A, K], deltas [A, 4])."""
    boxes, scores, labels = [], [], []
    for anchors, logits, deltas in levels:
        score = logits.sigmoid()
        pairs = (score > threshold).nonzero()
        values, order = score[score > threshold].sort(descending=True, stable=True)
        pairs = pairs[order[:per_level]]
        boxes.append(decode(anchors[pairs[:, 0]], deltas[pairs[:, 0]], width, height))
        scores.append(values[:per_level])
        labels.append(pairs[:, 1])
    boxes, scores, labels = torch.cat(boxes), torch.cat(scores), torch.cat(labels)
    kept = batched_nms(boxes, scores, labels, iou)[:maximum]
    overlaps = box_iou(boxes, boxes)
    margin = (overlaps - iou).abs().nan_to_num(1).min().item()  # clipped to nothing: 0 / 0
    return boxes[kept], scores[kept], labels[kept], margin


class Relu(torch.autograd.Function):
    """A ReLU whose gradient falls the other way for every input within `BAND` of zero, in units of their root mean square."""
    BAND = 0.0

    @staticmethod
    def forward(context, x):
        context.save_for_backward((x > 0) ^ (x.abs() < Relu.BAND * x.square().mean().sqrt()))
        return x.clamp(min=0)

    @staticmethod
    def backward(context, dy):
        return dy * context.saved_tensors[0]


relu = Relu.apply


def norm(kind, channels: int) -> nn.Module:
    return nn.GroupNorm(kind["groups"], channels) if isinstance(kind, dict) else nn.BatchNorm2d(channels)


def named(module: nn.Module, kind, number="") -> str:
    return ("gn" if isinstance(kind, dict) else "bn") + str(number)


class DeformConv(nn.Module):
    """mmcv's DeformConv2dPack: a deformable convolution and the plain one that computes its offsets."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__()
        self.stride, self.padding = stride, kernel // 2
        self.weight = nn.Parameter(torch.zeros(outputs, inputs // groups, kernel, kernel))
        self.conv_offset = nn.Conv2d(inputs, 2 * kernel * kernel, kernel, stride, self.padding)

    def forward(self, x):
        return deform_conv2d(x, self.conv_offset(x), self.weight, stride=self.stride, padding=self.padding)


class Block(nn.Module):
    """torchvision's BasicBlock and Bottleneck; mmdet's style 'caffe' has a bottleneck's stride in its first convolution."""

    def __init__(self, kind: str, inputs: int, planes: int, stride: int, norm_kind, groups: int, base_width: int,
                 deformable: bool = False, style: str = "pytorch") -> None:
        super().__init__()
        outputs, width = planes * (4 if kind == "bottleneck" else 1), int(planes * (base_width / 64)) * groups
        first, second = (stride, 1) if style == "caffe" else (1, stride)
        plan = [(1, inputs, width, first, 1), (3, width, width, second, groups), (1, width, outputs, 1, 1)] if kind == "bottleneck" \
            else [(3, inputs, width, stride, 1), (3, width, outputs, 1, 1)]
        self.names = []
        for i, (kernel, a, b, s, g) in enumerate(plan, 1):
            conv = DeformConv(a, b, kernel, s, g) if deformable and i == 2 else nn.Conv2d(a, b, kernel, s, kernel // 2, groups=g, bias=False)
            self.add_module(f"conv{i}", conv)
            self.add_module(named(self, norm_kind, i), norm(norm_kind, b))
            self.names.append((f"conv{i}", named(self, norm_kind, i)))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(norm_kind, outputs))

    def forward(self, x):
        y = x
        for i, (c, n) in enumerate(self.names):
            y = getattr(self, n)(getattr(self, c)(y))
            y = y if i == len(self.names) - 1 else relu(y)
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class Backbone(nn.Module):
    def __init__(self, c: dict) -> None:
        super().__init__()
        stem = c["stem"]
        self.pool, self.levels, self.norm_name = stem["pool"], c["levels"], named(self, c["norm"], 1)
        self.conv1 = nn.Conv2d(3, stem["channels"], stem["kernel"], 2, stem["kernel"] // 2, bias=False)
        self.add_module(self.norm_name, norm(c["norm"], stem["channels"]))
        inputs = stem["channels"]
        self.stages = len(c["widths"])
        for s, width in enumerate(c["widths"]):
            blocks = []
            for i in range(c["blocks"][s]):
                stride = 2 if i == 0 and (s > 0 or not stem["pool"]) else 1
                blocks.append(Block(c["block"], inputs, width, stride, c["norm"], c.get("groups", 1), c.get("widthPerGroup", 64),
                                    s + 1 in c.get("deformableStages", []), c.get("style", "pytorch")))
                inputs = width * (4 if c["block"] == "bottleneck" else 1)
            self.add_module(f"layer{s + 1}", nn.Sequential(*blocks))

    def forward(self, x):
        x = relu(getattr(self, self.norm_name)(self.conv1(x)))
        x = F.max_pool2d(x, 3, 2, 1) if self.pool else x
        maps = {}
        for s in range(1, self.stages + 1):
            x = maps[s + 1] = getattr(self, f"layer{s}")(x)
        return [maps[level] for level in self.levels]


class ConvModule(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, norm_kind="none") -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=norm_kind == "none")
        if norm_kind != "none":
            self.gn = norm(norm_kind, outputs)

    def forward(self, x):
        x = self.conv(x)
        return self.gn(x) if hasattr(self, "gn") else x


class Neck(nn.Module):
    """mmdet FPN; add_extra_convs is 'on_input' unless the config says 'on_output', or 'none' for max pooling of one position."""

    def __init__(self, c: dict, inputs: list) -> None:
        super().__init__()
        self.on_output, self.relu = c.get("addExtraConvs") == "on_output", c.get("reluBeforeExtraConvs", False)
        kind = c.get("norm", "none")
        self.lateral_convs = nn.ModuleList(ConvModule(i, c["channels"], 1, 1, kind) for i in inputs)
        self.fpn_convs = nn.ModuleList(ConvModule(c["channels"], c["channels"], 3, 1, kind) for _ in inputs)
        self.pooled = c["extraLevels"] if c.get("addExtraConvs") == "none" else 0
        for i in range(c["extraLevels"] - self.pooled):
            source = c["channels"] if i > 0 or self.on_output else inputs[-1]
            self.fpn_convs.append(ConvModule(source, c["channels"], 3, 2, kind))

    def forward(self, maps):
        merged = [conv(m) for conv, m in zip(self.lateral_convs, maps)]
        for i in range(len(merged) - 1, 0, -1):
            merged[i - 1] = merged[i - 1] + F.interpolate(merged[i], size=merged[i - 1].shape[2:], mode="nearest")
        levels = [conv(m) for conv, m in zip(self.fpn_convs, merged)]
        for i, conv in enumerate(self.fpn_convs[len(maps):]):
            source = relu(levels[-1]) if i > 0 and self.relu else levels[-1]
            levels.append(conv(maps[-1] if i == 0 and not self.on_output else source))
        for _ in range(self.pooled):
            levels.append(F.max_pool2d(levels[-1], 1, 2))
        return levels


class Head(nn.Module):
    def __init__(self, c: dict, inputs: int, classes: int, anchors: int) -> None:
        super().__init__()
        tower = lambda: nn.ModuleList(
            ConvModule(inputs if i == 0 else c["channels"], c["channels"], 3, 1, c["norm"]) for i in range(c["convs"]))
        self.cls_convs, self.reg_convs = tower(), tower()
        self.retina_cls = nn.Conv2d(c["channels"], anchors * classes, 3, 1, 1)
        self.retina_reg = nn.Conv2d(c["channels"], anchors * 4, 3, 1, 1)

    def forward(self, level):
        a = b = level
        for conv in self.cls_convs:
            a = relu(conv(a))
        for conv in self.reg_convs:
            b = relu(conv(b))
        return self.retina_cls(a), self.retina_reg(b)


class RetinaNet(nn.Module):
    def __init__(self, config: dict, start=None) -> None:
        super().__init__()
        self.config = config
        b, a = config["backbone"], config["anchors"]
        expansion = 4 if b["block"] == "bottleneck" else 1
        self.anchors_per_cell = a["scalesPerOctave"] * len(a["ratios"])
        self.backbone = Backbone(b)
        self.neck = Neck(config["neck"], [b["widths"][level - 2] * expansion for level in b["levels"]])
        self.bbox_head = Head(config["head"], config["neck"]["channels"], config["classes"], self.anchors_per_cell)
        count = len(b["levels"]) + config["neck"]["extraLevels"]
        self.strides = [2 ** (b["levels"][0] + i) for i in range(count)]
        for name, value in self.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            value.copy_((start or initial)(name, value.shape))

    def anchors(self, pyramid):
        a = self.config["anchors"]
        return [level_anchors(base_anchors(s, a["baseScale"], a["scalesPerOctave"], a["ratios"]), s, *p.shape[2:])
                for s, p in zip(self.strides, pyramid)]

    def loss(self, outputs, anchors, targets):
        """Focal and smooth L1 (beta 0: L1) loss, divided by the number of positives, at least one a picture; assigns in float32."""
        n, classes = outputs[0][0].shape[0], self.config["classes"]
        flat = lambda i, size: torch.cat([o[i].permute(0, 2, 3, 1).reshape(n, -1, size) for o in outputs], 1)
        logits, deltas = flat(0, classes), flat(1, 4)
        every = torch.cat(anchors)
        focal, box, positives = 0.0, 0.0, 0
        self.kink = 1.0  # how near the L1 loss comes to where its gradient jumps
        c = self.config["loss"]
        for i, (boxes, labels) in enumerate(targets):
            matched = assign(every.float(), boxes.float()) if len(boxes) else torch.full((len(every),), -1)
            positive = matched >= 0
            onehot = torch.zeros_like(logits[i])
            onehot[positive, labels[matched[positive]]] = 1
            use = (matched != -2)
            focal = focal + sigmoid_focal_loss(logits[i][use], onehot[use], c["focal"]["alpha"], c["focal"]["gamma"], "sum")
            wanted = encode(every[positive], boxes[matched[positive]])
            box = box + F.smooth_l1_loss(deltas[i][positive], wanted, reduction="sum", beta=c["box"]["beta"])
            positives += max(1, int(positive.sum()))
            self.kink = min(self.kink, (deltas[i][positive] - wanted).abs().min().item() if positive.any() else 1)
        return focal / positives, box / positives, positives


def initial(name: str, shape) -> torch.Tensor:
    """A parameter's numbers: of the scale of Kaiming's for convolutions (made in HWIO order), near one for scales."""
    if len(shape) == 4:
        o, i, h, w = shape
        bound = (0.2 if "retina" in name else 1.5) / math.sqrt(i * h * w)
        return tensor(name, (h, w, i, o), -bound, bound).permute(3, 2, 0, 1)
    if name.endswith("running_var") or name.endswith("weight"):
        return tensor(name, shape, 0.5, 1.5)
    return tensor(name, shape, -0.3, 0.3)


def listed(x, digits=7):
    return [float(f"{v:.{digits}g}") for v in x.detach().flatten().tolist()]


def first_listed(maps, digits=6):
    """Of the first picture of maps [N, C, H, W], each as [H * W * C] numbers."""
    return [listed(m.permute(0, 2, 3, 1)[:1], digits) for m in maps]


def boxes_of(name, count, width, height, largest=56, rounded=True):
    """Boxes of 14 to `largest` pixels inside a picture; every second one in whole pixels, where `rounded`."""
    side = tensor(f"{name}/side", (count, 2), 14, largest)
    corner = tensor(f"{name}/corner", (count, 2), 0, 1) * (torch.tensor([width, height]) - side).clamp(min=0)
    b = torch.cat([corner, corner + side], 1)
    if rounded:
        b[::2] = b[::2].round()
    return b


def frozen(config, name):
    stages = config["backbone"]["frozenStages"]
    return stages >= 0 and name.startswith(("backbone.conv1.", "backbone.bn1.", *(f"backbone.layer{s}." for s in range(1, stages + 1))))


def probed(key, g):
    """Norm of a parameter's gradient, and its product with the numbers named `<parameter>/probe`, in our order of axes."""
    g = g.permute(2, 3, 1, 0) if g.dim() == 4 else g
    return listed(torch.stack([g.norm(), (g * tensor(f"{key}/probe", g.shape)).sum()]))


def gradients_of(model, config, reshaped=lambda key, g: g):
    return {key: probed(key, reshaped(key, value.grad)) for key, value in model.named_parameters() if not frozen(config, key)}
