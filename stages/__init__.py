"""The kinds of stages that a run can be made of."""

from pipeline.stage import Stage
from stages import detector_kd, detector_pretrain, evaluate, evaluate_detector, progressive_kd, source_pretrain

_MODULES = (source_pretrain, progressive_kd, evaluate, detector_pretrain, detector_kd, evaluate_detector)
STAGES: dict[str, Stage] = {module.STAGE.kind: module.STAGE for module in _MODULES}
