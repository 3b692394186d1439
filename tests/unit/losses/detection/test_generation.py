"""MGD: the teacher's map drawn from a part of the student's."""

import pytest
import torch

from pipeline.errors import ConfigError
from pipeline.losses.detection.mgd import MGD, kept_cells, mgd_loss
from tests.references import detection_losses as twins
from tests.unit.losses.detection.make_views import make_batch, make_maps, make_shapes, make_taps


def test_the_loss_is_a_sum_over_cells_divided_by_images() -> None:
    ours, theirs = make_maps(2, 3, 4, 5, seed=1), make_maps(2, 3, 4, 5, seed=2)
    valid = torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(3)) > 0.4
    mean = twins.pyramid(ours.tolist(), theirs.tolist(), valid.tolist())
    expected = mean * 3 * int(valid.sum()) / 2
    assert mgd_loss(ours, theirs, valid=valid).item() == pytest.approx(expected, rel=1e-5)


def test_golden_value() -> None:
    ours, theirs = torch.zeros(1, 2, 2, 2), torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]]])
    assert mgd_loss(ours, theirs, valid=torch.ones(1, 2, 2, dtype=torch.bool)).item() == pytest.approx(32.0)


def test_cells_are_dropped_in_all_channels_at_once_with_the_given_probability() -> None:
    torch.manual_seed(1)
    mask = kept_cells(torch.zeros(4, 8, 60, 60), drop=0.65)
    assert mask.shape == (4, 1, 60, 60)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    # 14 400 draws: three standard deviations are 0.012.
    assert mask.mean().item() == pytest.approx(0.35, abs=0.012)
    assert kept_cells(mask, drop=0.0).all()


def test_the_mask_follows_the_seed_and_alpha_is_a_factor() -> None:
    student, teacher, batch = make_taps(seed=1), make_taps(seed=2), make_batch()
    values = []
    for alpha, seed in ((1.0, 5), (1.0, 5), (2.0, 5), (1.0, 6)):
        torch.manual_seed(1)
        objective = MGD(alpha=alpha, **make_shapes())
        torch.manual_seed(seed)
        values.append(objective(student, teacher, batch).item())
    assert values[0] == values[1]
    assert values[2] == pytest.approx(2 * values[0])
    assert values[3] != values[0]


def test_the_generator_learns() -> None:
    torch.manual_seed(1)
    taps, objective, batch = make_taps(seed=4), MGD(drop=0.0, alpha=1e-2, **make_shapes()), make_batch()
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.01)
    values = []
    for _ in range(60):
        optimizer.zero_grad()
        value = objective(taps, taps, batch)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="drop of mgd is 1"):
        MGD(drop=1.0, **make_shapes())
    with pytest.raises(ConfigError, match="alpha of mgd is 0"):
        MGD(alpha=0.0, **make_shapes())
