"""Writes test/golden/padding.json: which positions of each pyramid level a picture has in a batch of larger ones.

    python test/golden/padding.py

mmdetection's rule written out: its Pad brings every picture to multiples of 32 (the `pad_shape`), its collate brings the
batch to the largest of them, and AnchorGenerator.valid_flags, which MlvlPointGenerator.valid_flags repeats for points,
keeps what begins inside a picture's own pad_shape.
"""
import json
from pathlib import Path

import numpy as np
import torch

PICTURES = [(160, 128), (97, 65), (33, 128), (64, 32), (1, 1)]  # width, height
STRIDES = [4, 8, 16, 32, 64, 128]


def pad_shape(width: int, height: int, divisor: int = 32):
    """mmcv.impad_to_multiple."""
    return int(np.ceil(height / divisor)) * divisor, int(np.ceil(width / divisor)) * divisor


def single_level_valid_flags(featmap_size, valid_size) -> torch.Tensor:
    feat_h, feat_w = featmap_size
    valid_h, valid_w = valid_size
    assert valid_h <= feat_h and valid_w <= feat_w
    valid_x = torch.zeros(feat_w, dtype=torch.bool)
    valid_y = torch.zeros(feat_h, dtype=torch.bool)
    valid_x[:valid_w] = 1
    valid_y[:valid_h] = 1
    return valid_x.repeat(feat_h) & valid_y.view(-1, 1).repeat(1, feat_w).view(-1)


def valid_flags(stride: int, featmap_size, padded) -> torch.Tensor:
    (feat_h, feat_w), (h, w) = featmap_size, padded
    return single_level_valid_flags(featmap_size, (min(int(np.ceil(h / stride)), feat_h), min(int(np.ceil(w / stride)), feat_w)))


shapes = [pad_shape(*picture) for picture in PICTURES]
height, width = (max(sides) for sides in zip(*shapes))
flags = {}
for stride in STRIDES:
    size = (int(np.ceil(height / stride)), int(np.ceil(width / stride)))
    flags[stride] = ["".join(str(int(flag)) for flag in valid_flags(stride, size, shape)) for shape in shapes]
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"input": [height, width], "pictures": PICTURES, "flags": flags}, separators=(",", ":")) + "\n")
print(f"{path.name}: {path.stat().st_size // 1024} kB", {stride: [own.count("1") for own in each] for stride, each in flags.items()})
