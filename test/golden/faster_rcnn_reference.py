"""A plain PyTorch Faster R-CNN, and mmdet's sampling, proposals, targets, losses and detection written out, for faster_rcnn.py.

Parameters bear mmdet's names. A sampler takes the first that there are of either kind, so that both sides draw the same.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import batched_nms, box_iou, roi_align

from detection_reference import Backbone, Neck, base_anchors, decode, encode, initial, level_anchors, relu, tensor


def matched(boxes, gts, positive, negative, least):
    """mmdet MaxIoUAssigner: object index, -1 background, -2 ignored; `least` None: no low-quality matches. In float32."""
    assigned = torch.full((len(boxes),), -1)
    if len(gts) == 0:
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


class FasterRcnn(nn.Module):
    def __init__(self, config: dict) -> None:
        super().__init__()
        self.config = c = config
        b, h = c["backbone"], c["head"]
        expansion = 4 if b["block"] == "bottleneck" else 1
        self.backbone = Backbone(b)
        self.neck = Neck(c["neck"], [b["widths"][level - 2] * expansion for level in b["levels"]])
        self.strides = [2 ** (b["levels"][0] + i) for i in range(len(b["levels"]) + c["neck"]["extraLevels"])]
        anchors, inputs = len(c["anchors"]["ratios"]) * c["anchors"]["scalesPerOctave"], c["neck"]["channels"]
        self.rpn_head = nn.ModuleDict({
            "rpn_conv": nn.Conv2d(inputs, c["rpn"]["channels"], 3, 1, 1), "rpn_cls": nn.Conv2d(c["rpn"]["channels"], anchors, 1),
            "rpn_reg": nn.Conv2d(c["rpn"]["channels"], 4 * anchors, 1)})
        self.roi_head = nn.ModuleDict({"bbox_head": nn.ModuleDict({
            "shared_fcs": nn.ModuleList([nn.Linear(inputs * h["bins"] ** 2, h["channels"]), nn.Linear(h["channels"], h["channels"])]),
            "fc_cls": nn.Linear(h["channels"], c["classes"] + 1),
            "fc_reg": nn.Linear(h["channels"], 4 if h["classAgnostic"] else 4 * c["classes"])})})
        for name, parameter in self.named_parameters():
            parameter.data = start(name, parameter.shape, h["bins"])
        for name, buffer in self.named_buffers():
            if not name.endswith("num_batches_tracked"):
                buffer.data = start(name, buffer.shape, h["bins"])

    def forward(self, images):
        self.pyramid = self.neck(self.backbone(images))
        shared = [relu(self.rpn_head["rpn_conv"](level)) for level in self.pyramid]
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
            boxes.append(decode(anchors.double()[order], delta[order], width, height))
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

    def regions(self, rois):
        h = self.config["head"]
        side = ((rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])).sqrt()
        exact = (side / h["finestScale"] + 1e-6).log2()
        self.level_margin = (exact - exact.round()).abs().min().item()
        level = exact.floor().long().clamp(0, h["levels"] - 1)
        cut = torch.zeros(len(rois), self.pyramid[0].shape[1], h["bins"], h["bins"], dtype=rois.dtype)
        for l in range(h["levels"]):
            own = (level == l).nonzero()[:, 0]
            if len(own):
                cut = cut.index_copy(0, own, roi_align(self.pyramid[l], rois[own], h["bins"], 1 / self.strides[l], 0, aligned=True))
        head = self.roi_head["bbox_head"]
        x = relu(head["shared_fcs"][1](relu(head["shared_fcs"][0](cut.flatten(1)))))
        return head["fc_cls"](x), head["fc_reg"](x)

    def loss(self, outputs, targets, width, height):
        c, classes = self.config, self.config["classes"]
        anchors = torch.cat(self.anchors(outputs))
        n = outputs[0][0].shape[0]
        flat = lambda k, size: torch.cat([o[k].permute(0, 2, 3, 1).reshape(n, -1, size) for o in outputs], 1)
        objectness, deltas = flat(0, 1)[..., 0], flat(1, 4)
        entropy = distance = 0.0
        number, self.margin, rois, labels, wanted, own = 0, 1.0, [], [], [], []
        (of_centre, of_size), head = c["head"]["deviations"], c["head"]
        scale = torch.tensor([of_centre, of_centre, of_size, of_size])
        for i, (boxes, classes_of) in enumerate(targets):
            r = c["rpn"]
            assigned, margin = matched(anchors, boxes, r["assign"]["positive"], r["assign"]["negative"], r["assign"]["least"])
            positives, negatives = first(assigned, r["sample"]["count"], r["sample"]["share"])
            number += max(len(positives), 1) + max(len(negatives), 1)
            entropy = entropy + F.softplus(-objectness[i][positives]).sum() + F.softplus(objectness[i][negatives]).sum()
            if len(positives):
                distance = distance + (deltas[i][positives] - encode(anchors[positives], boxes[assigned[positives]]).double()).abs().sum()
            proposals, near = self.proposals(outputs, i, width, height, c["proposals"]["training"])
            all_boxes = torch.cat([boxes, proposals.float()])
            assigned, margin2 = matched(proposals.float(), boxes, c["regions"]["positive"], c["regions"]["positive"], None)
            self.margin = min(self.margin, margin, near, margin2)
            assigned = torch.cat([torch.arange(len(boxes)), assigned])
            positives, negatives = first(assigned, c["regions"]["sample"]["count"], c["regions"]["sample"]["share"])
            chosen = torch.cat([positives, negatives])
            rois.append(torch.cat([torch.full((len(chosen), 1), float(i)), all_boxes[chosen]], 1))
            label = torch.full((len(chosen),), classes)
            label[: len(positives)] = classes_of[assigned[positives]]
            labels.append(label)
            target = torch.zeros(len(chosen), 4)
            if len(positives):
                target[: len(positives)] = encode(all_boxes[positives], boxes[assigned[positives]]) / scale
            wanted.append(target)
        rois, labels, wanted = torch.cat(rois), torch.cat(labels), torch.cat(wanted)
        logits, regressed = self.regions(rois.double())
        self.margin = min(self.margin, self.level_margin)
        positive = (labels < classes).nonzero()[:, 0]
        given = regressed[positive] if head["classAgnostic"] else regressed.view(len(rois), classes, 4)[positive, labels[positive]]
        self.drawn = (rois, labels, regressed)
        return {"objectness": entropy / number, "proposal": distance / number,
                "classification": F.cross_entropy(logits, labels, reduction="sum") / len(rois),
                "box": (given - wanted[positive].double()).abs().sum() / len(rois)}, [number, len(rois)]

    def detect(self, outputs, i, width, height, threshold, iou, maximum):
        c = self.config
        proposals, margin = self.proposals(outputs, i, width, height, c["proposals"]["test"])
        rois = torch.cat([torch.full((len(proposals), 1), float(i), dtype=torch.double), proposals], 1)
        logits, regressed = self.regions(rois)
        margin = min(margin, self.level_margin)
        scores = logits.softmax(1)[:, :-1]
        margin = min(margin, (scores - threshold).abs().min().item())
        pairs = (scores > threshold).nonzero()
        (of_centre, of_size), classes = c["head"]["deviations"], c["classes"]
        scale = torch.tensor([of_centre, of_centre, of_size, of_size], dtype=torch.double)
        deltas = regressed[:, None].expand(-1, classes, 4) if c["head"]["classAgnostic"] else regressed.view(-1, classes, 4)
        boxes = decode(proposals[pairs[:, 0]], deltas[pairs[:, 0], pairs[:, 1]] * scale, width, height)
        values = scores[pairs[:, 0], pairs[:, 1]]
        kept = batched_nms(boxes, values, pairs[:, 1], iou)[:maximum]
        same = pairs[:, 1][:, None] == pairs[:, 1][None]
        margin = min(margin, (box_iou(boxes, boxes) - iou).abs()[same].nan_to_num(1).min().item())
        return boxes[kept], values[kept], pairs[:, 1][kept], margin


def start(name: str, shape, bins: int) -> torch.Tensor:
    """A parameter's numbers: `initial`'s, but for the two heads' layers, so that boxes move and scores differ."""
    if name.startswith(("rpn_head.", "roi_head.")) and name.endswith("weight"):
        if len(shape) == 2:
            side = bins if "shared_fcs.0" in name else 1
            shape4 = (shape[0], shape[1] // side**2, side, side)
        else:
            shape4 = tuple(shape)
        o, i, h, w = shape4
        bound = (6 if "fc_cls" in name else 2) / math.sqrt(i * h * w)
        return tensor(name, (h, w, i, o), -bound, bound).permute(3, 2, 0, 1).reshape(shape)
    return initial(name, shape)
