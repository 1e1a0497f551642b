class Head(nn.Module):
    """RetinaNet's: class logits [N, A * K, H, W] and box deltas [N, A * 4, H, W]."""

    def __init__(self, config, levels):
        super().__init__()
        anchors = config["anchors"]["scalesPerOctave"] * len(config["anchors"]["ratios"])
        self.cls_convs, channels = tower(config["head"], config["neck"]["channels"])
        self.reg_convs, _ = tower(config["head"], config["neck"]["channels"])
        self.retina_cls = nn.Conv2d(channels, anchors * config["classes"], 3, padding=1)
        self.retina_reg = nn.Conv2d(channels, anchors * 4, 3, padding=1)

    def forward(self, x, level):
        return self.retina_cls(through(self.cls_convs, x)), self.retina_reg(through(self.reg_convs, x))


def base_anchors(config, stride):
    """[A, 4] around the origin, ratio by ratio."""
    boxes = []
    for ratio in torch.tensor(config["ratios"], dtype=torch.float32):
        down = ratio.sqrt()
        for i in range(config["scalesPerOctave"]):
            scale = config["baseScale"] * 2 ** (i / config["scalesPerOctave"])
            if config.get("wholePixels"):
                half = [(side * math.floor(stride * scale) / 2).round() for side in (1 / down, down)]
            else:
                half = [side * stride * torch.tensor(scale, dtype=torch.float32) / 2 for side in (1 / down, down)]
            boxes.append(torch.stack([-half[0], -half[1], half[0], half[1]]))
    return torch.stack(boxes)


class Detector(Network):
    def anchors(self, outputs):
        """[H * W * A, 4] of each level."""
        config, sizes = self.config["anchors"], [logits.shape[2:] for logits, _ in outputs]
        whole = [side * self.strides[0] for side in sizes[0]]
        levels = []
        for (height, width), stride in zip(sizes, self.strides):
            steps = (whole[0] // height, whole[1] // width) if config.get("wholePixels") else (stride, stride)
            y, x = (torch.arange(count) * step for count, step in zip((height, width), steps))
            y, x = torch.meshgrid(y, x, indexing="ij")
            shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
            levels.append((base_anchors(config, stride) + shift).reshape(-1, 4).to(outputs[0][0].device))
        return levels

    def candidates(self, outputs):
        """Of each level the best pairs of anchor and class: boxes, scores and labels."""
        classes, found = self.config["classes"], []
        for (logits, deltas), anchors in zip(outputs, self.anchors(outputs)):
            scores = rows(logits, classes).sigmoid().flatten()
            scores, pairs = best(scores, PER_LEVEL)
            pairs, scores = pairs[scores > SCORE_THRESHOLD], scores[scores > SCORE_THRESHOLD]
            anchor = pairs // classes
            found.append((decode(anchors[anchor], rows(deltas, 4)[anchor]), scores, pairs % classes))
        return [torch.cat(parts) for parts in zip(*found)]
