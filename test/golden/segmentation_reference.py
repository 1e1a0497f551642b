"""A plain PyTorch copy of mmsegmentation's ResNetV1c, PSPHead, ASPPHead, FCNHead and EncoderDecoder, for segmentation.py.

Layers bear mmsegmentation's names. Written from its configs and its descriptions of the layers: strides 1, 2, 1, 1 and
dilations 1, 1, 2, 4 with contract_dilation, a deep stem, and losses averaged over all pixels, the ignored among them.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from detection_reference import initial

IGNORED = 255


class ConvModule(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inputs != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def main(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))

    def forward(self, x):
        return F.relu(self.main(x) + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(BasicBlock):
    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int) -> None:
        nn.Module.__init__(self)
        outputs = 4 * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def main(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))


class ResNetV1c(nn.Module):
    def __init__(self, kind: str, blocks, widths, stem: int) -> None:
        super().__init__()
        block = Bottleneck if kind == "bottleneck" else BasicBlock
        layers, plan = [], [(3, stem // 2, 2), (stem // 2, stem // 2, 1), (stem // 2, stem, 1)]
        for inputs, outputs, stride in plan:
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.stem = nn.Sequential(*layers)
        inputs = stem
        for s, (count, planes, stride, dilation) in enumerate(zip(blocks, widths, (1, 2, 1, 1), (1, 1, 2, 4)), 1):
            made = []
            for i in range(count):
                first = dilation // 2 if i == 0 and dilation > 1 else dilation
                made.append(block(inputs, planes, stride if i == 0 else 1, first))
                inputs = planes * block.expansion
            self.add_module(f"layer{s}", nn.Sequential(*made))

    def forward(self, x):
        x = F.max_pool2d(self.stem(x), 3, 2, 1)
        maps = []
        for s in range(1, 5):
            x = getattr(self, f"layer{s}")(x)
            maps.append(x)
        return maps


def resize(x, size, align_corners):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)


class PSPHead(nn.Module):
    def __init__(self, inputs: int, channels: int, classes: int, scales, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.psp_modules = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(s), ConvModule(inputs, channels, 1)) for s in scales)
        self.bottleneck = ConvModule(inputs + len(scales) * channels, channels, 3)
        self.conv_seg = nn.Conv2d(channels, classes, 1)

    def forward(self, x):
        seen = [x] + [resize(module(x), x.shape[2:], self.align_corners) for module in self.psp_modules]
        return self.conv_seg(self.bottleneck(torch.cat(seen, 1)))


class ASPPHead(nn.Module):
    def __init__(self, inputs: int, channels: int, classes: int, dilations, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.image_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvModule(inputs, channels, 1))
        self.aspp_modules = nn.ModuleList(
            ConvModule(inputs, channels, 1 if d == 1 else 3, d) for d in dilations)
        self.bottleneck = ConvModule((len(dilations) + 1) * channels, channels, 3)
        self.conv_seg = nn.Conv2d(channels, classes, 1)

    def forward(self, x):
        seen = [resize(self.image_pool(x), x.shape[2:], self.align_corners)] + [module(x) for module in self.aspp_modules]
        return self.conv_seg(self.bottleneck(torch.cat(seen, 1)))


class FCNHead(nn.Module):
    def __init__(self, inputs: int, channels: int, classes: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(ConvModule(inputs, channels, 3))
        self.conv_seg = nn.Conv2d(channels, classes, 1)

    def forward(self, x):
        return self.conv_seg(self.convs(x))


class EncoderDecoder(nn.Module):
    """Of the config of a Segmenter."""

    def __init__(self, c: dict, start=initial) -> None:
        super().__init__()
        b, h = c["backbone"], c["head"]
        expansion = 4 if b["block"] == "bottleneck" else 1
        self.classes, self.align_corners, self.average = c["classes"], c["alignCorners"], c["average"]
        self.backbone = ResNetV1c(b["block"], b["blocks"], b["widths"], b["stem"]["channels"])
        inputs, before = [w * expansion for w in (b["widths"][3], b["widths"][2])]
        make = {"psp": lambda: PSPHead(inputs, h["channels"], self.classes, h["scales"], self.align_corners),
                "aspp": lambda: ASPPHead(inputs, h["channels"], self.classes, h["dilations"], self.align_corners)}
        self.decode_head = make[h["kind"]]()
        self.weight = c["auxiliary"]["weight"] if c.get("auxiliary") else 0
        if self.weight:
            self.auxiliary_head = FCNHead(before, c["auxiliary"]["channels"], self.classes)
        for name, value in self.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(start(name, value.shape))

    def forward(self, images):
        maps = self.backbone(images)
        return maps, self.decode_head(maps[3]), self.auxiliary_head(maps[2]) if self.weight else None

    def entropy(self, logits, labels):
        each = F.cross_entropy(resize(logits, labels.shape[1:], self.align_corners), labels, reduction="none", ignore_index=IGNORED)
        return each.mean() if self.average == "all" else each.sum() / (labels != IGNORED).sum()

    def losses(self, logits, auxiliary, labels):
        result = {"classes": self.entropy(logits, labels)}
        if auxiliary is not None:
            result["auxiliary"] = self.weight * self.entropy(auxiliary, labels)
        return result


def slide(logits_of, image, classes, crop, stride):
    """mmsegmentation's slide_inference of one picture [1, 3, H, W]: logits averaged where windows overlap."""
    (_, _, height, width), (ch, cw), (sh, sw) = image.shape, crop, stride
    rows, columns = max(height - ch + sh - 1, 0) // sh + 1, max(width - cw + sw - 1, 0) // sw + 1
    sums, counts = image.new_zeros((1, classes, height, width)), image.new_zeros((1, 1, height, width))
    for r in range(rows):
        for c in range(columns):
            y2, x2 = min(r * sh + ch, height), min(c * sw + cw, width)
            y1, x1 = max(y2 - ch, 0), max(x2 - cw, 0)
            sums[:, :, y1:y2, x1:x2] += logits_of(image[:, :, y1:y2, x1:x2])
            counts[:, :, y1:y2, x1:x2] += 1
    return sums / counts


def intersect_and_union(predicted: np.ndarray, label: np.ndarray, classes: int):
    """mmsegmentation's, of one picture: pixels of intersection, union, prediction and label, by class."""
    use = label != IGNORED
    predicted, label = predicted[use], label[use]
    count = lambda values: np.histogram(values, bins=np.arange(classes + 1))[0]
    intersect = count(predicted[predicted == label])
    area_predicted, area_label = count(predicted), count(label)
    return intersect, area_predicted + area_label - intersect, area_predicted, area_label


def mean_iou(pairs, classes: int):
    """aAcc, mIoU and mAcc as fractions, and IoU and accuracy of each class, nan where there is none; float64."""
    totals = [sum(parts) for parts in zip(*(intersect_and_union(p, l, classes) for p, l in pairs))]
    intersect, union, _, label = [t.astype(np.float64) for t in totals]
    with np.errstate(invalid="ignore", divide="ignore"):
        iou, accuracy = intersect / union, intersect / label
    return {"aAcc": intersect.sum() / label.sum(), "mIoU": np.nanmean(iou), "mAcc": np.nanmean(accuracy), "IoU": iou, "Acc": accuracy}
