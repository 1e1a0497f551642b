POINTS = 9
# y and x of the taps of a 3x3 window, which a deformable convolution adds to its offsets
TAPS = torch.tensor([[tap // 3 - 1, tap % 3 - 1] for tap in range(POINTS)], dtype=torch.float32).reshape(1, -1, 1, 1)


class Head(nn.Module):
    """RepPoints': class logits [N, K, H, W], points [N, 18, H, W] y1, x1, y2, ... in strides, and the same refined."""

    def __init__(self, config):
        super().__init__()
        channels = config["head"]["channels"]
        self.cls_convs, features = tower(config["head"], config["neck"]["channels"])
        self.reg_convs, _ = tower(config["head"], config["neck"]["channels"])
        self.reppoints_cls_conv = nn.Conv2d(features, channels, 3, bias=False)
        self.reppoints_cls_out = nn.Conv2d(channels, config["classes"], 1)
        self.reppoints_pts_init_conv = nn.Conv2d(features, channels, 3, padding=1)
        self.reppoints_pts_init_out = nn.Conv2d(channels, 2 * POINTS, 1)
        self.reppoints_pts_refine_conv = nn.Conv2d(features, channels, 3, bias=False)
        self.reppoints_pts_refine_out = nn.Conv2d(channels, 2 * POINTS, 1)
        self.moment_transfer = nn.Parameter(torch.zeros(2))

    def forward(self, x, level):
        of_classes, of_points = through(self.cls_convs, x), through(self.reg_convs, x)
        initial = self.reppoints_pts_init_out(F.relu(self.reppoints_pts_init_conv(of_points)))
        offsets = initial - TAPS.to(x.device)
        read = lambda conv, x: F.relu(operators().deform_conv2d(x, offsets, conv.weight, padding=1))
        logits = self.reppoints_cls_out(read(self.reppoints_cls_conv, of_classes))
        refined = initial + self.reppoints_pts_refine_out(read(self.reppoints_pts_refine_conv, of_points))
        return logits, initial, refined

    def boxes(self, points):
        """[n, 4] of points [n, 18]: their mean is the centre, their deviation gives the size."""
        x, y = points[:, 1::2], points[:, ::2]
        centre = torch.stack([x.mean(1), y.mean(1)], 1)
        half = torch.stack([x.std(1), y.std(1)], 1) * self.moment_transfer.exp()
        return torch.cat([centre - half, centre + half], 1)


def heads(config, levels):
    return {"bbox_head": Head(config)}


class Detector(Network):
    def candidates(self, outputs, limit):
        """Of each level the points of best score: boxes, scores and labels."""
        classes, found = self.config["classes"], []
        for (logits, _, refined), stride in zip(outputs, self.strides):
            width = logits.shape[3]
            scores = rows(logits, classes).sigmoid()
            cells = best_places(scores)
            points = torch.stack([cells % width, cells // width] * 2, 1) * stride
            boxes = self.bbox_head.boxes(rows(refined, 2 * POINTS)[cells]) * stride + points
            cell, label = (scores[cells] > SCORE_THRESHOLD).nonzero(as_tuple=True)
            found.append((boxes[cell], scores[cells][cell, label], label))
        return [torch.cat(parts) for parts in zip(*found)]
