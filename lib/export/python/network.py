"""A detector in PyTorch, written by `npm run export`. Needs torch; deformable convolutions and regions need torchvision too.

    model = load("student.safetensors")           # or a .pt file that was exported
    found = model.detect(picture)                  # uint8 [H, W, 3], R G B, of any size
    found["boxes"], found["scores"], found["labels"], found["names"]   # x1, y1, x2, y2 in the picture's pixels

    outputs = model(images)                        # [N, 3, H, W] normalised -> a tuple of maps a pyramid level

Names of parameters are mmdetection's. Batch norm has its own statistics: after `model.train()` they move again.
"""
import json
import math
import struct

import torch
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-5
MAX_LOG_RATIO = abs(math.log(16 / 1000))
SCORE_THRESHOLD, PER_LEVEL, OVERLAP, MAXIMUM = 0.05, 1000, 0.5, 100
IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}


def load(path):
    """The detector of an exported .safetensors or .pt file, ready to detect."""
    description, weights = (read_safetensors if str(path).endswith(".safetensors") else read_torch)(path)
    model = Detector(json.loads(description))
    model.load_state_dict(weights)
    return model.eval()


def read_torch(path):
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return stored["detector"], stored["state_dict"]


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    description = header.pop("__metadata__")["detector"]
    if any(entry["dtype"] != "F32" for entry in header.values()):
        raise ValueError(f"{path}: its tensors must be float32")
    weights = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start)
        weights[name] = values.reshape(entry["shape"])
    return description, weights


def operators():
    """torchvision's."""
    import torchvision

    return torchvision.ops


def norm_layer(norm, channels, epsilon=EPSILON):
    if isinstance(norm, dict):
        return nn.GroupNorm(norm["groups"], channels, eps=epsilon)
    return nn.BatchNorm2d(channels, eps=epsilon)


def norm_name(norm, number=""):
    return f"{'gn' if isinstance(norm, dict) else 'bn'}{number}"


class Layer(nn.Module):
    """A convolution with zero padding of half a kernel, its norm, and its activation."""

    def __init__(self, inputs, outputs, kernel, norm, stride=1, bias=None, groups=1, epsilon=EPSILON, activation=None):
        super().__init__()
        bias = norm == "none" if bias is None else bias
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
        self.norm = norm_name(norm)
        self.activation = activation
        if norm != "none":
            setattr(self, self.norm, norm_layer(norm, outputs, epsilon))

    def forward(self, x):
        x = self.conv(x)
        if hasattr(self, self.norm):
            x = getattr(self, self.norm)(x)
        return x if self.activation is None else self.activation(x)


class DeformableConv(nn.Conv2d):
    """Version 1: its taps read where `conv_offset` says."""

    def __init__(self, inputs, outputs, kernel, stride, padding, groups, bias):
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=bias)
        self.conv_offset = nn.Conv2d(inputs, 2 * kernel**2, kernel, stride, padding)

    def forward(self, x):
        offsets = self.conv_offset(x)
        return operators().deform_conv2d(x, offsets, self.weight, self.bias, self.stride, self.padding)


class Block(nn.Module):
    """A residual block, basic or bottleneck."""

    def __init__(self, config, inputs, planes, stride, deformable):
        super().__init__()
        norm, epsilon = config["norm"], config.get("epsilon", EPSILON)
        groups = config.get("groups", 1)
        width = int(planes * (config.get("widthPerGroup", 64) / 64)) * groups
        if config["block"] == "basic":
            outputs = planes
            shapes = [(inputs, width, 3, stride, 1), (width, outputs, 3, 1, 1)]
        else:
            outputs = 4 * planes
            first, second = (stride, 1) if config.get("style") == "caffe" else (1, stride)
            shapes = [(inputs, width, 1, first, 1), (width, width, 3, second, groups), (width, outputs, 1, 1, 1)]
        self.layers = []
        for i, (before, after, kernel, step, split) in enumerate(shapes, 1):
            names = f"conv{i}", norm_name(norm, i)
            self.layers.append(names)
            conv = DeformableConv if deformable and kernel == 3 else nn.Conv2d
            setattr(self, names[0], conv(before, after, kernel, step, kernel // 2, groups=split, bias=False))
            setattr(self, names[1], norm_layer(norm, after, epsilon))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, norm_layer(norm, outputs, epsilon))
        self.outputs = outputs

    def forward(self, x):
        y = x
        for i, (conv, norm) in enumerate(self.layers):
            y = F.relu(y) if i > 0 else y
            y = getattr(self, norm)(getattr(self, conv)(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        stem, norm = config["stem"], config["norm"]
        self.levels, self.pool, self.norm = config["levels"], stem["pool"], norm_name(norm, 1)
        self.conv1 = nn.Conv2d(3, stem["channels"], stem["kernel"], 2, stem["kernel"] // 2, bias=False)
        setattr(self, self.norm, norm_layer(norm, stem["channels"], config.get("epsilon", EPSILON)))
        inputs, self.channels = stem["channels"], {}
        for s, (count, planes) in enumerate(zip(config["blocks"], config["widths"])):
            blocks = []
            for i in range(count):
                stride = 2 if i == 0 and (s > 0 or not self.pool) else 1
                blocks.append(Block(config, inputs, planes, stride, s + 1 in config.get("deformableStages", [])))
                inputs = blocks[-1].outputs
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
            self.channels[s + 2] = inputs

    def forward(self, x):
        x = F.relu(getattr(self, self.norm)(self.conv1(x)))
        x = F.max_pool2d(x, 3, 2, 1) if self.pool else x
        maps = {}
        for level in self.channels:
            x = maps[level] = getattr(self, f"layer{level - 1}")(x)
        return [maps[level] for level in self.levels]


class InvertedResidual(nn.Module):
    """MobileNetV2's: wide inside, narrow between blocks."""

    def __init__(self, config, inputs, outputs, expansion, stride):
        super().__init__()
        hidden, own = expansion * inputs, {"epsilon": config.get("epsilon", EPSILON)}
        self.expand_conv = None
        if expansion > 1:
            self.expand_conv = Layer(inputs, hidden, 1, config["norm"], activation=F.relu6, **own)
        self.depthwise_conv = Layer(hidden, hidden, 3, config["norm"], stride, groups=hidden, activation=F.relu6, **own)
        self.linear_conv = Layer(hidden, outputs, 1, config["norm"], **own)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = x if self.expand_conv is None else self.expand_conv(x)
        y = self.linear_conv(self.depthwise_conv(y))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    # expansion, channels, blocks, stride of each stage, and the stages whose maps are the levels
    STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    LAST = {2: 2, 3: 3, 4: 5, 5: 7}

    def __init__(self, config):
        super().__init__()

        def scaled(channels):
            wanted = channels * config.get("width", 1)
            rounded = max(8, 8 * math.floor((wanted + 4) / 8))
            return rounded + 8 if rounded < 0.9 * wanted else rounded

        self.levels = config["levels"]
        inputs, own = scaled(32), {"epsilon": config.get("epsilon", EPSILON)}
        self.conv1 = Layer(3, inputs, 3, config["norm"], 2, activation=F.relu6, **own)
        outputs = {}
        for s, (expansion, channels, count, first) in enumerate(self.STAGES, 1):
            blocks = []
            for i in range(count):
                blocks.append(InvertedResidual(config, inputs, scaled(channels), expansion, first if i == 0 else 1))
                inputs = scaled(channels)
            setattr(self, f"layer{s}", nn.Sequential(*blocks))
            outputs[s] = inputs
        self.channels = {level: outputs[stage] for level, stage in self.LAST.items()}

    def forward(self, x):
        x, maps = self.conv1(x), {}
        for stage in range(1, len(self.STAGES) + 1):
            x = maps[stage] = getattr(self, f"layer{stage}")(x)
        return [maps[self.LAST[level]] for level in self.levels]


class FPN(nn.Module):
    def __init__(self, config, inputs):
        super().__init__()
        channels, norm = config["channels"], config.get("norm", "none")
        self.extra, self.kind = config["extraLevels"], config.get("addExtraConvs", "on_input")
        self.relu = config.get("reluBeforeExtraConvs", False)
        layer = lambda before, kernel, stride=1: Layer(before, channels, kernel, norm, stride)
        self.lateral_convs = nn.ModuleList([layer(count, 1) for count in inputs])
        outputs = [layer(channels, 3) for _ in inputs]
        if self.kind != "none":
            first = inputs[-1] if self.kind == "on_input" else channels
            outputs += [layer(first if i == 0 else channels, 3, 2) for i in range(self.extra)]
        self.fpn_convs = nn.ModuleList(outputs)

    def forward(self, maps):
        merged = [conv(x) for conv, x in zip(self.lateral_convs, maps)]
        for i in range(len(maps) - 2, -1, -1):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], size=merged[i].shape[2:], mode="nearest")
        levels = [conv(x) for conv, x in zip(self.fpn_convs, merged)]
        for i in range(self.extra):
            if self.kind == "none":
                levels.append(levels[-1][:, :, ::2, ::2])
                continue
            source = F.relu(levels[-1]) if i > 0 and self.relu else levels[-1]
            source = maps[-1] if i == 0 and self.kind == "on_input" else source
            levels.append(self.fpn_convs[len(maps) + i](source))
        return levels


def tower(config, inputs):
    channels, norm = config["channels"], config["norm"]
    bias = config.get("convBias", False) or norm == "none"
    sizes = [inputs] + [channels] * config["convs"]
    layers = [Layer(before, channels, 3, norm, bias=bias, activation=F.relu) for before in sizes[:-1]]
    return nn.ModuleList(layers), sizes[-1]


def through(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def rows(x, size):
    """[1, A * size, H, W] -> [H * W * A, size]."""
    return x[0].permute(1, 2, 0).reshape(-1, size)


def best(scores, maximum):
    """Values and indices of the highest, best first, equal ones in their order."""
    values, indices = scores.sort(descending=True, stable=True)
    return values[:maximum], indices[:maximum]


def best_places(scores):
    """Of scores [n, K] the places whose best class is highest; all, in their order, where there are no more."""
    if len(scores) > PER_LEVEL:
        return best(scores.max(1).values, PER_LEVEL)[1]
    return torch.arange(len(scores), device=scores.device)


def clipped(boxes, limit):
    return torch.minimum(boxes.clamp(min=0), limit)


def suppress(boxes, scores, labels, overlap, maximum):
    """Indices of what is left, class by class, best first, equal scores in their order."""
    left = scores.sort(descending=True, stable=True).indices
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept = []
    while len(left) > 0 and len(kept) < maximum:
        own, left = left[0], left[1:]
        kept.append(own)
        sides = torch.minimum(boxes[left, 2:], boxes[own, 2:]) - torch.maximum(boxes[left, :2], boxes[own, :2])
        shared = sides.clamp(min=0).prod(1)
        overlaps = shared / (areas[left] + areas[own] - shared)
        left = left[(labels[left] != labels[own]) | ~(overlaps > overlap)]
    return torch.stack(kept) if kept else labels.new_zeros(0)


def resized(picture, width, height, antialias):
    """uint8 [h, w, 3] -> [height, width, 3]: cv2's INTER_LINEAR to the last bit, or about libvips' for antialias."""
    h, w = picture.shape[:2]
    if (h, w) == (height, width):
        return picture
    if antialias:
        x = picture.permute(2, 0, 1)[None].float()
        x = F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False, antialias=True)
        return x.round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0)
    x = picture.to(torch.int64)
    if (h, w) == (2 * height, 2 * width):
        return ((x[::2, ::2] + x[::2, 1::2] + x[1::2, ::2] + x[1::2, 1::2] + 2) >> 2).to(torch.uint8)

    def taps(before, after):
        position = ((torch.arange(after, dtype=torch.float64) + 0.5) * (1 / (after / before)) - 0.5).float()
        low = position.floor()
        share = position - low
        weights = [(part * 2048).round().to(torch.int64).to(x.device) for part in (1 - share, share)]
        places = [(low + i).clamp(0, before - 1).to(torch.int64).to(x.device) for i in (0, 1)]
        return list(zip(places, weights))

    (left, a), (right, b) = taps(w, width)
    x = (x[:, left] * a[:, None] + x[:, right] * b[:, None]) >> 4
    (above, a), (below, b) = taps(h, height)
    x = ((x[above] * a[:, None, None]) >> 16) + ((x[below] * b[:, None, None]) >> 16)
    return ((x + 2) >> 2).to(torch.uint8)


def input_size(picture, size):
    """Width and height that a picture [h, w, 3] is resized to."""
    h, w = picture.shape[:2]
    if "width" in size:
        return size["width"], size["height"]
    scale = min(size["longSide"] / max(h, w), size["shortSide"] / min(h, w))
    return tuple(max(1, math.floor(side * scale + 0.5)) for side in (w, h))


class Network(nn.Module):
    """Backbone, feature pyramid and head; a family adds `heads` and `candidates`."""

    def __init__(self, description):
        super().__init__()
        self.description = description
        self.config = description["model"]
        self.categories = description["categories"]
        backbone, neck = self.config["backbone"], self.config["neck"]
        self.backbone = (MobileNetV2 if backbone.get("kind") == "mobilenetv2" else ResNet)(backbone)
        self.neck = FPN(neck, [self.backbone.channels[level] for level in backbone["levels"]])
        last = backbone["levels"][-1]
        self.strides = [2**level for level in [*backbone["levels"], *range(last + 1, last + 1 + neck["extraLevels"])]]
        for name, head in heads(self.config, len(self.strides)).items():
            setattr(self, name, head)

    def forward(self, images):
        return [self.bbox_head(x, level) for level, x in enumerate(self.neck(self.backbone(images)))]

    def images(self, picture):
        """A picture of the network's size [H, W, 3] -> the input [1, 3, H', W'], padded with zeros to multiples of 32."""
        normal = self.config.get("input", IMAGENET)
        x = picture.flip(2) if normal.get("order") == "bgr" else picture
        mean, std = (torch.tensor(normal[key], device=x.device) for key in ("mean", "std"))
        x = ((x.float() - mean) / std).permute(2, 0, 1)[None]
        return F.pad(x, (0, -x.shape[3] % 32, 0, -x.shape[2] % 32))

    @torch.no_grad()
    def detect(self, picture):
        """Objects on a picture uint8 [H, W, 3], a tensor or an array: boxes in its own pixels, best first."""
        device = next(self.parameters()).device
        picture = torch.as_tensor(picture, device=device)
        h, w = picture.shape[:2]
        width, height = input_size(picture, self.description["size"])
        x = resized(picture, width, height, self.description.get("antialias", False))
        limit = torch.tensor([width, height] * 2, dtype=torch.float32, device=device)
        boxes, scores, labels = self.candidates(self(self.images(x)), limit)
        boxes = clipped(boxes, limit)
        kept = suppress(boxes, scores, labels, self.config.get("nms", OVERLAP), MAXIMUM)
        back = torch.tensor([w / width, h / height] * 2, dtype=torch.float32, device=device)
        names = [self.categories[label]["name"] for label in labels[kept].tolist()]
        return {"boxes": boxes[kept] * back, "scores": scores[kept], "labels": labels[kept], "names": names}
