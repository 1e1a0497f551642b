"""Writes test/golden/coco_inputs.json: hashes of what mmdet feeds a network of real COCO pictures.

    python test/golden/coco_inputs.py ../shared/data/coco128

The first pictures of coco128, through OpenCV's decoder and bilinear resize by mmcv's rule of 1333x800, normalised in
float32 and padded with zeros to multiples of 32. Of each: id, width and height of picture, resized and padded input, and the SHA-256 of
the input's [H, W, 3] float32 bytes. Needs opencv-python-headless and numpy as in requirements.txt.
"""
import hashlib
import json
import sys
from pathlib import Path

import cv2
import numpy as np

COUNT = 8
MEAN, STD = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
folder = Path(sys.argv[1])
images = json.loads((folder / "annotations" / "instances_val2017.json").read_text())["images"][:COUNT]
answers = []
for image in images:
    rgb = cv2.imread(str(folder / "val2017" / image["file_name"]), cv2.IMREAD_COLOR)[..., ::-1]
    height, width = rgb.shape[:2]
    scale = min(1333 / max(width, height), 800 / min(width, height))
    size = int(width * scale + 0.5), int(height * scale + 0.5)
    resized = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)
    padded = np.zeros((-(-size[1] // 32) * 32, -(-size[0] // 32) * 32, 3), np.float32)
    padded[:size[1], :size[0]] = (resized.astype(np.float32) - MEAN) / STD
    answers.append({"id": image["id"], "picture": [width, height], "resized": size, "padded": padded.shape[1::-1],
                    "sha256": hashlib.sha256(padded.tobytes()).hexdigest()})
Path(__file__).with_suffix(".json").write_text(json.dumps(answers, indent=1) + "\n")
