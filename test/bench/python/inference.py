"""RetinaNet-R50 on one 512 x 512 picture with torchvision's NMS, as mmdet detects; the forward pass alone of R101 at 800 x 1344."""
import torch

from detector import DEVICE, LARGE, R50, R101, images, reference, retinanet

SIDE = 512


def prepare(name: str):
    return forward_pass() if name == "memory-forward" else detection()


def forward_pass():
    model = retinanet(R101).eval().to(DEVICE)
    x = images(LARGE).to(DEVICE)

    @torch.no_grad()
    def run():
        outputs = [model.bbox_head(level) for level in model.neck(model.backbone(x))]
        return [logits.abs().mean() for logits, _ in outputs]

    return run


def detection():
    model = retinanet(R50).eval()
    x = images((1, SIDE, SIDE))
    with torch.no_grad():
        model.bbox_head.retina_cls.bias.sub_(3.3)  # so that few pairs of anchor and class pass the threshold, as in a trained detector
        anchors = [level.to(DEVICE) for level in model.anchors(model.neck(model.backbone(x)))]
    model, x = model.to(DEVICE), x.to(DEVICE)

    @torch.no_grad()
    def run():
        outputs = [model.bbox_head(level) for level in model.neck(model.backbone(x))]
        levels = [(a, o[0][0].permute(1, 2, 0).reshape(-1, 80), o[1][0].permute(1, 2, 0).reshape(-1, 4)) for a, o in zip(anchors, outputs)]
        scores = detect(levels)
        return [len(scores), scores.sum()]

    return run


def detect(levels, threshold=0.05, per_level=1000, iou=0.5, maximum=100):
    boxes, scores, labels = [], [], []
    for anchors, logits, deltas in levels:
        score = logits.sigmoid()
        pairs = (score > threshold).nonzero()
        values, order = score[pairs[:, 0], pairs[:, 1]].topk(min(per_level, len(pairs)))
        pairs = pairs[order]
        boxes.append(reference.decode(anchors[pairs[:, 0]], deltas[pairs[:, 0]], SIDE, SIDE))
        scores.append(values)
        labels.append(pairs[:, 1])
    boxes, scores, labels = torch.cat(boxes), torch.cat(scores), torch.cat(labels)
    kept = reference.batched_nms(boxes, scores, labels, iou)[:maximum]
    return scores[kept]
