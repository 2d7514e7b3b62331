"""One-stage instance segmentation: boxes without anchors, masks from prototypes."""

from suffice.nets.yolo.decode import Detections, decode_boxes, detect, suppress
from suffice.nets.yolo.network import Raw, Yolo, YoloShape

__all__ = ["Detections", "Raw", "Yolo", "YoloShape", "decode_boxes", "detect", "suppress"]
