import logging

import pytest
import torch
from torch import Tensor

from pipeline.detection_types import DetectionBatch, DetectorTaps
from pipeline.errors import ConfigError, TrainingError
from pipeline.losses.detection.crosskd import CrossKD
from pipeline.losses.detection.fgd import FGD
from pipeline.losses.detection.objective import DetectionObjectiveSum
from pipeline.losses.detection.region_response import RegionResponse
from tests.unit.losses.detection.make_views import FakeTeacher, make_batch, make_shapes, make_taps


class Scaled:
    """Mean of the finest level times a factor."""

    reads = ("pyramid",)
    kinds = ("fcos",)
    needs_targets = False

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        return student.pyramid[8].abs().mean() * self.factor


def call(terms: DetectionObjectiveSum) -> Tensor:
    return terms(make_taps(seed=1), make_taps(seed=2), make_batch()).total


def test_total_is_weighted_and_parts_are_not() -> None:
    terms = DetectionObjectiveSum({"a": (Scaled(2.0), 0.5), "b": (Scaled(3.0), 10.0)})
    found = terms(make_taps(seed=1, like={"trainable": True}), make_taps(seed=2), make_batch())
    torch.testing.assert_close(found.total, 0.5 * found.parts["a"] + 10 * found.parts["b"])
    assert found.total.requires_grad
    assert not any(part.requires_grad for part in found.parts.values())


def test_terms_that_are_not_finite_stop_and_terms_that_never_move_are_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(TrainingError, match="'bad': nan"):
        call(DetectionObjectiveSum({"good": (Scaled(1.0), 1.0), "bad": (Scaled(float("nan")), 0.0)}))
    terms = DetectionObjectiveSum({"dead": (Scaled(0.0), 1.0), "alive": (Scaled(1.0), 1.0)})
    with caplog.at_level(logging.WARNING):
        for _ in range(25):
            call(terms)
    assert [record.message for record in caplog.records] == [
        "loss terms that were exactly zero in the first 20 steps: dead"
    ]


def test_a_weight_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="the weight of a is -1"):
        DetectionObjectiveSum({"a": (Scaled(1.0), -1.0)})


def test_tells_what_its_terms_need() -> None:
    crosskd = CrossKD(**make_shapes())
    terms = DetectionObjectiveSum({"fgd": (FGD(**make_shapes()), 1.0), "crosskd": (crosskd, 1.0)})
    assert terms.reads == ("dense", "pyramid", "towers")
    assert terms.needs_targets
    assert set(terms.modules()) == {"fgd", "crosskd"}
    terms.bind_teacher(FakeTeacher())
    assert call(terms) > 0
    shapes = make_shapes(kind="faster_rcnn")
    silent = DetectionObjectiveSum({"response": (RegionResponse(boxes="none", **shapes), 1.0)})
    assert not silent.needs_targets
    assert not silent.modules()


def test_no_terms_give_zero() -> None:
    found = DetectionObjectiveSum({})(make_taps(seed=1), make_taps(seed=2), make_batch())
    assert found.total.item() == 0.0
    assert found.parts == {}
