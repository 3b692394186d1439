"""What every listed objective must do; a new entry is tested the moment it is in the table."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.build import OBJECTIVES
from pipeline.losses.objective import is_between_domains
from pipeline.types import ReIDBatch, Taps

WIDTH, CLASSES, COUNT = 6, 5, 8
TAPS = ("embedding", "bn_embedding", "logits", "labels")
LABELS = [0, 0, 1, 1, 2, 2, -1, 3]
NAMES = sorted(OBJECTIVES)


def make_objective(name: str) -> Any:
    kind = OBJECTIVES[name]
    wanted = inspect.signature(kind).parameters
    objective = kind(**({"width": WIDTH} if "width" in wanted else {}))
    if hasattr(objective, "set_progress"):
        objective.set_progress(0.5)
    if hasattr(objective, "reset"):
        rows = make_rows(seed=90)
        known = {"embeddings": rows, "centroids": rows[:4], "labels": make_labels(), "cameras": torch.arange(COUNT) % 2}
        asked = inspect.signature(objective.reset).parameters
        objective.reset(**{key: known[key] for key in asked if key in known})
    return objective


def make_rows(*, seed: int, width: int = WIDTH) -> Tensor:
    return torch.randn(COUNT, width, generator=torch.Generator().manual_seed(seed))


def make_labels() -> Tensor:
    return torch.tensor(LABELS)


def make_taps(*, seed: int, dtype: torch.dtype = torch.float32, trainable: bool = True) -> tuple[Taps, list[Tensor]]:
    shapes = (WIDTH, WIDTH, CLASSES)
    leaves = [make_rows(seed=seed + i, width=w).to(dtype).requires_grad_(trainable) for i, w in enumerate(shapes)]
    return Taps(embedding=leaves[0], bn_embedding=leaves[1], logits=leaves[2]), leaves


def make_batch(labels: Tensor | None) -> ReIDBatch:
    return ReIDBatch(torch.zeros(COUNT, 3, 2, 1), torch.arange(COUNT), labels, torch.arange(COUNT) % 2)


def call(objective: Any, first: Taps, second: Taps, batch: ReIDBatch) -> Tensor:
    return objective(first, second, batch, batch) if is_between_domains(objective) else objective(first, second, batch)


@pytest.mark.parametrize("name", NAMES)
def test_declares_what_it_reads(name: str) -> None:
    kind = OBJECTIVES[name]
    assert isinstance(kind.needs_teacher, bool)
    assert isinstance(kind.needs_labels, bool)
    assert kind.reads
    assert all(tap in TAPS or tap.startswith("maps:") for tap in kind.reads)
    assert kind.needs_labels == ("labels" in kind.reads)


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_keyword_only_and_annotated(name: str) -> None:
    for parameter in inspect.signature(OBJECTIVES[name]).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


@pytest.mark.parametrize("name", NAMES)
def test_returns_a_finite_scalar_in_fp32_whatever_the_precision(name: str) -> None:
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        first, _ = make_taps(seed=1, dtype=dtype)
        second, _ = make_taps(seed=11, dtype=dtype)
        value = call(make_objective(name), first, second, make_batch(make_labels()))
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_exactly_what_is_declared(name: str) -> None:
    objective = make_objective(name)
    student, leaves = make_taps(seed=2)
    other, other_leaves = make_taps(seed=12)
    call(objective, student, other, make_batch(make_labels())).backward()
    # One that works on either embedding declares both and reads the one that was chosen.
    declared = (objective.tap,) if hasattr(objective, "tap") else objective.reads
    assert set(declared) <= set(objective.reads)
    for tap, leaf in zip(TAPS, leaves, strict=False):
        assert (leaf.grad is not None and bool(leaf.grad.any())) == (tap in declared), tap
    if not is_between_domains(objective):
        assert all(leaf.grad is None for leaf in other_leaves), "a gradient reached the teacher"


@pytest.mark.parametrize("name", NAMES)
def test_is_the_same_twice(name: str) -> None:
    student, _ = make_taps(seed=3)
    other, _ = make_taps(seed=13)
    objective, batch = make_objective(name), make_batch(make_labels())
    assert torch.equal(call(objective, student, other, batch), call(objective, student, other, batch))


@pytest.mark.parametrize("name", NAMES)
def test_works_without_what_it_does_not_need(name: str) -> None:
    objective = make_objective(name)
    student, _ = make_taps(seed=4)
    other, _ = make_taps(seed=14)
    labels = make_labels() if objective.needs_labels else None
    if is_between_domains(objective) or objective.needs_teacher:
        value = call(objective, student, other, make_batch(labels))
    else:
        value = objective(student, None, make_batch(labels))
    assert torch.isfinite(value)


@pytest.mark.parametrize("name", NAMES)
def test_zero_features_and_no_labels_give_finite_gradients(name: str) -> None:
    zeros = [torch.zeros(COUNT, w, requires_grad=True) for w in (WIDTH, WIDTH, CLASSES)]
    student = Taps(embedding=zeros[0], bn_embedding=zeros[1], logits=zeros[2])
    other, _ = make_taps(seed=15)
    value = call(make_objective(name), student, other, make_batch(torch.full((COUNT,), -1)))
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(leaf.grad).all() for leaf in zeros if leaf.grad is not None)


@pytest.mark.parametrize("name", NAMES)
def test_state_is_in_buffers(name: str) -> None:
    objective = make_objective(name)
    if isinstance(objective, nn.Module):
        fresh = type(objective)(
            **({"width": WIDTH} if "width" in inspect.signature(type(objective)).parameters else {})
        )
        fresh.load_state_dict(objective.state_dict())
    else:
        assert not any(isinstance(value, Tensor) for value in vars(objective).values())
