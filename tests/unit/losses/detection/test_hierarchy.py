"""The three levels of the hierarchy, and mimicry of regions."""

import pytest
import torch
from torch import nn

from pipeline.detection_types import DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.mimic import Mimic, mimic_loss
from pipeline.losses.detection.objective import DetectionObjectiveSum
from pipeline.losses.detection.penultimate import Penultimate, penultimate_loss
from pipeline.losses.detection.pyramid import Pyramid, pyramid_loss
from pipeline.losses.detection.region import Region, region_loss
from tests.references import detection_losses as twins
from tests.unit.losses.detection.make_views import (
    everywhere,
    make_batch,
    make_maps,
    make_shape,
    make_shapes,
    make_taps,
)


def one_cell(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, len(values), 1, 1)


def test_pyramid_golden_value() -> None:
    student = one_cell(1, 2, 3, 4)
    teacher = torch.ones_like(student)
    assert pyramid_loss(student, teacher, cells=everywhere(student)).item() == pytest.approx(3.5)


def test_the_published_weights_give_the_golden_total() -> None:
    shape = make_shape(kind="faster_rcnn", strides=(8,), width=4, region_size=1, penultimate=1)
    shapes = {"student_shape": shape, "teacher_shape": shape}
    student = DetectorTaps(
        pyramid={8: one_cell(1, 2, 3, 4)},
        regions=torch.full((1, 4, 1, 1), 0.1),
        penultimate=torch.full((1, 1), 0.02**0.5),
    )
    teacher = DetectorTaps(
        pyramid={8: torch.ones(1, 4, 1, 1)}, regions=torch.zeros(1, 4, 1, 1), penultimate=torch.zeros(1, 1)
    )
    terms = DetectionObjectiveSum({
        "pyramid": (Pyramid(**shapes), 0.5),
        "region": (Region(**shapes), 30.0),
        "penultimate": (Penultimate(**shapes), 1.0),
    })  # fmt: skip
    found = terms(student, teacher, make_batch(sizes=((8, 8),), boxes=None))
    assert found.parts["pyramid"].item() == pytest.approx(3.5)
    assert found.parts["region"].item() == pytest.approx(0.01)
    assert found.parts["penultimate"].item() == pytest.approx(0.02)
    assert found.total.item() == pytest.approx(2.07)


def test_they_equal_their_loop_twins() -> None:
    student, teacher = make_maps(2, 3, 4, 5, seed=1), make_maps(2, 3, 4, 5, seed=2)
    cells = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(3)) > 0.4
    expected = twins.pyramid(student.tolist(), teacher.tolist(), cells.tolist())
    assert pyramid_loss(student, teacher, cells=cells).item() == pytest.approx(expected, rel=1e-5)
    rows = student.flatten(1), teacher.flatten(1)
    expected = twins.rows_mse(rows[0].tolist(), rows[1].tolist())
    assert penultimate_loss(*rows).item() == pytest.approx(expected, rel=1e-5)
    assert region_loss(student, teacher).item() == pytest.approx(expected, rel=1e-5)
    # Squared lengths over half the cells: half the mean times the channels.
    assert mimic_loss(student, teacher).item() == pytest.approx(1.5 * expected, rel=1e-5)


def test_levels_weigh_the_same_however_many_cells_they_have() -> None:
    student, teacher = make_taps(seed=1), make_taps(seed=2)
    values = [
        Pyramid(levels=levels, **make_shapes())(student, teacher, make_batch()) for levels in ((8,), (16,), (8, 16))
    ]
    torch.testing.assert_close(values[2], (values[0] + values[1]) / 2)


def test_the_foreground_of_a_batch_counts_alone() -> None:
    student, teacher = make_taps(seed=1), make_taps(seed=2)
    objective = Pyramid(levels=(8,), mask="foreground", **make_shapes())
    assert objective.needs_targets
    boxes = [[[4.0, 2.0, 20.0, 40.0], [30.0, 5.0, 40.0, 30.0]], [[1.0, 3.0, 12.0, 30.0]]]
    valid = twins.valid_cells([[48, 64], [33, 40]], 8, (6, 8))
    inside = twins.foreground(boxes, 8, (6, 8))
    both = [[[a and b for a, b in zip(*rows, strict=True)] for rows in zip(*maps, strict=True)]
            for maps in zip(valid, inside, strict=True)]  # fmt: skip
    expected = twins.pyramid(student.pyramid[8].tolist(), teacher.pyramid[8].tolist(), both)
    assert objective(student, teacher, make_batch()).item() == pytest.approx(expected, rel=1e-5)
    assert objective(student, teacher, make_batch(boxes=((), ()))).item() == 0.0


def test_a_box_of_weight_zero_is_no_foreground() -> None:
    batch = make_batch(sizes=((48, 64),), boxes=([[4.0, 2.0, 20.0, 40.0]],))
    assert batch.targets is not None
    batch.targets[0].weights.zero_()
    taps = make_taps(seed=1, rois=((),)), make_taps(seed=2, rois=((),))
    assert Pyramid(mask="foreground", **make_shapes())(*taps, batch).item() == 0.0


def test_normalised_maps_ignore_scale_and_shift_of_each_channel() -> None:
    teacher = make_taps(seed=2)
    scaled = DetectorTaps(pyramid={stride: 3 * maps - 5 for stride, maps in teacher.pyramid.items()})
    plain, normal = (Pyramid(normalise=flag, **make_shapes()) for flag in (False, True))
    assert plain(scaled, teacher, make_batch()) > 1
    assert normal(scaled, teacher, make_batch()).item() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", [Pyramid, Region, Penultimate, Mimic])
def test_is_zero_when_the_student_is_the_teacher(kind: type[nn.Module]) -> None:
    taps = make_taps(seed=4)
    # Also through mimicry's transform layer, which starts as the identity.
    assert kind(**make_shapes())(taps, taps, make_batch()).item() == 0.0


def test_connectors_are_there_only_where_widths_differ() -> None:
    assert not list(Pyramid(**make_shapes()).parameters())
    assert len(list(Pyramid(**make_shapes(student_width=2)).parameters())) == 2
    narrow = make_shape(penultimate=3)
    assert len(list(Penultimate(student_shape=narrow, teacher_shape=make_shape()).parameters())) == 1
    weight = next(Region(**make_shapes(student_width=2)).parameters()).flatten(1)
    torch.testing.assert_close(weight.T @ weight, torch.eye(2), atol=1e-6, rtol=0)
    assert len(list(Mimic(**make_shapes()).parameters())) == 1


def test_regions_on_other_numbers_of_cells_are_refused() -> None:
    for kind in (Region, Mimic):
        with pytest.raises(ConfigError, match=r"7x7 cells of the student with 3x3 of the teacher"):
            kind(student_shape=make_shape(region_size=7), teacher_shape=make_shape())


def test_other_boxes_for_student_and_teacher_are_a_mistake() -> None:
    student, teacher = make_taps(seed=1), make_taps(seed=2, rois=(((1.0, 1.0, 9.0, 9.0),), ()))
    with pytest.raises(AssertionError, match="3 regions of the student, 1 of the teacher"):
        Region(**make_shapes())(student, teacher, make_batch())


def test_an_unknown_mask_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mask of pyramid is 'people'; expected none or foreground"):
        Pyramid(mask="people", **make_shapes())  # type: ignore[arg-type]
