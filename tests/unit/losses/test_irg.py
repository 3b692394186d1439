"""Instance relationship graph: golden values, loop twins, what it does not see, degenerate batches."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.irg import IRG, edges, graph_loss, transformation
from pipeline.types import ReIDBatch, Taps
from tests.references import instance_graph as twins

SCALES: Any = ("mean", "max")
BATCH = ReIDBatch(torch.zeros(4, 3, 1, 1), torch.arange(4), None, torch.zeros(4, dtype=torch.int64))


def make_rows(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_taps(seed: int, *, width: int = 5, count: int = 4) -> Taps:
    return Taps(
        embedding=make_rows(count, width, seed=seed),
        bn_embedding=make_rows(count, width, seed=seed + 1),
        logits=make_rows(count, 3, seed=seed + 2),
        maps={
            "stage2": make_rows(count, 2, 4, 4, seed=seed + 3),
            "stage3": make_rows(count, 4, 2, 2, seed=seed + 4),
        },
    )


def test_golden_edges() -> None:
    student = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    teacher = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]])
    value = graph_loss(edges(student, scale="max"), edges(teacher, scale="max"))
    assert value.item() == pytest.approx(0.0222639, abs=1e-7)


@pytest.mark.parametrize("scale", SCALES)
def test_edges_and_transformations_equal_their_loop_twins(scale: Any) -> None:
    rows, other = make_rows(5, 3, seed=1), make_rows(5, 7, seed=2)
    ours, theirs = twins.edges(rows.tolist(), scale), twins.edges(other.tolist(), scale)
    torch.testing.assert_close(edges(rows, scale=scale), torch.tensor(ours, dtype=torch.float64))
    value = graph_loss(edges(rows, scale=scale), edges(other, scale=scale))
    assert value.item() == pytest.approx(twins.mean_square(ours, theirs), rel=1e-9)
    before, after = make_rows(3, 2, 4, 4, seed=3), make_rows(3, 6, 2, 2, seed=4)
    expected = twins.transformation(before.tolist(), after.tolist(), (2, 2, 2), scale)
    found = transformation(before, after, scale=scale)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("scale", SCALES)
def test_edges_do_not_see_a_shift_a_turn_or_the_scale(scale: Any) -> None:
    rows = make_rows(6, 4, seed=5)
    turn, _ = torch.linalg.qr(make_rows(4, 4, seed=6))
    torch.testing.assert_close(edges(3.0 * rows @ turn + 7.0, scale=scale), edges(rows, scale=scale))


def test_one_odd_image_moves_the_others_less_by_the_mean_than_by_the_maximum() -> None:
    rows = torch.nn.functional.normalize(make_rows(20, 4, seed=7), dim=1)
    odd = rows.clone()
    odd[0] *= 20.0
    moved = {
        scale: ((edges(odd, scale=scale) / edges(rows, scale=scale))[1:, 1:].nan_to_num(1.0) - 1).abs().mean()
        for scale in SCALES
    }
    assert moved["mean"] < moved["max"]


@pytest.mark.parametrize("scale", SCALES)
def test_gradients_in_float64_and_none_for_the_teacher(scale: Any) -> None:
    objective = IRG(normalise=scale)
    student, teacher = make_taps(10), make_taps(20, width=7)
    leaves = (student.embedding, student.logits, student.maps["stage2"], student.maps["stage3"])
    inputs = tuple(leaf.clone().requires_grad_() for leaf in leaves if leaf is not None)
    theirs = [teacher.embedding.requires_grad_(), teacher.maps["stage2"].requires_grad_()]

    def loss(embedding: Tensor, logits: Tensor, second: Tensor, third: Tensor) -> Tensor:
        taps = Taps(embedding, embedding, logits, {"stage2": second, "stage3": third})
        return objective(taps, teacher, BATCH)

    assert torch.autograd.gradcheck(loss, inputs)
    loss(*inputs).backward()
    assert all(leaf.grad is None for leaf in theirs)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("size", [0.0, 1.0, 3e4])
def test_degenerate_batches_stay_finite(scale: Any, dtype: torch.dtype, count: int, size: float) -> None:
    student, teacher = make_taps(30, count=count), make_taps(40, count=count)
    leaf = (size * student.embedding).clamp(-6e4, 6e4).to(dtype).requires_grad_()
    assert student.logits is not None
    taps = Taps(leaf, leaf, (size * student.logits).clamp(-6e4, 6e4).to(dtype),
                {name: (size * maps).clamp(-6e4, 6e4).to(dtype) for name, maps in student.maps.items()})  # fmt: skip
    value = IRG(normalise=scale, vertices=0.0)(taps, teacher, BATCH)
    value.backward()
    assert torch.isfinite(value)
    assert leaf.grad is not None
    assert torch.isfinite(leaf.grad).all()


def test_settings_decide_what_is_read() -> None:
    assert IRG(vertices=0.0, layers=[], transformations=0.0).reads == ("embedding",)
    assert IRG(edges=0.0).reads == ("logits", "maps:stage2", "maps:stage3")
    student, teacher = make_taps(50), make_taps(60, width=9)
    whole = IRG(vertices=1.0, edges=2.0, transformations=3.0)(student, teacher, BATCH)
    parts = [
        IRG(vertices=1.0, edges=0.0, transformations=0.0, layers=[]),
        IRG(vertices=0.0, edges=2.0, transformations=0.0),
        IRG(vertices=0.0, edges=0.0, transformations=3.0),
    ]
    torch.testing.assert_close(whole, sum(part(student, teacher, BATCH) for part in parts))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layers": ["stage2"]}, "compares transformations between layers"),
        ({"edges": -1.0}, "weights of irg"),
        ({"vertices": 0.0, "edges": 0.0, "transformations": 0.0}, "weights of irg"),
        ({"edges": 0.0, "transformations": 0.0}, "reads none of them"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        IRG(**settings)
