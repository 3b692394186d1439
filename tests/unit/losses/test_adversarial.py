"""Adversarial distillation: golden values, loop twins, who moves whom, degenerate batches."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.adversarial import Adversarial, deception_loss
from pipeline.training.rivals import Rivals
from pipeline.training.scoped import ScopedObjective, ScopedObjectives
from pipeline.types import NetworkShape, ReIDBatch, Taps
from tests.references import adversarial as twins

SHAPE = NetworkShape(width=5, num_classes=3, maps={})
BATCH = ReIDBatch(torch.zeros(8, 3, 1, 1), torch.arange(8), None, torch.zeros(8, dtype=torch.int64))


def make_taps(seed: int, *, count: int = 8, shift: float = 0.0) -> Taps:
    rows = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)) + shift
    return Taps(rows, rows)


def make_objective() -> Adversarial:
    torch.manual_seed(0)
    return Adversarial(hidden=16, student_shape=SHAPE, teacher_shape=SHAPE)


def make_rivals(objective: Adversarial) -> Rivals:
    terms = ScopedObjectives([ScopedObjective("adversarial", objective, 0.1, ("target",))])
    return Rivals(terms, device=torch.device("cpu"))


def silence(objective: Adversarial) -> Adversarial:
    """Make the discriminator answer 0, that is, D = 0.5."""
    last = objective.rival.layers[4]
    torch.nn.utils.parametrize.remove_parametrizations(last, "weight")
    for values in last.parameters():
        torch.nn.init.zeros_(values)
    return objective


def test_golden_values_of_a_discriminator_that_cannot_tell() -> None:
    objective = silence(make_objective())
    assert objective.rival_loss(make_taps(1), make_taps(2)).item() == pytest.approx(1.386294, abs=1e-6)
    assert objective(make_taps(1), None, BATCH).item() == pytest.approx(0.693147, abs=1e-6)


def test_losses_equal_their_loop_twins() -> None:
    objective, student, teacher = make_objective(), make_taps(3), make_taps(4)
    scores = [objective.rival(taps.embedding).tolist() for taps in (teacher, student)]
    assert objective.rival_loss(student, teacher).item() == pytest.approx(twins.discrimination(*scores), rel=1e-5)
    assert objective(student, teacher, BATCH).item() == pytest.approx(twins.deception(scores[1]), rel=1e-5)


def test_the_length_of_an_embedding_is_not_seen_and_the_spectral_norm_bounds_the_slope() -> None:
    objective = make_objective()
    student = make_taps(5)
    long = Taps(7.0 * student.embedding, student.embedding)
    torch.testing.assert_close(objective(long, None, BATCH), objective(student, None, BATCH))
    for _ in range(50):  # power iterations
        objective.rival.train()(student.embedding)
    first, second = (torch.nn.functional.normalize(make_taps(seed).embedding, dim=1) for seed in (6, 7))
    moved = (objective.rival(first) - objective.rival(second)).abs()
    assert bool((moved <= 1.01 * (first - second).norm(dim=1)).all())


def test_a_rival_learns_to_tell_and_a_student_can_undo_it() -> None:
    objective = make_objective()
    rivals = make_rivals(objective)
    student, teacher = make_taps(8, shift=-1.0), make_taps(9, shift=1.0)
    first = float(rivals.learn({"target": student}, {"target": teacher}, rate=0.1)["adversarial.rival"])
    for _ in range(60):
        last = float(rivals.learn({"target": student}, {"target": teacher}, rate=0.1)["adversarial.rival"])
    assert last < first
    rows = student.embedding.clone().requires_grad_()
    before = objective(Taps(rows, rows), None, BATCH)
    (slope,) = torch.autograd.grad(before, rows)
    assert objective(Taps(rows - 0.5 * slope.sign(), rows), None, BATCH) < before


def test_a_step_of_the_rival_moves_the_rival_alone_at_its_own_rate() -> None:
    objective = make_objective()
    rivals = make_rivals(objective)
    student, teacher = make_taps(10), make_taps(11)
    for taps in (student, teacher):
        taps.embedding.requires_grad_()
    objective(student, teacher, BATCH).backward()
    given = student.embedding.grad
    assert given is not None
    left = given.clone()
    before = {name: value.clone() for name, value in objective.rival.state_dict().items()}
    rivals.learn({"target": student}, {"target": teacher}, rate=0.02)
    torch.testing.assert_close(student.embedding.grad, left)
    assert teacher.embedding.grad is None
    assert any(not torch.equal(before[name], value) for name, value in objective.rival.state_dict().items())
    assert rivals.optimizers["adversarial"].param_groups[0]["lr"] == pytest.approx(0.002)
    assert rivals.learn({"source": student}, {"source": teacher}, rate=0.02) == {}


def test_a_resumed_rival_goes_on_bit_for_bit() -> None:
    whole, resumed = make_rivals(make_objective()), make_rivals(make_objective())
    pairs = [({"target": make_taps(20 + i)}, {"target": make_taps(30 + i)}) for i in range(4)]
    for said, answers in pairs[:2]:
        whole.learn(said, answers, rate=0.1)
    resumed.load_state({name: value.clone() for name, value in whole.state().items()})
    for said, answers in pairs[2:]:
        for rivals in (whole, resumed):
            rivals.learn(said, answers, rate=0.1)
    state = resumed.state()
    assert all(torch.equal(value, state[name]) for name, value in whole.state().items())


def test_gradients_in_float64() -> None:
    objective = make_objective()
    objective.rival.double()
    rows = make_taps(12).embedding.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: objective(Taps(x, x), None, BATCH), (rows,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("scale", [0.0, 6e4])
def test_degenerate_batches_stay_finite(dtype: torch.dtype, count: int, scale: float) -> None:
    objective = make_objective()
    rows: Tensor = (scale * torch.ones(count, 5)).to(dtype).requires_grad_()
    value = objective(Taps(rows, rows), None, BATCH) + objective.rival_loss(Taps(rows, rows), Taps(rows, rows))
    value.backward()
    assert torch.isfinite(value)
    assert deception_loss(torch.full((1,), 6e4)).item() == 0.0
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_embeddings_of_two_widths_are_refused() -> None:
    wide = NetworkShape(width=9, num_classes=3, maps={})
    with pytest.raises(ConfigError, match="5 student and 9 teacher"):
        Adversarial(student_shape=SHAPE, teacher_shape=wide)
    with pytest.raises(ConfigError, match="lr_ratio"):
        Adversarial(lr_ratio=0.0, student_shape=SHAPE, teacher_shape=SHAPE)
