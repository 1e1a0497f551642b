"""COCO box evaluation of made detections by pycocotools or faster-coco-eval: index, match, accumulate, summarise."""
import contextlib
import io

IMAGES, CATEGORIES, BOXES, DETECTIONS = 5000, 80, 36000, 300000


class Numbers:
    """The generator of test/golden/evaluation.py."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def below(self, n: int) -> int:
        self.state = self.state * 48271 % 2147483647
        return (self.state >> 8) % n


def problem():
    h = Numbers(20241)
    box = lambda: [h.below(2000) / 4, h.below(1500) / 4, 4 + h.below(800) / 4, 4 + h.below(600) / 4]
    annotations = []
    for i in range(BOXES):
        image, category, b, crowd = 1 + h.below(IMAGES), 1 + h.below(CATEGORIES), box(), int(h.below(80) == 0)
        annotations.append({"id": i + 1, "image_id": image, "category_id": category, "bbox": b, "area": b[2] * b[3] * 0.75, "iscrowd": crowd})
    detections = []
    for _ in range(DETECTIONS):
        truth = annotations[h.below(BOXES)]
        near = h.below(3) > 0
        b = [side + (h.below(65) - 32) / 4 for side in truth["bbox"]] if near else box()
        category = truth["category_id"] if h.below(4) > 0 else 1 + h.below(CATEGORIES)
        detections.append({"image_id": truth["image_id"], "category_id": category, "bbox": b, "score": h.below(8192) / 8192})
    truth = {"images": [{"id": i + 1, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in range(IMAGES)],
             "categories": [{"id": k + 1, "name": f"c{k}"} for k in range(CATEGORIES)], "annotations": annotations}
    return truth, detections


def prepare(name: str):
    if name == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval as Evaluation
    else:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as Evaluation
    truth, detections = problem()

    def run():
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO()
            coco.dataset = truth
            coco.createIndex()
            evaluation = Evaluation(coco, coco.loadRes([dict(d) for d in detections]), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        return evaluation.stats[:12]

    return run
