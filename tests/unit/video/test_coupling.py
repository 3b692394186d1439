"""What a head hears from its teacher: golden values, what carries a gradient, what is left out."""

import pytest
import torch
from torch import Tensor

from pipeline.losses.distillation.coupling import Coupling, feature_loss
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.rkd import rkd_distance_loss


def make_rows(count: int, width: int, *, seed: int) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def test_golden_features() -> None:
    # Half of the loss against the labels' map and half against the teacher's, as the coupled loss of maps is written.
    student, label, teacher = torch.tensor([[0.2, 0.6]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]])
    value = 0.5 * feature_loss(student, label) + 0.5 * feature_loss(student, teacher)
    assert value.item() == pytest.approx(0.075, abs=1e-7)


def test_the_terms_are_those_of_their_names() -> None:
    ours, theirs = make_rows(6, 4, seed=1), make_rows(6, 4, seed=2)
    logits, heard = make_rows(2, 3, seed=3), make_rows(2, 3, seed=4)
    terms = Coupling(4, 4, response=0.5, relation=3.0, feature=0.0)((ours, theirs), (logits, heard))
    assert set(terms) == {"response", "relation"}
    torch.testing.assert_close(terms["response"], 0.5 * kd_loss(logits, heard, temperature=4.0))
    torch.testing.assert_close(terms["relation"], 3.0 * rkd_distance_loss(ours, theirs))


def test_without_logits_there_is_no_response() -> None:
    rows = make_rows(4, 4, seed=1)
    assert set(Coupling(4, 8)((rows, make_rows(4, 8, seed=2)), (None, None))) == {"relation", "feature"}


def test_the_teacher_gets_no_gradient_and_the_connector_does() -> None:
    ours, theirs = make_rows(5, 4, seed=1).requires_grad_(), make_rows(5, 6, seed=2).requires_grad_()
    logits, heard = make_rows(5, 3, seed=3).requires_grad_(), make_rows(5, 3, seed=4).requires_grad_()
    coupling = Coupling(4, 6)
    torch.stack(list(coupling((ours, theirs), (logits, heard)).values())).sum().backward()
    assert theirs.grad is None
    assert heard.grad is None
    assert ours.grad is not None
    assert all(p.grad is not None for p in coupling.parameters())


def test_the_order_of_the_batch_does_not_matter() -> None:
    ours, theirs = make_rows(5, 4, seed=1), make_rows(5, 6, seed=2)
    coupling, order = Coupling(4, 6, response=0.0), torch.tensor([3, 1, 4, 0, 2])
    before, after = (coupling(rows, (None, None)) for rows in ((ours, theirs), (ours[order], theirs[order])))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value)
