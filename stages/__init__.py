"""The kinds of stages that a run can be made of."""

from pipeline.stage import Stage
from stages import (
    choose_assistant,
    classifier_kd,
    detector_kd,
    detector_pretrain,
    dfa_search,
    evaluate,
    evaluate_classifier,
    evaluate_detector,
    evaluate_video,
    generate,
    imported,
    invert,
    multi_target_kd,
    mutual_kd,
    progressive_kd,
    quantise,
    sample_frames,
    search_student,
    source_pretrain,
    track_people,
    video_kd,
)

_REID = (
    source_pretrain, dfa_search, search_student, invert, generate, progressive_kd, multi_target_kd, mutual_kd,
    choose_assistant, quantise, evaluate,
)  # fmt: skip
_DETECTION = (detector_pretrain, detector_kd, evaluate_detector)
_CLASSES = (classifier_kd, evaluate_classifier)
_VIDEO = (video_kd, evaluate_video)
_FOOTAGE = (imported, sample_frames, track_people)
STAGES: dict[str, Stage] = {
    module.STAGE.kind: module.STAGE for module in (*_REID, *_DETECTION, *_VIDEO, *_FOOTAGE, *_CLASSES)
}
