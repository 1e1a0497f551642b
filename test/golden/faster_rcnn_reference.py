"""A plain PyTorch Faster R-CNN, and mmdet's sampling, proposals, targets, losses and detection written out, for faster_rcnn.py
and, in what they share, for cascade_rcnn.py.

Parameters bear mmdet's names. A sampler takes the first that there are of either kind, so that both sides draw the same.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import batched_nms, box_iou, roi_align

from detection_reference import Backbone, Neck, base_anchors, decode, encode, initial, level_anchors, relu, tensor


def matched(boxes, gts, positive, negative, least, inside=None):
    """mmdet MaxIoUAssigner: object index, -1 background, -2 ignored; `least` None: no low-quality matches. In float32. Boxes that
    are not `inside` are ignored, and no object's best."""
    assigned = torch.full((len(boxes),), -1)
    if inside is not None:
        assigned[~inside] = -2
        assigned[inside], margin = matched(boxes[inside], gts, positive, negative, least)
        return assigned, margin
    if len(gts) == 0 or len(boxes) == 0:
        return assigned, 1.0
    overlaps = box_iou(gts, boxes)
    best, object_of = overlaps.max(0)
    assigned = torch.full_like(object_of, -2)
    assigned[best < negative] = -1
    assigned[best >= positive] = object_of[best >= positive]
    margin = min((best - t).abs().min().item() for t in (positive, negative))
    if least is not None:
        tops = overlaps.max(1)[0]
        margin = min(margin, (tops - least).abs().min().item())
        for i, top in enumerate(tops):
            if top >= least:
                assigned[overlaps[i] == top] = i
    return assigned, margin


def first(assigned, count, share):
    positives = (assigned >= 0).nonzero()[:, 0][: int(count * share)]
    negatives = (assigned == -1).nonzero()[:, 0][: count - len(positives)]
    return positives, negatives


def box_head(inputs, head, classes, agnostic):
    """mmdet Shared2FCBBoxHead."""
    return nn.ModuleDict({
        "shared_fcs": nn.ModuleList([nn.Linear(inputs * head["bins"] ** 2, head["channels"]), nn.Linear(head["channels"], head["channels"])]),
        "fc_cls": nn.Linear(head["channels"], classes + 1), "fc_reg": nn.Linear(head["channels"], 4 if agnostic else 4 * classes)})


class Stages(nn.Module):
    """What Faster R-CNN and Cascade R-CNN share: backbone, pyramid and RPN, proposals, and a head on regions."""

    def __init__(self, config: dict, box_heads, initial=None) -> None:
        super().__init__()
        self.config = c = config
        b = c["backbone"]
        expansion = 4 if b["block"] == "bottleneck" else 1
        self.backbone = Backbone(b)
        self.neck = Neck(c["neck"], [b["widths"][level - 2] * expansion for level in b["levels"]])
        self.strides = [2 ** (b["levels"][0] + i) for i in range(len(b["levels"]) + c["neck"]["extraLevels"])]
        anchors, inputs = len(c["anchors"]["ratios"]) * c["anchors"]["scalesPerOctave"], c["neck"]["channels"]
        self.rpn_head = nn.ModuleDict({
            "rpn_conv": nn.Conv2d(inputs, c["rpn"]["channels"], 3, 1, 1), "rpn_cls": nn.Conv2d(c["rpn"]["channels"], anchors, 1),
            "rpn_reg": nn.Conv2d(c["rpn"]["channels"], 4 * anchors, 1)})
        self.roi_head = nn.ModuleDict({"bbox_head": box_heads})
        for name, value in self.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_((initial or start)(name, value.shape, c["head"]["bins"]))

    def forward(self, images):
        return self.first(self.neck(self.backbone(images)))

    def first(self, pyramid):
        self.pyramid = pyramid
        shared = [relu(self.rpn_head["rpn_conv"](level)) for level in pyramid]
        return [(self.rpn_head["rpn_cls"](x), self.rpn_head["rpn_reg"](x)) for x in shared]

    def anchors(self, outputs):
        a = self.config["anchors"]
        return [level_anchors(base_anchors(s, a["baseScale"], a["scalesPerOctave"], a["ratios"]), s, *o[0].shape[2:])
                for s, o in zip(self.strides, outputs)]

    def proposals(self, outputs, i, width, height, config):
        """mmdet RPNHead._get_bboxes of picture i, and how near any decision comes to falling the other way."""
        boxes, scores, labels, margin = [], [], [], 1.0
        for level, (anchors, (objectness, deltas)) in enumerate(zip(self.anchors(outputs), outputs)):
            score = objectness[i].permute(1, 2, 0).reshape(-1).sigmoid()
            delta = deltas[i].permute(1, 2, 0).reshape(-1, 4)
            ordered, order = score.sort(descending=True)
            n = config["perLevel"]
            if len(score) > n:
                margin = min(margin, (ordered[n - 1] - ordered[n]).item())
            order = order[:n]
            boxes.append(decode(anchors.to(delta.dtype)[order], delta[order], width, height))
            scores.append(score[order])
            labels.append(torch.full((len(order),), level))
        boxes, scores, labels = torch.cat(boxes), torch.cat(scores), torch.cat(labels)
        some = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        boxes, scores, labels = boxes[some], scores[some], labels[some]
        kept = batched_nms(boxes, scores, labels, config["iouThreshold"])
        same = labels[:, None] == labels[None]
        margin = min(margin, ((box_iou(boxes, boxes) - config["iouThreshold"]).abs()[same]).min().item())
        ordered = scores[kept]
        margin = min(margin, (ordered[:-1] - ordered[1:]).min().item() if len(ordered) > 1 else 1.0)
        return boxes[kept][: config["maximum"]].detach(), margin

    def regions(self, rois, head):
        """Logits and deltas that `head` gives of regions [R, 5], and how near one of them comes to another level."""
        h = self.config["head"]
        side = ((rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])).sqrt()
        exact = (side / h["finestScale"] + 1e-6).log2()
        margin = (exact - exact.round()).abs().min().item()
        level = exact.floor().long().clamp(0, h["levels"] - 1)
        cut = torch.zeros(len(rois), self.pyramid[0].shape[1], h["bins"], h["bins"], dtype=rois.dtype)
        for l in range(h["levels"]):
            own = (level == l).nonzero()[:, 0]
            if len(own):
                cut = cut.index_copy(0, own, roi_align(self.pyramid[l], rois[own], h["bins"], 1 / self.strides[l], 0, aligned=True))
        x = relu(head["shared_fcs"][1](relu(head["shared_fcs"][0](cut.flatten(1)))))
        return head["fc_cls"](x), head["fc_reg"](x), margin

    def rpn_loss(self, outputs, targets, width, height):
        """Both losses of the first stage, what they are divided by, and a margin as that of `proposals`."""
        r, anchors, margin = self.config["rpn"], torch.cat(self.anchors(outputs)), 1.0
        n = outputs[0][0].shape[0]
        flat = lambda k, size: torch.cat([o[k].permute(0, 2, 3, 1).reshape(n, -1, size) for o in outputs], 1)
        objectness, deltas = flat(0, 1)[..., 0], flat(1, 4)
        entropy, distance, number = 0.0, torch.zeros((), dtype=deltas.dtype), 0
        border = r.get("allowedBorder", math.inf)
        inside = ((anchors[:, :2] >= -border) & (anchors[:, 2:] < torch.tensor([width, height]) + border)).all(1)
        for i, (boxes, _) in enumerate(targets):
            assigned, near = matched(anchors, boxes, r["assign"]["positive"], r["assign"]["negative"], r["assign"]["least"], inside)
            positives, negatives = first(assigned, r["sample"]["count"], r["sample"]["share"])
            margin, number = min(margin, near), number + max(len(positives), 1) + max(len(negatives), 1)
            entropy = entropy + F.softplus(-objectness[i][positives]).sum() + F.softplus(objectness[i][negatives]).sum()
            if len(positives):
                wanted = encode(anchors[positives], boxes[assigned[positives]]).to(deltas.dtype)
                distance = distance + F.smooth_l1_loss(deltas[i][positives], wanted, reduction="sum", beta=r.get("beta", 0.0))
                self.kink = min(self.kink, (deltas[i][positives] - wanted).abs().min().item())
        return entropy / number, distance / number, number, margin

    def draw(self, proposals, targets, config, deviations):
        """mmdet's assigner and sampler of regions with the objects added: regions [R, 5], labels, deltas wanted, whether a region is
        an object itself, and the margin."""
        rois, labels, wanted, added, margin = [], [], [], [], 1.0
        scale = torch.tensor([deviations[0]] * 2 + [deviations[1]] * 2)
        for i, (boxes, classes_of) in enumerate(targets):
            every = torch.cat([boxes, proposals[i].float()])
            assigned, near = matched(proposals[i].float(), boxes, config["positive"], config["positive"], None)
            margin = min(margin, near)
            assigned = torch.cat([torch.arange(len(boxes)), assigned])
            positives, negatives = first(assigned, config["sample"]["count"], config["sample"]["share"])
            chosen = torch.cat([positives, negatives])
            rois.append(torch.cat([torch.full((len(chosen), 1), float(i)), every[chosen]], 1))
            label = torch.full((len(chosen),), self.config["classes"])
            label[: len(positives)] = classes_of[assigned[positives]]
            labels.append(label)
            target = torch.zeros(len(chosen), 4)
            if len(positives):
                target[: len(positives)] = encode(every[positives], boxes[assigned[positives]]) / scale
            wanted.append(target)
            added.append(chosen < len(boxes))
        return torch.cat(rois), torch.cat(labels), torch.cat(wanted), torch.cat(added), margin

    def detections(self, rois, scores, deltas, deviations, width, height, threshold, iou, maximum):
        """mmdet BBoxHead.get_bboxes of one picture; deltas [R, K, 4]."""
        margin = (scores - threshold).abs().min().item()
        pairs = (scores > threshold).nonzero()
        scale = torch.tensor([deviations[0]] * 2 + [deviations[1]] * 2, dtype=torch.double)
        boxes = decode(rois[pairs[:, 0], 1:], deltas[pairs[:, 0], pairs[:, 1]] * scale, width, height)
        values = scores[pairs[:, 0], pairs[:, 1]]
        kept = batched_nms(boxes, values, pairs[:, 1], iou)[:maximum]
        same = pairs[:, 1][:, None] == pairs[:, 1][None]
        margin = min(margin, (box_iou(boxes, boxes) - iou).abs()[same].nan_to_num(1).min().item())
        return boxes[kept], values[kept], pairs[:, 1][kept], margin


class FasterRcnn(Stages):
    def __init__(self, config: dict, initial=None) -> None:
        h = config["head"]
        super().__init__(config, box_head(config["neck"]["channels"], h, config["classes"], h["classAgnostic"]), initial)

    def loss(self, outputs, targets, width, height):
        c, head, self.kink = self.config, self.roi_head["bbox_head"], math.inf
        entropy, distance, number, margin = self.rpn_loss(outputs, targets, width, height)
        proposals, near = zip(*(self.proposals(outputs, i, width, height, c["proposals"]["training"]) for i in range(len(targets))))
        rois, labels, wanted, _, near2 = self.draw(proposals, targets, c["regions"], c["head"]["deviations"])
        logits, regressed, near3 = self.regions(rois.to(outputs[0][0].dtype), head)
        self.margin = min(margin, *near, near2, near3)
        positive = (labels < c["classes"]).nonzero()[:, 0]
        given = regressed[positive] if c["head"]["classAgnostic"] else regressed.view(len(rois), -1, 4)[positive, labels[positive]]
        difference = (given - wanted[positive].to(given.dtype)).abs()
        self.kink = min(self.kink, difference.min().item()) if len(positive) else self.kink
        self.drawn = (rois, labels, regressed)
        return {"objectness": entropy, "proposal": distance, "classification": F.cross_entropy(logits, labels, reduction="sum") / len(rois),
                "box": difference.sum() / len(rois)}, [number, len(rois)]

    def detect(self, outputs, i, width, height, **options):
        c, classes = self.config, self.config["classes"]
        proposals, margin = self.proposals(outputs, i, width, height, c["proposals"]["test"])
        rois = torch.cat([torch.full((len(proposals), 1), float(i), dtype=torch.double), proposals], 1)
        logits, regressed, near = self.regions(rois, self.roi_head["bbox_head"])
        deltas = regressed[:, None].expand(-1, classes, 4) if c["head"]["classAgnostic"] else regressed.view(-1, classes, 4)
        *found, near2 = self.detections(rois, logits.softmax(1)[:, :-1], deltas, c["head"]["deviations"], width, height, **options)
        return *found, min(margin, near, near2)


def reshaped(config):
    """A parameter, by its name, as our side has it: a head's matrices are filters of a region."""
    def reshape(name, x):
        side = config["head"]["bins"] if "shared_fcs.0" in name else 1
        return x.reshape(x.shape[0], -1, side, side) if name.startswith("roi_head") and x.dim() == 2 else x
    return reshape


def start(name: str, shape, bins: int) -> torch.Tensor:
    """A parameter's numbers: `initial`'s, but for the two heads' layers, so that boxes move and scores differ."""
    if ("rpn_head." in name or "roi_head." in name) and name.endswith("weight"):
        if len(shape) == 2:
            side = bins if "shared_fcs.0" in name else 1
            shape4 = (shape[0], shape[1] // side**2, side, side)
        else:
            shape4 = tuple(shape)
        o, i, h, w = shape4
        bound = (6 if "fc_cls" in name else 2) / math.sqrt(i * h * w)
        return tensor(name, (h, w, i, o), -bound, bound).permute(3, 2, 0, 1).reshape(shape)
    return initial(name, shape)
