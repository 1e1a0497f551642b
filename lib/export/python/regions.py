class RPN(nn.Module):
    """Proposes regions: objectness [N, A, H, W] before the sigmoid and box deltas [N, A * 4, H, W]."""

    def __init__(self, config):
        super().__init__()
        anchors = config["anchors"]["scalesPerOctave"] * len(config["anchors"]["ratios"])
        channels = config["rpn"]["channels"]
        self.rpn_conv = nn.Conv2d(config["neck"]["channels"], channels, 3, padding=1)
        self.rpn_cls = nn.Conv2d(channels, anchors, 1)
        self.rpn_reg = nn.Conv2d(channels, anchors * 4, 1)

    def forward(self, x):
        x = F.relu(self.rpn_conv(x))
        return self.rpn_cls(x), self.rpn_reg(x)


class RegionHead(nn.Module):
    """What it sees of regions [R, C, bins, bins]: logits [R, K + 1], the background last, and deltas [R, boxes * 4]."""

    def __init__(self, config, boxes):
        super().__init__()
        head = config["head"]
        first = nn.Linear(config["neck"]["channels"] * head["bins"] ** 2, head["channels"])
        self.shared_fcs = nn.ModuleList([first, nn.Linear(head["channels"], head["channels"])])
        self.fc_cls = nn.Linear(head["channels"], config["classes"] + 1)
        self.fc_reg = nn.Linear(head["channels"], 4 * boxes)

    def forward(self, x):
        x = x.flatten(1)
        for layer in self.shared_fcs:
            x = F.relu(layer(x))
        return self.fc_cls(x), self.fc_reg(x)


class RegionHeads(nn.Module):
    """One head, or those of a cascade."""

    def __init__(self, config):
        super().__init__()
        head, stages = config["head"], config.get("stages")
        self.deviations = [stage["deviations"] for stage in stages or [head]]
        if stages:
            self.bbox_head = nn.ModuleList([RegionHead(config, 1) for _ in stages])
        else:
            self.bbox_head = RegionHead(config, 1 if head["classAgnostic"] else config["classes"])

    def stages(self):
        return zip([self.bbox_head] if isinstance(self.bbox_head, RegionHead) else self.bbox_head, self.deviations)


def heads(config, levels):
    return {"rpn_head": RPN(config), "roi_head": RegionHeads(config)}


class Detector(Network):
    def forward(self, images):
        """The pyramid, and of each level what the first stage makes of it."""
        pyramid = self.neck(self.backbone(images))
        return pyramid, [self.rpn_head(x) for x in pyramid]

    def proposals(self, outputs, limit):
        """[R, 4], best first."""
        config, found = self.config["proposals"]["test"], []
        anchors = anchors_of(self.config["anchors"], [objectness for objectness, _ in outputs], self.strides)
        for level, ((objectness, deltas), own) in enumerate(zip(outputs, anchors)):
            scores, places = best(rows(objectness, 1).sigmoid().flatten(), config["perLevel"])
            boxes = clipped(decode(own[places], rows(deltas, 4)[places]), limit)
            solid = (boxes[:, 2:] > boxes[:, :2]).all(1)
            found.append((boxes[solid], scores[solid], torch.full_like(places[solid], level)))
        boxes, scores, levels = (torch.cat(parts) for parts in zip(*found))
        return boxes[suppress(boxes, scores, levels, config["iouThreshold"], config["maximum"])]

    def cut(self, pyramid, boxes):
        """[R, C, bins, bins] of boxes [R, 4], each from the level that its size asks for."""
        head = self.config["head"]
        bins, levels = head["bins"], head["levels"]
        options = {"sampling_ratio": head.get("samples", 0), "aligned": head.get("aligned", True)}
        side = (boxes[:, 2:] - boxes[:, :2]).prod(1).sqrt()
        level = (side / head["finestScale"] + 1e-6).log2().floor().clamp(0, levels - 1)
        regions = boxes.new_zeros(len(boxes), pyramid[0].shape[1], bins, bins)
        for i, (x, stride) in enumerate(zip(pyramid[:levels], self.strides)):
            own = level == i
            regions[own] = operators().roi_align(x, [boxes[own]], bins, 1 / stride, **options)
        return regions

    def candidates(self, outputs, limit):
        """Boxes of the last stage, scored by the mean of the stages' logits."""
        pyramid, rpn = outputs
        boxes, all_logits = self.proposals(rpn, limit), []
        for head, (of_centre, of_size) in self.roi_head.stages():
            logits, deltas = head(self.cut(pyramid, boxes))
            all_logits.append(logits)
            deltas = deltas.reshape(-1, 4) * deltas.new_tensor([of_centre, of_centre, of_size, of_size])
            count = len(deltas) // max(1, len(boxes))
            boxes = clipped(decode(boxes.repeat_interleave(count, 0), deltas), limit)
        scores = torch.stack(all_logits).mean(0).softmax(1)[:, :-1]
        region, label = (scores > SCORE_THRESHOLD).nonzero(as_tuple=True)
        boxes = boxes.reshape(len(scores), count, 4)
        return boxes[region, label if count > 1 else 0], scores[region, label], label
