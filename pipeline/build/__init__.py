"""The only name → constructor tables; nothing that this package builds sees a configuration."""

from pipeline.build.classifier_terms import classifier_term_problems, classifier_terms, reads_target
from pipeline.build.data import class_data, data_digest, frame_data, frame_dataset, reid_data, reid_probe
from pipeline.build.models import detection_objectives, detector, model_spec, objectives, reid_model
from pipeline.build.runtime import device, embedding_folder, limit_threads, placed, precision, seed_everything
from pipeline.build.tables import COMPONENTS, DEFAULT_DOMAINS, DETECTION_OBJECTIVES, OBJECTIVES

__all__ = [
    "COMPONENTS", "DEFAULT_DOMAINS", "DETECTION_OBJECTIVES", "OBJECTIVES", "class_data", "classifier_term_problems",
    "classifier_terms", "data_digest", "detection_objectives", "detector", "device", "embedding_folder", "frame_data",
    "frame_dataset", "limit_threads", "model_spec", "objectives", "placed", "precision", "reads_target", "reid_data",
    "reid_model", "reid_probe", "seed_everything",
]  # fmt: skip
