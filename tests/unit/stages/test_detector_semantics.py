"""An evaluation of detectors says by which rules it counted, and the report shows it."""

import numpy as np
import pytest

from pipeline.metrics.detection.subsets import find_subset
from pipeline.metrics.ranking import rank_queries
from pipeline.report.html import write_report
from stages.evaluate_detector import EvaluateDetectorConfig, _semantics
from tests.unit.report.make_detection_run import make_detection_run
from tests.unit.report.make_run import edit_json, make_run
from tests.unit.report.test_html import read


def make_semantics(**settings):
    where = {"kind": "evaluate_detector", "data": {"target": "test"}, "models": {"student_direct": "alone.best"}}
    config = EvaluateDetectorConfig(**where, **settings)
    return _semantics(config, find_subset(config.subset))


@pytest.mark.parametrize(
    ("settings", "rule", "words"),
    [
        ({}, "subset", "all: height [20, inf) px, visible share [0.2, inf)"),
        ({"subset": "heavy"}, "subset", "heavy_citypersons: height [50, inf) px, visible share [0.2, 0.65]"),
        ({}, "detections", "at least 0.01; of two boxes with an IoU above 0.5 the weaker goes; at most 300 a frame"),
        (
            {"score_threshold": 0.2, "nms": 0.6, "max_detections": 7},
            "detections",
            "above 0.6 the weaker goes; at most 7",
        ),
        ({}, "matching", "largest IoU, 0.5 or more"),
        ({}, "average_precision", "whatever the subset: IoU .5:.05:.95"),
        ({}, "drawn_score", "0.1 false positives an image, or one in all"),
    ],
)
def test_rules_are_those_of_the_settings(settings, rule, words):
    assert words in make_semantics(**settings)[rule]


def test_rules_of_both_halves_stand_side_by_side():
    ids, cameras = np.array([1, 1]), np.array([0, 1])
    reid = rank_queries(np.eye(2, dtype=np.float32), ids, cameras, np.eye(2, dtype=np.float32), ids, cameras[::-1])
    assert set(reid.semantics).isdisjoint(make_semantics())


def test_the_report_shows_every_rule(tmp_path):
    run = make_detection_run(make_run(tmp_path, logs=False, pictures=False), logs=False, pictures=False)
    edit_json(run / "count" / "a0001" / "summary.json", {"semantics": make_semantics()})
    _, text = read(write_report(run))
    assert all(sentence in text for sentence in make_semantics().values())
    assert "average precision of the ranked gallery" in text
    assert "drawn score" in text
