class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return x * self.scale


class Head(nn.Module):
    """FCOS's: class logits [N, K, H, W], distances [N, 4, H, W], in pixels or strides, centerness [N, 1, H, W]."""

    def __init__(self, config, levels):
        super().__init__()
        head = config["head"]
        self.on_classes, self.exponent = head["centernessOn"] == "classification", head["distance"] == "exp"
        self.cls_convs, channels = tower(head, config["neck"]["channels"])
        self.reg_convs, _ = tower(head, config["neck"]["channels"])
        self.conv_cls = nn.Conv2d(channels, config["classes"], 3, padding=1)
        self.conv_reg = nn.Conv2d(channels, 4, 3, padding=1)
        self.conv_centerness = nn.Conv2d(channels, 1, 3, padding=1)
        self.scales = nn.ModuleList([Scale() for _ in range(levels if head.get("scales", True) else 0)])

    def forward(self, x, level):
        of_classes, of_boxes = through(self.cls_convs, x), through(self.reg_convs, x)
        distances = self.conv_reg(of_boxes)
        distances = self.scales[level](distances) if len(self.scales) > 0 else distances
        distances = distances.exp() if self.exponent else F.relu(distances)
        return self.conv_cls(of_classes), distances, self.conv_centerness(of_classes if self.on_classes else of_boxes)


def heads(config, levels):
    return {"bbox_head": Head(config, levels)}


class Detector(Network):
    def candidates(self, outputs, limit):
        """Of each level the points of best score times centerness: boxes, scores and labels."""
        classes, found = self.config["classes"], []
        in_strides = self.config["head"]["distance"] == "stride"
        corner = self.config.get("points") == "corner"
        for (logits, distances, centerness), stride in zip(outputs, self.strides):
            width = logits.shape[3]
            scores = rows(logits, classes).sigmoid()
            products = scores * rows(centerness, 1).sigmoid()
            cells = best_places(products)
            points = torch.stack([cells % width, cells // width], 1) * stride + (0 if corner else stride // 2)
            sides = rows(distances, 4)[cells] * (stride if in_strides else 1)
            boxes = torch.cat([points - sides[:, :2], points + sides[:, 2:]], 1)
            cell, label = (scores[cells] > SCORE_THRESHOLD).nonzero(as_tuple=True)
            found.append((boxes[cell], products[cells][cell, label], label))
        return [torch.cat(parts) for parts in zip(*found)]
