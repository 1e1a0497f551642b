"""Golden answers for the 15 corruptions of COCO-C: what the package imagecorruptions makes of two small pictures.

    python test/golden/corruptions.py

Writes corruptions.json. The package draws from numpy.random; `values` come from it with those functions replaced by lib/core/random.ts
(the same generator, written again below), so that both sides draw the same numbers and can be compared value for value: every STRIDE-th
byte, and the mean of all. `statistics` come from it as it is, over SEEDS seeds: mean and deviation over the seeds of moments, quantiles
and autocorrelations. The frost pictures are small ones made here. The package is of 2020: what NumPy, SciPy and scikit-image have
renamed since is given back its old name; nothing of its code is changed.
"""
import base64
import json
import math
import pathlib
import sys
import tempfile
import types

import cv2
import numpy as np
import scipy.ndimage
import skimage
import skimage.filters

# Old names that imagecorruptions 1.1.2 asks for.
np.float_ = np.float64
sys.modules["scipy.ndimage.interpolation"] = types.SimpleNamespace(map_coordinates=scipy.ndimage.map_coordinates)
gaussian = skimage.filters.gaussian
skimage.filters.gaussian = lambda image, sigma, multichannel=False, **options: gaussian(image, sigma=sigma, channel_axis=-1 if multichannel else None, **options)
from imagecorruptions import corrupt, corruptions, get_corruption_names  # noqa: E402

STRIDE, SEEDS = 17, 24
encode = lambda data: base64.b64encode(bytes(data)).decode()


class Random:
    """lib/core/random.ts."""

    def __init__(self, seed):
        self.a, self.b, self.c = (self.hash(prefix + str(seed)) for prefix in "abc")
        self.counter, self.spare = 1, None
        for _ in range(15):
            self.next()

    @staticmethod
    def hash(text):
        h = 0x811C9DC5
        for letter in text:
            h = ((h ^ ord(letter)) * 0x01000193) & 0xFFFFFFFF
        return h

    def next(self):
        t = (self.a + self.b + self.counter) & 0xFFFFFFFF
        self.counter = (self.counter + 1) & 0xFFFFFFFF
        self.a = self.b ^ (self.b >> 9)
        self.b = (self.c + (self.c << 3)) & 0xFFFFFFFF
        self.c = (((self.c << 21) | (self.c >> 11)) + t) & 0xFFFFFFFF
        return t / 4294967296

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius, angle = math.sqrt(-2 * math.log(1 - self.next())), 2 * math.pi * self.next()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def poisson(self, mean):
        """The smallest count whose cumulative probability is above a uniform number."""
        rest, count, probability = self.next(), 0, math.exp(-mean)
        while rest >= probability:
            rest -= probability
            count += 1
            probability *= mean / count
        return count


class SharedNumbers:
    """numpy.random as far as imagecorruptions uses it, drawing from Random in the order of the array's memory."""

    def __init__(self, seed):
        self.source = Random(seed)

    def array(self, shape, draw):
        return draw() if shape is None else np.array([draw() for _ in range(int(np.prod(shape)))]).reshape(shape)

    def uniform(self, low, high, size=None):
        return self.array(size, lambda: low + (high - low) * self.source.next())

    def normal(self, loc=0, scale=1, size=None):
        return self.array(size, lambda: loc + scale * self.source.normal())

    def randint(self, low, high=None, size=None):
        low, high = (0, low) if high is None else (low, high)
        return self.array(size, lambda: low + math.floor(self.source.next() * (high - low)))

    def poisson(self, means):
        return np.array([self.source.poisson(mean) for mean in means.ravel()]).reshape(means.shape)

    def random(self, shape):
        return self.array(shape, self.source.next)

    def default_rng(self, _):
        return self


def picture(width, height, seed):
    """Slopes, a disc, a bar and some noise; black and white among its colours."""
    y, x = np.mgrid[0:height, 0:width]
    slopes = np.stack([x * 255 / (width - 1), y * 255 / (height - 1), 128 + 100 * np.sin(x / 5) * np.cos(y / 4)], -1)
    slopes[(x - width * 0.4) ** 2 + (y - height * 0.5) ** 2 < (height * 0.3) ** 2] = [230, 40, 10]
    slopes[:, int(width * 0.7):int(width * 0.8)] = [255, 255, 255]
    slopes[int(height * 0.8):int(height * 0.9)] = [0, 0, 0]
    return np.clip(slopes + np.random.default_rng(seed).normal(0, 6, slopes.shape), 0, 255).astype(np.uint8)


def statistics(output, clean):
    change = output.astype(np.float64) - clean
    along = lambda a, b: float(np.mean(a * b) / max(np.mean(change**2), 1e-9))
    quantiles = np.quantile(output, [0.1, 0.5, 0.9])
    return [output.mean(), output.std(), change.std(), *quantiles, along(change[:, 1:], change[:, :-1]), along(change[1:], change[:-1])]


pictures = {"even": picture(48, 40, 1), "odd": picture(67, 45, 2)}
frost = [np.random.default_rng(i).integers(60, 200, (h, w, 3), dtype=np.uint8) for i, (h, w) in enumerate([(60, 80), (30, 100), (70, 30), (25, 28), (41, 50)])]
folder = tempfile.TemporaryDirectory()
for i, one in enumerate(frost):
    cv2.imwrite(f"{folder.name}/frost{i + 1}.png", cv2.GaussianBlur(one, (3, 3), 0))
corruptions.resource_filename = lambda _, name: f"{folder.name}/frost{pathlib.Path(name).stem[-1]}.png"

names, library = get_corruption_names(), np.random
values = {}
for name in names:
    for key, clean in pictures.items():
        for severity in range(1, 6):
            shared = SharedNumbers(f"{name}-{severity}")
            np.random = types.SimpleNamespace(**{n: getattr(shared, n) for n in ("uniform", "normal", "randint", "poisson", "default_rng")}, Generator=library.Generator)
            output = corrupt(clean.copy(), severity, name)
            values[f"{name}-{severity}-{key}"] = {"mean": round(float(output.mean()), 4), "samples": encode(output.ravel()[::STRIDE])}
np.random = library

spread = {}
for name in ["gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow", "frost", "fog", "elastic_transform"]:
    for severity in range(1, 6):
        runs = []
        for seed in range(SEEDS):
            np.random.seed(seed)
            if name == "impulse_noise":  # its generator is another one
                corruptions.sk.util.random_noise.__globals__["np"].random.default_rng = lambda _, seed=seed: library.Generator(library.PCG64(seed))
            runs.append(statistics(corrupt(pictures["odd"].copy(), severity, name), pictures["odd"]))
        rounded = lambda numbers: [float(f"{v:.5g}") for v in numbers]
        spread[f"{name}-{severity}"] = {"mean": rounded(np.mean(runs, 0)), "deviation": rounded(np.std(runs, 0, ddof=1))}

golden = {
    "versions": {module.__name__: module.__version__ for module in (np, cv2, scipy, skimage)},
    "names": names,
    "stride": STRIDE,
    "seeds": SEEDS,
    "pictures": {key: {"width": p.shape[1], "height": p.shape[0], "rgb": encode(p.tobytes())} for key, p in pictures.items()},
    "frost": {f"frost{i + 1}.png": encode(pathlib.Path(f"{folder.name}/frost{i + 1}.png").read_bytes()) for i in range(5)},
    "values": values,
    "statistics": spread,
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=0) + "\n")
