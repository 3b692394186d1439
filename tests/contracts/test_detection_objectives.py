"""What every listed objective between two detectors must do; a new entry is tested the moment it is in the table."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from pipeline.build import DETECTION_OBJECTIVES
from pipeline.config.binding import ComponentTable, bind
from pipeline.detection_types import DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.objective import KINDS, DetectionObjective, DetectionObjectiveSum
from tests.unit.losses.detection.make_views import (
    BOXES,
    ROIS,
    FakeTeacher,
    leaves_of,
    make_batch,
    make_shape,
    make_shapes,
    make_taps,
)

READS = {
    "pyramid": ("pyramid",),
    "regions": ("regions",),
    "penultimate": ("penultimate",),
    "region_logits": ("region_logits", "region_deltas"),
    "dense": ("dense_logits", "dense_boxes"),
    "towers": ("towers",),
}
CASES = [(name, kind) for name in sorted(DETECTION_OBJECTIVES) for kind in DETECTION_OBJECTIVES[name].kinds]
NAMES = sorted(DETECTION_OBJECTIVES)
NO_ROIS = ((), ())


def make_objective(name: str, kind: str, **widths: int) -> Any:
    torch.manual_seed(3)
    objective = DETECTION_OBJECTIVES[name](**make_shapes(kind=kind, **widths))
    if hasattr(objective, "bind_teacher"):
        objective.bind_teacher(FakeTeacher())
    return objective


def call(objective: Any, student: DetectorTaps, teacher: DetectorTaps, batch: Any) -> torch.Tensor:
    torch.manual_seed(4)
    value: torch.Tensor = objective(student, teacher, batch)
    return value


def make_pair(kind: str, *, dtype: torch.dtype = torch.float32, rois: Any = ROIS) -> tuple[DetectorTaps, DetectorTaps]:
    how = {"dtype": dtype, "trainable": True}
    return make_taps(seed=1, kind=kind, rois=rois, like=how), make_taps(seed=50, kind=kind, rois=rois, like=how)


@pytest.mark.parametrize("name", NAMES)
def test_declares_what_it_reads_and_fits(name: str) -> None:
    listed = DETECTION_OBJECTIVES[name]
    assert listed.reads
    assert set(listed.reads) <= set(READS)
    assert listed.kinds
    assert set(listed.kinds) <= set(KINDS)
    objective = make_objective(name, listed.kinds[0])
    assert isinstance(objective.needs_targets, bool)
    assert isinstance(objective, DetectionObjective)


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_keyword_only_annotated_and_can_be_configured(name: str) -> None:
    parameters = inspect.signature(DETECTION_OBJECTIVES[name]).parameters
    assert {"student_shape", "teacher_shape"} <= set(parameters)
    for parameter in parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name
    table = ComponentTable(DETECTION_OBJECTIVES, supplied=("student_shape", "teacher_shape"))
    bound = bind(table, name, {"levels": [8, 16]} if "levels" in parameters else {})
    assert bound.constructor(**bound.arguments, **make_shapes(kind=DETECTION_OBJECTIVES[name].kinds[0]))


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_that_it_does_not_fit_is_refused(name: str) -> None:
    for kind in (*KINDS, "yolo"):
        if kind not in DETECTION_OBJECTIVES[name].kinds:
            with pytest.raises(ConfigError, match=f"{name} does not work on a student of kind {kind}"):
                DETECTION_OBJECTIVES[name](**make_shapes(kind=kind))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_returns_a_finite_scalar_in_fp32_whatever_the_precision(name: str, kind: str) -> None:
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        value = call(make_objective(name, kind), *make_pair(kind, dtype=dtype), make_batch())
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert value > 0


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_gradient_reaches_what_the_student_is_read_at_and_never_the_teacher(name: str, kind: str) -> None:
    objective = make_objective(name, kind)
    student, teacher = make_pair(kind)
    call(objective, student, teacher, make_batch()).backward()
    read = {tap for declared in objective.reads for tap in READS[declared]}
    reached = {tap for tap in _tensor_taps() if any(leaf.grad is not None for leaf in leaves_of(student, tap))}
    assert reached, "no gradient"
    assert reached <= read
    assert all(leaf.grad is None for leaf in leaves_of(teacher)), "a gradient reached the teacher"


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_works_without_boxes_where_it_needs_none(name: str, kind: str) -> None:
    objective = make_objective(name, kind)
    batch = make_batch(boxes=None)
    if objective.needs_targets:
        with pytest.raises(AssertionError, match=f"{name} needs boxes"):
            call(objective, *make_pair(kind), batch)
    else:
        assert torch.isfinite(call(objective, *make_pair(kind), batch))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", ["no boxes", "no regions", "all padding", "one cell", "constant", "wild boxes"])
def test_degenerate_batches_have_finite_values_and_gradients(name: str, kind: str, case: str) -> None:
    if kind not in DETECTION_OBJECTIVES[name].kinds:
        pytest.skip(f"{name} does not work on {kind}")
    student, teacher = make_pair(kind, rois=NO_ROIS if case == "no regions" else ROIS)
    if case == "constant":
        for leaf in leaves_of(student):
            leaf.data.fill_(0.1)
    boxes: Any = ((), ()) if case == "no boxes" else BOXES
    if case == "wild boxes":
        boxes = (((-50.0, -60.0, 900.0, 800.0), (5.0, 5.0, 5.0, 9.0), (700.0, 700.0, 800.0, 900.0)), ())
    sizes = {"all padding": ((0, 0), (0, 0)), "one cell": ((1, 1), (0, 0))}.get(case, ((48, 64), (33, 40)))
    value = call(make_objective(name, kind), student, teacher, make_batch(sizes=sizes, boxes=boxes))
    value.backward()
    assert torch.isfinite(value)
    assert value >= 0
    grads = [leaf.grad for leaf in leaves_of(student) if leaf.grad is not None]
    assert grads, "the value hangs on nothing"
    assert all(torch.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_what_stands_in_the_padding_does_not_matter(name: str, kind: str) -> None:
    objective = make_objective(name, kind)
    batch = make_batch()
    values = []
    for filling in (0.0, 7.0):
        student, teacher = make_taps(seed=1, kind=kind), make_taps(seed=50, kind=kind)
        for taps in (student, teacher):
            for mapping in (taps.pyramid, taps.dense_logits, taps.dense_boxes):
                for stride, maps in mapping.items():
                    rows, columns = -(-33 // stride), -(-40 // stride)
                    maps[1, :, rows:] = filling
                    maps[1, :, :, columns:] = filling
        values.append(call(objective, student, teacher, batch))
    torch.testing.assert_close(values[0], values[1])


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_is_the_same_twice_and_works_between_widths(name: str, kind: str) -> None:
    objective = make_objective(name, kind, student_width=2)
    student, teacher = make_taps(seed=1, kind=kind, width=2), make_taps(seed=50, kind=kind)
    first = call(objective, student, teacher, make_batch())
    assert torch.equal(first, call(objective, student, teacher, make_batch()))
    assert torch.isfinite(first)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_state_is_in_parameters_and_holds_no_teacher(name: str, kind: str) -> None:
    objective = make_objective(name, kind, student_width=2)
    if isinstance(objective, nn.Module):
        assert not any("teacher.head" in key or key.startswith("_teacher") for key in objective.state_dict())
        make_objective(name, kind, student_width=2).load_state_dict(objective.state_dict())
        assert all(parameter.requires_grad for parameter in objective.parameters())
    else:
        assert not any(isinstance(value, torch.Tensor) for value in vars(objective).values())


@pytest.mark.parametrize("name", NAMES)
def test_a_stride_that_the_teacher_lacks_is_refused_with_both_lists(name: str) -> None:
    listed = DETECTION_OBJECTIVES[name]
    if "levels" not in inspect.signature(listed).parameters:
        pytest.skip(f"{name} has no levels")
    kind = listed.kinds[0]
    shapes = {
        "student_shape": make_shape(kind=kind, strides=(4, 8)),
        "teacher_shape": make_shape(kind=kind, strides=(8, 16)),
    }
    with pytest.raises(ConfigError, match=r"the student has \[4, 8\], the teacher \[8, 16\].*levels: \[8\]"):
        listed(**shapes)
    assert listed(levels=(8,), **shapes)


def test_all_of_one_kind_fit_into_one_sum() -> None:
    for kind in KINDS:
        terms = {n: (make_objective(n, kind), 1.0) for n in NAMES if kind in DETECTION_OBJECTIVES[n].kinds}
        objectives = DetectionObjectiveSum(terms)
        found = objectives(*make_pair(kind), make_batch())
        assert set(found.parts) == set(terms)
        torch.testing.assert_close(found.total.detach(), torch.stack(list(found.parts.values())).sum())


def _tensor_taps() -> list[str]:
    return [tap for taps in READS.values() for tap in taps]
