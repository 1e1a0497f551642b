"""A plain PyTorch Cascade R-CNN (boxes only), and mmdet's CascadeRoIHead written out, for cascade_rcnn.py."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from detection_reference import decode
from faster_rcnn_reference import Stages, box_head


class CascadeRcnn(Stages):
    def __init__(self, config: dict, initial=None) -> None:
        heads = [box_head(config["neck"]["channels"], config["head"], config["classes"], True) for _ in config["stages"]]
        super().__init__(config, nn.ModuleList(heads), initial)

    def loss(self, outputs, targets, width, height):
        """mmdet CascadeRoIHead.forward_train: losses, what they are divided by, and `drawn`, the regions of every stage."""
        c, self.kink = self.config, math.inf
        entropy, distance, number, margin = self.rpn_loss(outputs, targets, width, height)
        losses, numbers, self.drawn = {"objectness": entropy, "proposal": distance}, [number, number], []
        proposals, near = zip(*(self.proposals(outputs, i, width, height, c["proposals"]["training"]) for i in range(len(targets))))
        margins = [margin, *near]
        for k, stage in enumerate(c["stages"]):
            rois, labels, wanted, added, near = self.draw(proposals, targets, stage["regions"], stage["deviations"])
            logits, regressed, near2 = self.regions(rois.to(outputs[0][0].dtype), self.roi_head["bbox_head"][k])
            margins += [near, near2]
            positive = labels < c["classes"]
            entropy = F.cross_entropy(logits, labels, reduction="sum") / len(rois)
            distance = F.smooth_l1_loss(regressed[positive], wanted[positive].to(regressed.dtype), reduction="sum", beta=c["head"]["beta"]) / len(rois)
            losses |= {f"classification{k + 1}": stage["weight"] * entropy, f"box{k + 1}": stage["weight"] * distance}
            numbers += [len(rois)] * 2
            self.drawn.append((rois, labels, regressed))
            moved = self.moved(rois, regressed, stage["deviations"], width, height)
            proposals = [moved[(rois[:, 0] == i) & ~added, 1:] for i in range(len(targets))]
        self.margin = min(margins)
        return losses, numbers

    def moved(self, rois, deltas, deviations, width, height):
        """mmdet BBoxHead.regress_by_class, class-agnostic."""
        scale = torch.tensor([deviations[0]] * 2 + [deviations[1]] * 2, dtype=deltas.dtype)
        return torch.cat([rois[:, :1].to(deltas.dtype), decode(rois[:, 1:].to(deltas.dtype), deltas.detach() * scale, width, height)], 1)

    def detect(self, outputs, i, width, height, **options):
        """mmdet CascadeRoIHead.simple_test of picture i: the mean of all stages' logits on the boxes of the last."""
        c = self.config
        proposals, margin = self.proposals(outputs, i, width, height, c["proposals"]["test"])
        rois = torch.cat([torch.full((len(proposals), 1), float(i), dtype=torch.double), proposals], 1)
        total = 0.0
        for k, stage in enumerate(c["stages"]):
            rois = rois if k == 0 else self.moved(rois, regressed, c["stages"][k - 1]["deviations"], width, height)
            logits, regressed, near = self.regions(rois, self.roi_head["bbox_head"][k])
            total, margin = total + logits, min(margin, near)
        scores = (total / len(c["stages"])).softmax(1)[:, :-1]
        deltas = regressed[:, None].expand(-1, c["classes"], 4)
        *found, near = self.detections(rois, scores, deltas, c["stages"][-1]["deviations"], width, height, **options)
        return *found, min(margin, near)
