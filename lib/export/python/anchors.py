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


def anchors_of(config, maps, strides):
    """[H * W * A, 4] of each level, whose maps are [N, C, H, W]."""
    sizes = [x.shape[2:] for x in maps]
    whole = [side * strides[0] for side in sizes[0]]
    levels = []
    for (height, width), stride in zip(sizes, strides):
        steps = (whole[0] // height, whole[1] // width) if config.get("wholePixels") else (stride, stride)
        y, x = (torch.arange(count) * step for count, step in zip((height, width), steps))
        y, x = torch.meshgrid(y, x, indexing="ij")
        shift = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
        levels.append((base_anchors(config, stride) + shift).reshape(-1, 4).to(maps[0].device))
    return levels


def decode(anchors, deltas):
    """Boxes that the deltas [n, 4] mean at the anchors [n, 4]."""
    size = anchors[:, 2:] - anchors[:, :2]
    centre = (anchors[:, 2:] + anchors[:, :2]) / 2 + size * deltas[:, :2]
    half = size * deltas[:, 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp() / 2
    return torch.cat([centre - half, centre + half], 1)
