"""What every listed objective must do; a new entry is tested the moment it is in the table."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.build import OBJECTIVES
from pipeline.losses.objective import is_between_domains
from pipeline.models.bnneck import BNNeck
from pipeline.types import NetworkShape, ReIDBatch, Taps

WIDTH, CLASSES, COUNT = 6, 5, 8
MAPS = {"stage1": 2, "stage2": 3, "stage3": 4, "stage4": 5, "last": 5}
SHAPE = NetworkShape(WIDTH, CLASSES, MAPS)
TAPS = ("embedding", "bn_embedding", "logits", "labels", "weights", *(f"maps:{name}" for name in MAPS))
# What a student that says what its teacher says is still taught; all others have nothing to say then.
NOT_ZERO = {
    "adversarial": "a discriminator's doubt",
    "ka": "mistakes of the teacher, put right",
    "nkd": "two cross-entropies",
    "proximal": "the cross-entropy of the teacher, which is the one that learns",
    "wsl": "a cross-entropy with the teacher's entropy in it",
}
LABELS = [0, 0, 1, 1, 2, 2, -1, 3]
NAMES = sorted(OBJECTIVES)


class Network(nn.Module):
    """Four stages of one convolution each, for what compares weights."""

    def __init__(self, *, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.stages = nn.ModuleList(nn.Conv2d(2, 2, 3, bias=False) for _ in range(4))

    def stage_modules(self) -> dict[str, Any]:
        """Return the modules of each stage."""
        return {f"stage{i + 1}": (stage,) for i, stage in enumerate(self.stages)}


def make_bare(kind: type) -> Any:
    supplied = {"width": WIDTH, "student_shape": SHAPE, "teacher_shape": SHAPE, "make_neck": BNNeck}
    wanted = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in supplied.items() if key in wanted})


def make_objective(name: str, *, same: bool = False) -> Any:
    objective = make_bare(OBJECTIVES[name])
    if hasattr(objective, "bind_networks"):
        objective.networks_of_the_test = Network(seed=1), Network(seed=1 if same else 2)
        objective.bind_networks(*objective.networks_of_the_test)
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


def make_taps(
    *, seed: int, dtype: torch.dtype = torch.float32, trainable: bool = True
) -> tuple[Taps, dict[str, Tensor]]:
    shapes = {"embedding": WIDTH, "bn_embedding": WIDTH, "logits": CLASSES}
    leaves = {tap: make_rows(seed=seed + i, width=width) for i, (tap, width) in enumerate(shapes.items())}
    for i, (name, channels) in enumerate(MAPS.items()):
        leaves[f"maps:{name}"] = make_rows(seed=seed + 30 + i, width=channels * 6).reshape(COUNT, channels, 3, 2)
    leaves = {tap: rows.to(dtype).requires_grad_(trainable) for tap, rows in leaves.items()}
    return taps_of(leaves), leaves


def taps_of(leaves: dict[str, Tensor]) -> Taps:
    vectors = {tap: leaf for tap, leaf in leaves.items() if not tap.startswith("maps:")}
    return Taps(**vectors, maps={name: leaves[f"maps:{name}"] for name in MAPS})


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
    # Settings may decide; the class says what holds for the default.
    objective = make_objective(name)
    for declared in ("reads", "needs_labels", "needs_teacher", "needs_identities"):
        assert getattr(objective, declared, False) == getattr(kind, declared, False)
    if hasattr(kind, "needs_identities_with"):
        assert kind.needs_identities_with({}) == kind.needs_identities  # type: ignore[attr-defined]
    if getattr(kind, "needs_identities", False):
        assert kind.needs_labels


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
    for tap, leaf in leaves.items():
        assert (leaf.grad is not None and bool(leaf.grad.any())) == (tap in objective.reads), tap
    if "weights" in objective.reads:
        student_weights, teacher_weights = (list(model.parameters()) for model in objective.networks_of_the_test)
        assert any(bool(weight.grad.any()) for weight in student_weights if weight.grad is not None)
        assert all(weight.grad is None for weight in teacher_weights)
    if not is_between_domains(objective):
        assert all(leaf.grad is None for leaf in other_leaves.values()), "a gradient reached the teacher"


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
    other, leaves = make_taps(seed=15)
    zeros = {tap: torch.zeros_like(leaf, requires_grad=True) for tap, leaf in leaves.items()}
    value = call(make_objective(name), taps_of(zeros), other, make_batch(torch.full((COUNT,), -1)))
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(leaf.grad).all() for leaf in zeros.values() if leaf.grad is not None)


@pytest.mark.parametrize("name", [name for name in NAMES if OBJECTIVES[name].needs_teacher])  # type: ignore[attr-defined]
def test_a_student_that_says_the_same_has_no_loss_or_the_documented_one(name: str) -> None:
    taps, _ = make_taps(seed=6)
    value = call(make_objective(name, same=True), taps, taps, make_batch(make_labels()))
    assert (abs(value.item()) < 1e-5) == (name not in NOT_ZERO)


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_detached_scalars_of_the_last_call(name: str) -> None:
    objective = make_objective(name)
    if not hasattr(objective, "facts"):
        return
    student, _ = make_taps(seed=7)
    other, _ = make_taps(seed=17)
    call(objective, student, other, make_batch(make_labels()))
    assert objective.facts()
    for fact, value in objective.facts().items():
        assert isinstance(fact, str)
        assert value.shape == ()
        assert not value.requires_grad
        assert torch.isfinite(value)


@pytest.mark.parametrize("name", NAMES)
def test_state_is_in_buffers(name: str) -> None:
    objective = make_objective(name)
    if isinstance(objective, nn.Module):
        fresh = make_bare(type(objective))
        fresh.load_state_dict(objective.state_dict())
    else:
        assert not any(isinstance(value, Tensor) for value in vars(objective).values())
