"""Golden answers for label maps: PNG files of classes by Pillow and OpenCV, and OpenCV's resizing that mixes no classes.

    python test/golden/label_maps.py

Writes label_maps.json: files in base64 with the numbers in them, row by row, and for several sizes what cv2.INTER_NEAREST makes of a map
whose pixel (y, x) has the label (31 * y + 7 * x) % 251. Wants test/golden/requirements.txt's numpy, Pillow and OpenCV.
"""
import base64
import io
import json
import pathlib

import cv2
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 9, 13
y, x = np.mgrid[:HEIGHT, :WIDTH]
encoded = lambda content: base64.b64encode(content).decode()


def file(name, pixels, content):
    return {"name": name, "height": HEIGHT, "width": WIDTH, "png": encoded(content), "labels": pixels.ravel().tolist()}


def by_pillow(name, pixels, mode, bits=8):
    image = Image.fromarray(pixels.astype(np.uint8), "P" if mode == "P" else "L")
    if mode == "P":  # colours that have nothing to do with the indices, as Pascal VOC's
        image.putpalette([(73 * i + 11 * c) % 256 for i in range(256) for c in range(3)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **({"bits": bits} if mode == "P" else {}))
    return file(name, pixels, buffer.getvalue())


def by_opencv(name, pixels, filter_):
    ok, content = cv2.imencode(".png", pixels.astype(np.uint8), [cv2.IMWRITE_PNG_FILTER, filter_])
    assert ok
    return file(name, pixels, content.tobytes())


smooth = (3 * y + 2 * x) % 20
rough = ((31 * x * x + 57 * y * y + 13 * x * y) >> 3) % 5 * 51  # neighbours often differ by the same, up and down
files = [by_pillow(f"palette, {bits} bits", smooth % 2**bits, "P", bits) for bits in (1, 2, 4, 8)]
files.append(by_pillow("palette with 255", np.where((x + y) % 4 == 0, 255, smooth), "P"))
files.append(by_pillow("grey", (31 * y + 7 * x) % 251, "L"))
for name in ("NONE", "SUB", "UP", "AVG", "PAETH"):
    files.append(by_opencv(f"grey, filter {name}", rough, getattr(cv2, f"IMWRITE_PNG_FILTER_{name}")))

resized = []
for (h, w), (height, width) in [((8, 8), (8, 8)), ((7, 10), (13, 9)), ((20, 30), (10, 15)), ((20, 30), (7, 11)), ((5, 6), (50, 61)), ((128, 128), (77, 201))]:
    rows, columns = np.mgrid[:h, :w]
    source = ((31 * rows + 7 * columns) % 251).astype(np.uint8)
    result = cv2.resize(source, (width, height), interpolation=cv2.INTER_NEAREST)
    resized.append({"from": [h, w], "to": [height, width], "labels": encoded(result.tobytes())})

path = pathlib.Path(__file__).with_name("label_maps.json")
path.write_text(json.dumps({"files": files, "resized": resized}, separators=(",", ":")) + "\n")
