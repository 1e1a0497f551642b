"""Writes test/golden/evaluation.json: what pycocotools says about small random problems.

    python test/golden/evaluation.py

Needs numpy and pycocotools in the versions of test/golden/requirements.txt. The problems themselves are not stored:
test/coco/evaluation-problem.ts makes the same ones from the same integers.
"""
import contextlib
import io
import json
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

PROBLEMS = 60
CELLS = 40


class Hash:
    """Integers that Python and TypeScript agree on: a multiplicative generator, state below 2^31."""

    def __init__(self, seed: int) -> None:
        self.state = seed * 7919 + 1

    def below(self, n: int) -> int:
        self.state = self.state * 48271 % 2147483647
        return (self.state >> 8) % n


def problem(seed: int) -> tuple[dict, list]:
    """A ground truth and detections that are near its boxes. Coordinates are quarters, scores 0.0, 0.1 ... or 1/1024ths."""
    h = Hash(seed)
    images = 1 + h.below(8)
    categories = 1 + h.below(4)
    per_image = 1 + h.below(12)
    crowding = h.below(3)  # how often a region is a crowd
    reach = [40, 120, 400][h.below(3)]  # how large boxes get
    few_scores = h.below(2) == 0
    per_truth = [1, 3, 40][h.below(3)]
    first_id = h.below(3)  # 0: one annotation has the id 0
    truth = {
        "images": [{"id": 10 * (images - i), "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in range(images)],
        "categories": [{"id": 3 * (categories - k), "name": f"c{k}"} for k in range(categories)],
        "annotations": [],
    }
    detections = []
    score = lambda: h.below(11) / 10 if few_scores else h.below(1024) / 1024
    for i in range(images):
        image = 10 * (1 + i)
        if h.below(5) == 0:
            if h.below(2) == 0:
                detections.append({"image_id": image, "category_id": 3, "bbox": [1, 2, 30, 40], "score": score()})
            continue
        for _ in range(h.below(per_image) + 1):
            category = 3 * (1 + (0 if h.below(3) == 0 else h.below(categories)))
            box = [h.below(1600) / 4, h.below(1200) / 4, h.below(4 * reach) / 4, h.below(4 * reach) / 4]
            crowd = 1 if crowding > 0 and h.below(8 // crowding) == 0 else 0
            area = [32 * 32, 96 * 96][h.below(2)] if h.below(12) == 0 else box[2] * box[3] * (4 + h.below(5)) / 8
            if h.below(20) != 0:
                truth["annotations"].append({
                    "id": first_id + len(truth["annotations"]), "image_id": image, "category_id": category, "bbox": box, "area": area, "iscrowd": crowd,
                })
            for _ in range(h.below(per_truth + 1)):
                spread = 1 + h.below(24)
                near = [side + (h.below(2 * spread + 1) - spread) / 4 for side in box]
                label = 3 * (1 + h.below(categories)) if h.below(10) == 0 else category
                detections.append({"image_id": image, "category_id": label, "bbox": box if h.below(6) == 0 else near, "score": score()})
    return truth, detections


def evaluate(truth: dict, detections: list) -> tuple[COCOeval, str]:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        found = coco.loadRes(detections) if detections else COCO()
        evaluation = COCOeval(coco, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        evaluation.summarize()
    return evaluation, printed.getvalue().rstrip("\n")


def main() -> None:
    problems = []
    for seed in range(PROBLEMS):
        truth, detections = problem(seed)
        counts = [len(truth["annotations"]), len(detections)]
        evaluation, printed = evaluate(truth, detections)
        precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
        h = Hash(1000 + seed)
        cells = []
        for _ in range(CELLS):
            t, r, k, a = h.below(10), h.below(101), h.below(precision.shape[2]), h.below(4)
            cells.append([float(precision[t, r, k, a, 2]), float(recall[t, k, a, 2])])
        problems.append({"counts": counts, "stats": [float(x) for x in evaluation.stats], "summary": [line[-6:] for line in printed.split("\n")], "cells": cells})
    result = {
        "iouThresholds": np.linspace(0.5, 0.95, 10).tolist(),
        "recallThresholds": np.linspace(0, 1, 101).tolist(),
        "summary": evaluate(*problem(1))[1],
        "problems": problems,
    }
    Path(__file__).with_name("evaluation.json").write_text(json.dumps(result) + "\n")
    print(PROBLEMS, "problems;", max(p["counts"][1] for p in problems), "detections in the largest")


if __name__ == "__main__":
    main()
