"""FGD and FGFI: losses that know where people are."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.detection.context_block import ContextBlock
from pipeline.losses.detection.fgd import FGD, attention, attention_loss, focal_loss, focal_masks
from pipeline.losses.detection.fgfi import FGFI, fgfi_loss, imitation_cells, pedestrian_anchors
from tests.references import detection_losses as twins
from tests.unit.losses.detection.make_views import (
    SIZES,
    everywhere,
    make_batch,
    make_maps,
    make_shapes,
    make_taps,
)

CPU = torch.device("cpu")
PEOPLE = [[[4.0, 2.0, 20.0, 40.0], [6.0, 4.0, 18.0, 20.0], [5.0, 5.0, 5.0, 9.0]], [[-9.0, 3.0, 12.0, 99.0]], []]


def make_case() -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    student, teacher = (make_maps(3, 3, 6, 8, seed=seed, dtype=torch.float64) for seed in (1, 2))
    valid = torch.tensor(twins.valid_cells([*SIZES, (48, 20)], 8, (6, 8)))
    return student, teacher, valid, [torch.tensor(mine).reshape(-1, 4) for mine in PEOPLE]


def test_attention_golden_value() -> None:
    maps = torch.tensor([[0.0, 1.0], [1.0, 2.0]], dtype=torch.float64)[None, None]
    spatial, channels = attention(maps, valid=everywhere(maps))
    expected = torch.tensor([0.056837, 0.419974, 0.419974, 3.103214], dtype=torch.float64)
    torch.testing.assert_close(spatial.flatten(), expected, atol=1e-6, rtol=0)
    assert spatial.sum().item() == pytest.approx(4.0)
    assert channels.tolist() == [[1.0]]


def test_focal_mask_golden_value() -> None:
    people, rest = focal_masks(
        [torch.tensor([[0.2, 0.2, 1.6, 1.6]])], stride=1, valid=torch.ones(1, 4, 4, dtype=torch.bool)
    )
    torch.testing.assert_close(people[0, :3, :3], torch.full((3, 3), 1 / 9))
    assert people.sum().item() == pytest.approx(1.0)
    torch.testing.assert_close(rest[0, 3], torch.full((4,), 1 / 7))


def test_the_first_axis_of_a_mask_is_the_row() -> None:
    people, _ = focal_masks(
        [torch.tensor([[0.0, 8.0, 7.0, 30.0]])], stride=8, valid=torch.ones(1, 6, 6, dtype=torch.bool)
    )
    assert people[0].nonzero().tolist() == [[y, x] for y in (1, 2, 3, 4) for x in (0, 1)]


def test_focal_terms_equal_their_loop_twins() -> None:
    student, teacher, valid, boxes = make_case()
    people, rest = focal_masks(boxes, stride=8, valid=valid)
    lists = student.tolist(), teacher.tolist(), PEOPLE
    expected = twins.focal(*lists, stride=8, valid=valid.tolist(), a=2.0, b=0.5)
    value = focal_loss(student, teacher, weights=2.0 * people + 0.5 * rest, valid=valid)
    assert value.item() == pytest.approx(expected, rel=1e-6)
    expected = twins.attention_difference(student.tolist(), teacher.tolist(), valid.tolist())
    assert attention_loss(student, teacher, valid=valid).item() == pytest.approx(expected)
    for image in range(3):
        marks = twins.focal_masks(PEOPLE[image], 8, valid[image].tolist())
        for found, wanted in zip((people, rest), marks, strict=True):
            assert all(found[image][at].item() == pytest.approx(w, abs=1e-7) for at, w in wanted.items())


def test_thousands_of_boxes_keep_the_smallest() -> None:
    corner = 40 * torch.rand(3000, 2, generator=torch.Generator().manual_seed(1))
    boxes = torch.cat([corner, corner + 8 + 30 * torch.rand(3000, 2, generator=torch.Generator().manual_seed(2))], 1)
    people, _ = focal_masks([boxes], stride=8, valid=torch.ones(1, 6, 8, dtype=torch.bool))
    wanted, _ = twins.focal_masks(boxes.tolist(), 8, torch.ones(6, 8, dtype=torch.bool).tolist())
    assert all(people[0][at].item() == pytest.approx(w, abs=1e-6) for at, w in wanted.items())


def test_fgd_is_zero_when_the_student_is_the_teacher_until_the_contexts_part() -> None:
    taps, objective = make_taps(seed=4), FGD(**make_shapes())
    assert objective(taps, taps, make_batch()).item() == 0.0
    nn_layer = objective.student_context["8"].transform[-1]
    torch.nn.init.ones_(nn_layer.bias)  # type: ignore[arg-type]
    assert objective(taps, taps, make_batch()) > 0


def test_each_factor_of_fgd_switches_its_own_term() -> None:
    student, teacher, batch = make_taps(seed=1), make_taps(seed=2), make_batch()
    names = ("foreground", "background", "attention", "relation")
    zeros = dict.fromkeys(names, 0.0)
    torch.manual_seed(1)
    single = []
    for name in names:
        torch.manual_seed(1)
        single.append(FGD(**{**zeros, name: 1.0}, **make_shapes())(student, teacher, batch))  # type: ignore[arg-type]
    assert all(value > 0 for value in single)
    torch.manual_seed(1)
    together = FGD(**dict.fromkeys(names, 1.0), **make_shapes())(student, teacher, batch)  # type: ignore[arg-type]
    torch.testing.assert_close(together, torch.stack(single).sum())


def test_a_fresh_context_block_changes_nothing_and_a_trained_one_reads_valid_cells_only() -> None:
    block, maps = ContextBlock(4), make_maps(2, 4, 3, 5, seed=1)
    valid = everywhere(maps)
    assert torch.equal(block(maps, valid), maps)
    torch.nn.init.normal_(block.transform[-1].weight)  # type: ignore[arg-type]
    valid[:, :, 3:] = False
    other = maps.clone()
    other[:, :, :, 3:] = 77.0
    torch.testing.assert_close(block(maps, valid)[:, :, :, :3], block(other, valid)[:, :, :, :3])


def test_fgfi_golden_value() -> None:
    teacher = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]]])
    cells = torch.eye(2, dtype=torch.bool)[None]
    assert fgfi_loss([torch.zeros_like(teacher)], [teacher], [cells]).item() == pytest.approx(4.5)
    assert fgfi_loss([torch.zeros_like(teacher)], [teacher], [~(cells | ~cells)]).item() == 0.0


def test_imitation_and_its_loss_equal_their_loop_twins() -> None:
    grids = {8: (6, 8), 16: (3, 4)}
    anchors = [pedestrian_anchors(s, grid, heights=(3.0, 4.2), device=CPU) for s, grid in grids.items()]
    boxes = torch.tensor([[4.0, 2.0, 20.0, 40.0], [30.0, 5.0, 40.0, 30.0]])
    found = imitation_cells(anchors, boxes)
    assert [level.tolist() for level in found] == twins.imitation([a.tolist() for a in anchors], boxes.tolist(), 0.5)
    assert any(level.any() for level in found)
    assert not all(level.all() for level in found)
    student, teacher = ([make_maps(1, 3, *grid, seed=seed) for grid in grids.values()] for seed in (1, 2))
    marks = [level[None] for level in found]
    expected = twins.fgfi([s.tolist() for s in student], [t.tolist() for t in teacher], [m.tolist() for m in marks])
    assert fgfi_loss(student, teacher, marks).item() == pytest.approx(expected, rel=1e-5)


def test_boxes_that_no_anchor_touches_mark_nothing_and_many_are_marked() -> None:
    anchors = [pedestrian_anchors(8, (6, 8), heights=(3.0,), device=CPU)]
    far = torch.tensor([[900.0, 900.0, 950.0, 999.0], [5.0, 5.0, 5.0, 9.0]])
    assert not imitation_cells(anchors, far)[0].any()
    assert not imitation_cells(anchors, torch.zeros(0, 4))[0].any()
    # More boxes than are looked at in one go.
    corner = 30 * torch.rand(150, 2, generator=torch.Generator().manual_seed(1))
    boxes = torch.cat([corner, corner + torch.tensor([10.0, 24.0])], dim=1)
    found = imitation_cells(anchors, boxes)[0].tolist()
    assert [found] == twins.imitation([anchors[0].tolist()], boxes.tolist(), 0.5)


def test_pedestrian_anchors_stand_around_the_centres_of_their_cells() -> None:
    anchors = pedestrian_anchors(8, (2, 3), heights=(4.0, 8.0), device=CPU)
    assert anchors.shape == (2, 3, 2, 4)
    torch.testing.assert_close(anchors[1, 2, 0], torch.tensor([20 - 6.56, 12 - 16.0, 20 + 6.56, 12 + 16.0]))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="foreground of fgd is -1"):
        FGD(foreground=-1, **make_shapes())
    with pytest.raises(ConfigError, match="share of fgfi is 1"):
        FGFI(share=1.0, **make_shapes())
    with pytest.raises(ConfigError, match=r"heights of fgfi are \[\]"):
        FGFI(heights=(), **make_shapes())
