"""The only name → constructor tables; nothing that this package builds sees a configuration."""

from pipeline.build.classifier_terms import classifier_term_problems, classifier_terms, reads_target
from pipeline.build.data import (
    class_data,
    clip_dataset,
    data_digest,
    footage_data,
    frame_data,
    frame_dataset,
    only_data,
    reid_data,
    reid_probe,
)
from pipeline.build.models import clip_model, detection_objectives, detector, model_spec, objectives, reid_model
from pipeline.build.runtime import device, embedding_folder, limit_threads, placed, precision, seed_everything
from pipeline.build.tables import COMPONENTS, DEFAULT_DOMAINS, DETECTION_OBJECTIVES, OBJECTIVES

__all__ = [
    "COMPONENTS", "DEFAULT_DOMAINS", "DETECTION_OBJECTIVES", "OBJECTIVES", "class_data", "classifier_term_problems",
    "classifier_terms", "clip_dataset", "clip_model", "data_digest", "detection_objectives", "detector", "device",
    "embedding_folder", "footage_data", "frame_data", "frame_dataset", "limit_threads", "model_spec", "objectives",
    "only_data", "placed", "precision", "reads_target", "reid_data", "reid_model", "reid_probe", "seed_everything",
]  # fmt: skip
