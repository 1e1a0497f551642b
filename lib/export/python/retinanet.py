class Head(nn.Module):
    """RetinaNet's: class logits [N, A * K, H, W] and box deltas [N, A * 4, H, W]."""

    def __init__(self, config):
        super().__init__()
        anchors = config["anchors"]["scalesPerOctave"] * len(config["anchors"]["ratios"])
        self.cls_convs, channels = tower(config["head"], config["neck"]["channels"])
        self.reg_convs, _ = tower(config["head"], config["neck"]["channels"])
        self.retina_cls = nn.Conv2d(channels, anchors * config["classes"], 3, padding=1)
        self.retina_reg = nn.Conv2d(channels, anchors * 4, 3, padding=1)

    def forward(self, x, level):
        return self.retina_cls(through(self.cls_convs, x)), self.retina_reg(through(self.reg_convs, x))


def heads(config, levels):
    return {"bbox_head": Head(config)}


class Detector(Network):
    def candidates(self, outputs, limit):
        """Of each level the best pairs of anchor and class: boxes, scores and labels."""
        classes, found = self.config["classes"], []
        anchors = anchors_of(self.config["anchors"], [logits for logits, _ in outputs], self.strides)
        for (logits, deltas), own in zip(outputs, anchors):
            scores = rows(logits, classes).sigmoid().flatten()
            scores, pairs = best(scores, PER_LEVEL)
            pairs, scores = pairs[scores > SCORE_THRESHOLD], scores[scores > SCORE_THRESHOLD]
            anchor = pairs // classes
            found.append((decode(own[anchor], rows(deltas, 4)[anchor]), scores, pairs % classes))
        return [torch.cat(parts) for parts in zip(*found)]
