import logging

import pytest
import torch

from pipeline.errors import ConfigError, TrainingError
from pipeline.losses.adaptation.mmd import MMD
from pipeline.losses.distillation.relation import Relation
from pipeline.losses.objective import DomainObjective, Objective, ObjectiveSum, is_between_domains
from pipeline.losses.supervised.cross_entropy import CrossEntropy
from pipeline.types import ReIDBatch, Taps


class Scaled:
    """Mean of the embedding times a factor."""

    reads = ("embedding",)
    needs_teacher = False
    needs_labels = False

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> torch.Tensor:
        return student.embedding.mean() * self.factor


def make_views() -> tuple[Taps, None, ReIDBatch]:
    rows = torch.ones(2, 3, requires_grad=True)
    batch = ReIDBatch(torch.zeros(2, 3, 1, 1), torch.arange(2), None, torch.zeros(2, dtype=torch.int64))
    return Taps(rows, rows), None, batch


def test_total_is_weighted_and_parts_are_not() -> None:
    terms = ObjectiveSum({"a": (Scaled(2.0), 0.5), "b": (Scaled(3.0), 10.0)})(*make_views())
    assert terms.total.item() == pytest.approx(31.0)
    assert {name: value.item() for name, value in terms.parts.items()} == {"a": 2.0, "b": 3.0}
    assert terms.total.requires_grad
    assert not any(value.requires_grad for value in terms.parts.values())


def test_a_term_that_is_not_finite_stops_with_all_terms() -> None:
    objectives = ObjectiveSum({"good": (Scaled(1.0), 1.0), "bad": (Scaled(float("nan")), 1.0)})
    with pytest.raises(TrainingError, match=r"'good': 1\.0, 'bad': nan"):
        objectives(*make_views())


def test_a_term_with_weight_zero_is_watched_as_well() -> None:
    with pytest.raises(TrainingError, match="inf"):
        ObjectiveSum({"bad": (Scaled(float("inf")), 0.0)})(*make_views())


def test_a_term_that_stays_zero_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    objectives = ObjectiveSum({"dead": (Scaled(0.0), 1.0), "alive": (Scaled(1.0), 1.0)})
    with caplog.at_level(logging.WARNING):
        for _ in range(45):
            objectives(*make_views())
    assert [record.message for record in caplog.records] == [
        "loss terms that were exactly zero in the first 20 steps: dead"
    ]


def test_weights_can_follow_a_schedule() -> None:
    objectives = ObjectiveSum({"a": (Scaled(2.0), 0.5)})
    objectives.set_weight("a", 3.0)
    assert objectives(*make_views()).total.item() == pytest.approx(6.0)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_makes_no_sense_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="the weight of a is"):
        ObjectiveSum({"a": (Scaled(1.0), weight)})


def test_an_unknown_term_is_refused() -> None:
    with pytest.raises(ConfigError, match="no objective 'b'"):
        ObjectiveSum({"a": (Scaled(1.0), 1.0)}).set_weight("b", 1.0)


def test_terms_between_domains_have_their_own_sum() -> None:
    with pytest.raises(ConfigError, match="mix one batch and two domains"):
        ObjectiveSum({"relation": (Relation(), 1.0), "mmd": (MMD(), 1.0)})
    source, _, batch = make_views()
    other = Taps(source.embedding + 1, source.embedding + 1)
    terms = ObjectiveSum({"mmd": (MMD(), 2.0)})(source, other, batch, batch)
    torch.testing.assert_close(terms.total.detach(), 2 * terms.parts["mmd"])


def test_the_two_kinds_are_told_apart() -> None:
    assert is_between_domains(MMD)
    assert not is_between_domains(CrossEntropy())
    assert isinstance(CrossEntropy(), Objective)
    assert isinstance(MMD(), DomainObjective)


def test_no_terms_give_zero() -> None:
    terms = ObjectiveSum({})(*make_views())
    assert terms.total.item() == 0.0
    assert terms.parts == {}
