"""The kinds of stages that a run can be made of."""

from pipeline.stage import Stage
from stages import (
    classifier_kd,
    detector_kd,
    detector_pretrain,
    dfa_search,
    evaluate,
    evaluate_classifier,
    evaluate_detector,
    multi_target_kd,
    progressive_kd,
    quantise,
    source_pretrain,
)

_REID = (source_pretrain, dfa_search, progressive_kd, multi_target_kd, quantise, evaluate)
_DETECTION = (detector_pretrain, detector_kd, evaluate_detector)
_CLASSES = (classifier_kd, evaluate_classifier)
STAGES: dict[str, Stage] = {module.STAGE.kind: module.STAGE for module in (*_REID, *_DETECTION, *_CLASSES)}
