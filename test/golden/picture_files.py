"""Golden answers for picture files that sharp does not read: BMP in all its kinds, written here byte by byte, and JPEG 2000;
and for GIF, WebP and AVIF, which it does.

    python test/golden/picture_files.py

Writes picture_files.json: the files (base64) with the RGB bytes cv2.imread gives. Wants opencv-python-headless 4.14, pillow 13,
numpy 2.4.
"""
import base64
import io
import json
import pathlib
import struct

import cv2
import numpy as np
from PIL import Image

rng = np.random.default_rng(3)
WIDTH, HEIGHT = 19, 13
encode = lambda data: base64.b64encode(bytes(data)).decode()
noise = lambda *shape: rng.integers(0, 256, shape, dtype=np.uint8)
rows = lambda length: [noise(length).tobytes() for _ in range(HEIGHT)]
palette = lambda colours, entry=4: noise(colours, entry).tobytes()
masks = lambda *channels: struct.pack(f"<{len(channels)}I", *channels)

RGB, RLE8, RLE4, FIELDS = range(4)
BGR24, ALPHA = (0xFF0000, 0xFF00, 0xFF), 0xFF000000


def bmp(pixels, bits, compression=RGB, after=b"", height=HEIGHT, header=40, colours=0):
    """`after`: masks, palette and gap before the pixels; headers longer than 40 bytes take the masks in."""
    if header == 12:
        info = struct.pack("<IHhHH", header, WIDTH, height, 1, bits) + after
    else:
        info = struct.pack("<IiiHHIIiiII", header, WIDTH, height, 1, bits, compression, 0, 2835, 2835, colours, 0)
        info += after if header == 40 else after.ljust(header - 40, b"\0")
    if isinstance(pixels, list):
        pixels = b"".join(row + b"\0" * (-len(row) % 4) for row in pixels)
    start = 14 + len(info)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + info + pixels


def runs(bits, jumps):
    """Run-length encoded rows; with `jumps` also a jump over pixels, a row and a picture that end early (cv2: 8 bits only)."""
    out = b""
    for y in range(HEIGHT):
        x = 0
        if jumps and y == 3:
            out += bytes([0, 2, 4, 1])
            x = 4
        if jumps and y == 4:
            continue
        while x < WIDTH:
            length = min(int(rng.integers(1, 9)), WIDTH - x)
            if length >= 3 and rng.random() < 0.5:
                literal = noise(length if bits == 8 else (length + 1) // 2).tobytes()
                out += bytes([0, length]) + literal + b"\0" * (len(literal) % 2)
            else:
                out += bytes([length, int(rng.integers(0, 256))])
            x += length
            if jumps and y == 7 and x > 9:
                break
        out += b"\0\0"
        if jumps and y == 10:
            break
    return out + b"\0\1"


def pillow(array, format, **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, **options)
    return buffer.getvalue()


y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
smooth = np.stack([x * 12, y * 18, (x + y) * 7], -1).astype(np.uint8)
wide = np.stack([rng.normal(128, 40, (70, 90)).cumsum(1) % 256] * 3, -1).astype(np.uint8)
frames = [Image.fromarray(noise(HEIGHT, WIDTH, 3)) for _ in range(3)]

files = {
    "1.bmp": bmp(rows(3), 1, after=palette(2)),
    "4.bmp": bmp(rows(10), 4, after=palette(16)),
    "8.bmp": bmp(rows(WIDTH), 8, after=palette(256)),
    "8-few-colours.bmp": bmp([bytes(value % 20 for value in row) for row in rows(WIDTH)], 8, after=palette(10), colours=10),
    "8-gap.bmp": bmp(rows(WIDTH), 8, after=palette(256) + b"\xff" * 10),
    "8-top-down.bmp": bmp(rows(WIDTH), 8, after=palette(256), height=-HEIGHT),
    "8-rle.bmp": bmp(runs(8, False), 8, RLE8, palette(256)),
    "8-rle-jumps.bmp": bmp(runs(8, True), 8, RLE8, palette(256)),
    "4-rle.bmp": bmp(runs(4, False), 4, RLE4, palette(16)),
    "16.bmp": bmp(rows(2 * WIDTH), 16),
    "16-555.bmp": bmp(rows(2 * WIDTH), 16, FIELDS, masks(0x7C00, 0x3E0, 0x1F)),
    "16-565.bmp": bmp(rows(2 * WIDTH), 16, FIELDS, masks(0xF800, 0x7E0, 0x1F)),
    "24.bmp": bmp(rows(3 * WIDTH), 24),
    "24-top-down.bmp": bmp(rows(3 * WIDTH), 24, height=-HEIGHT),
    "24-v5.bmp": bmp(rows(3 * WIDTH), 24, header=124),
    "24-os2.bmp": bmp(rows(3 * WIDTH), 24, header=12),
    "8-os2.bmp": bmp(rows(WIDTH), 8, header=12, after=palette(256, 3)),
    "32.bmp": bmp(rows(4 * WIDTH), 32),
    "32-fields.bmp": bmp(rows(4 * WIDTH), 32, FIELDS, masks(*BGR24)),
    "32-v4.bmp": bmp(rows(4 * WIDTH), 32, FIELDS, masks(*BGR24, ALPHA), header=108),
    "32-v4-rgb.bmp": bmp(rows(4 * WIDTH), 32, FIELDS, masks(0xFF, 0xFF00, 0xFF0000, ALPHA), header=108),
    "32-v5-high.bmp": bmp(rows(4 * WIDTH), 32, FIELDS, masks(0xFF000000, 0xFF0000, 0xFF00, 0xFF), header=124),
    "32-v4-ten.bmp": bmp(rows(4 * WIDTH), 32, FIELDS, masks(0x3FF00000, 0xFFC00, 0x3FF, 0), header=108),
    "32-v4-five.bmp": bmp(rows(4 * WIDTH), 32, FIELDS, masks(0x7C00, 0x3E0, 0x1F, 0), header=108),
    "grey.jp2": pillow(noise(HEIGHT, WIDTH), "JPEG2000"),
    "rgb.jp2": pillow(noise(HEIGHT, WIDTH, 3), "JPEG2000"),
    "alpha.jp2": pillow(noise(HEIGHT, WIDTH, 4), "JPEG2000"),
    "grey-16.jp2": pillow(rng.integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16), "JPEG2000"),
    "lossy.jp2": pillow(smooth, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[10]),
    "lossy-tiles.jp2": pillow(
        wide, "JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[40], tile_size=(64, 64)
    ),
    "codestream.jp2": pillow(smooth, "JPEG2000", no_jp2=True),
    "animated.gif": pillow(np.asarray(frames[0]), "GIF", save_all=True, append_images=frames[1:]),
    "animated.webp": pillow(np.asarray(frames[0]), "WEBP", save_all=True, append_images=frames[1:], lossless=True),
}
for depth in (8, 16):  # OpenCV writes three and four channels of 16 bits, of pictures large enough for its six resolutions
    for channels in (3, 4):
        picture = rng.integers(0, 2**depth, (33, 32, channels)).astype(np.uint8 if depth == 8 else np.uint16)
        files[f"opencv-{channels}x{depth}.jp2"] = cv2.imencode(".jp2", picture)[1].tobytes()

decoded = []
for name, data in files.items():
    rgb = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    decoded.append({"name": name, "file": encode(data), "width": rgb.shape[1], "height": rgb.shape[0], "rgb": encode(rgb.tobytes())})
golden = {"versions": {"cv2": cv2.__version__, "numpy": np.__version__}, "decoded": decoded}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=0) + "\n")
