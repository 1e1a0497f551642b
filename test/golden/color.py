"""Golden answers for the colour distortion: mmdetection's order of brightness, contrast, saturation and hue on single pixels.

    python test/golden/color.py

Writes color.json: pixels (R, G, B, R, ...), changes, and for each change the values by Python's own colorsys, in float64, clipped to
0..255 after every part. Wants nothing beside Python.
"""
import colorsys
import json
import pathlib
import random

rng = random.Random(0)
CORNERS = [(r, g, b) for r in (0, 255) for g in (0, 255) for b in (0, 255)]
GREYS = [(v, v, v) for v in (1, 100, 254)]
PIXELS = CORNERS + GREYS + [tuple(rng.randrange(256) for _ in range(3)) for _ in range(150)]

clip = lambda values, most=255: [min(max(v, 0), most) for v in values]


def changed(pixel, brightness, contrast, contrastFirst, saturation, hue):
    values = clip([v + brightness for v in pixel])
    if contrastFirst:
        values = clip([v * contrast for v in values])
    if saturation != 1 or hue != 0:
        h, s, v = colorsys.rgb_to_hsv(*[value / 255 for value in values])
        values = [255 * c for c in colorsys.hsv_to_rgb((h + hue / 360) % 1, min(s * saturation, 1), v)]
    if not contrastFirst:
        values = clip([v * contrast for v in values])
    return [round(v, 4) for v in clip(values)]


none = {"brightness": 0, "contrast": 1, "contrastFirst": True, "saturation": 1, "hue": 0}
changes = [
    none,
    none | {"brightness": 20.25},
    none | {"brightness": -31.5, "contrast": 1.4},
    none | {"contrast": 0.55, "contrastFirst": False},
    none | {"saturation": 1.4519},
    none | {"saturation": 0.5371},
    none | {"hue": 17.5},
    none | {"hue": -18},
    {"brightness": 12.5, "contrast": 1.3, "contrastFirst": True, "saturation": 0.7013, "hue": 11},
    {"brightness": -25, "contrast": 0.8, "contrastFirst": False, "saturation": 1.5, "hue": -170},
]
answers = [{"change": change, "values": [v for pixel in PIXELS for v in changed(pixel, **change)]} for change in changes]
file = pathlib.Path(__file__).with_suffix(".json")
file.write_text(json.dumps({"pixels": [v for pixel in PIXELS for v in pixel], "answers": answers}, separators=(",", ":")) + "\n")
