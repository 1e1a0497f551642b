"""Golden answers for decoding, resizing and the input pipeline: what OpenCV reads and resizes, and what mmdet feeds a network.

    python test/golden/pictures.py

Writes pictures.json: small picture files (base64) with the RGB bytes cv2.imread gives; resized noise; and one picture through
mmdet's order (keep-ratio resize, flip, normalise, pad), in numpy. Wants opencv-python-headless 4.14, pillow 13, numpy 2.4.
"""
import base64
import io
import json
import pathlib

import cv2
import numpy as np
from PIL import Image

rng = np.random.default_rng(0)
encode = lambda data: base64.b64encode(bytes(data)).decode()

WIDTH, HEIGHT = 19, 13
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
smooth = np.stack([x * 12, y * 18, (x + y) * 7], -1).astype(np.uint8)
noise = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)


def pillow(array, format, mode=None, **options):
    image = Image.fromarray(array)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, format, **options)
    return buffer.getvalue()


def opencv(array):
    return cv2.imencode(".png", array)[1].tobytes()


def exif(orientation):
    tags = Image.Exif()
    tags[0x112] = orientation
    return tags


files = {
    "rgb.jpg": pillow(smooth, "JPEG", quality=90),
    "full-chroma.jpg": pillow(smooth, "JPEG", quality=95, subsampling=0),
    "progressive.jpg": pillow(smooth, "JPEG", progressive=True),
    "grey.jpg": pillow(smooth[..., 0], "JPEG"),
    "cmyk.jpg": pillow(noise[..., :3], "JPEG", "CMYK", quality=95),
    **{f"exif-{i}.jpg": pillow(smooth, "JPEG", exif=exif(i)) for i in (3, 6, 7)},
    "rgb.png": pillow(noise[..., :3], "PNG"),
    "alpha.png": pillow(noise, "PNG"),
    "grey.png": pillow(noise[..., 0], "PNG"),
    "grey-alpha.png": pillow(np.ascontiguousarray(noise[..., :2]), "PNG"),
    "palette.png": pillow(noise[..., :3], "PNG", "P"),
    "grey-16.png": opencv(rng.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)),
    "rgb-16.png": opencv(rng.integers(0, 65536, (HEIGHT, WIDTH, 3)).astype(np.uint16)),
    "alpha-16.png": opencv(rng.integers(0, 65536, (HEIGHT, WIDTH, 4)).astype(np.uint16)),
}
decoded = []
for name, data in files.items():
    rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    decoded.append({"name": name, "file": encode(data), "width": rgb.shape[1], "height": rgb.shape[0], "rgb": encode(rgb.tobytes())})

source = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
resized = []
for width, height in [(64, 48), (64, 60), (80, 48), (107, 80), (101, 33), (32, 24), (32, 25), (33, 24), (26, 19), (16, 12), (7, 5), (1, 1), (65, 49), (32, 48)]:
    picture = cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR)
    resized.append({"width": width, "height": height, "rgb": encode(picture.tobytes())})

# mmcv.rescale_size, imrescale, imflip; mmdet's DetDataPreprocessor: normalise in float32, pad with zeros.
def rescale_size(width, height, long, short):
    scale = min(long / max(width, height), short / min(width, height))
    return int(width * scale + 0.5), int(height * scale + 0.5)


sizes = [[w, h, long, short, *rescale_size(w, h, long, short)]
         for w, h in [(640, 480), (500, 375), (427, 640), (640, 427), (333, 500), (1280, 720), (101, 50)]
         for long, short in [(1333, 800), (1333, 640), (512, 300)]]
width, height = rescale_size(64, 48, 41, 40)
mean, std = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
flipped = cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR)[:, ::-1]
padded = np.zeros((-(-height // 32) * 32, -(-width // 32) * 32, 3), np.float32)
padded[:height, :width] = (flipped.astype(np.float32) - mean) / std
pipeline = {"long": 41, "short": 40, "width": padded.shape[1], "height": padded.shape[0], "input": encode(padded.tobytes())}

golden = {
    "versions": {"cv2": cv2.__version__, "numpy": np.__version__},
    "decoded": decoded,
    "source": {"width": 64, "height": 48, "rgb": encode(source.tobytes())},
    "resized": resized,
    "sizes": sizes,
    "pipeline": pipeline,
}
target = pathlib.Path(__file__).with_suffix(".json")
target.write_text(json.dumps(golden, indent=0) + "\n")
