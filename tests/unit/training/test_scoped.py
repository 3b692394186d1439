"""Terms by domain: who is called with what, and what is refused."""

import pytest
import torch

from pipeline import build
from pipeline.errors import ConfigError
from pipeline.types import NetworkShape, Taps
from tests.unit.training.make_parts import make_batches, make_model

SHAPE = NetworkShape(width=5, num_classes=4, maps={})
TERMS = {
    "cross_entropy": {"weight": 2.0},
    "kd": {"temperature": 4.0},
    "centroid_contrast": {},
    "mmd": {"weight": 0.5},
}


def make_taps(seed, *, batches):
    model = make_model(seed).eval()
    return {name: model(batch.images) for name, batch in batches.items()}


def make_objectives(terms=TERMS):
    objectives = build.objectives(terms, student=SHAPE, teacher=SHAPE)
    for objective in objectives.modules().values():
        objective.reset(torch.eye(4, 5))
    return objectives


def test_every_term_is_called_once_on_each_of_its_domains():
    batches = make_batches()
    said, teacher = make_taps(1, batches=batches), make_taps(2, batches=batches)
    terms = make_objectives()(said, teacher, batches)
    assert set(terms.parts) == {
        "source.cross_entropy", "source.kd", "target.kd", "target.centroid_contrast", "across.mmd",
    }  # fmt: skip
    weights = {"cross_entropy": 2.0, "mmd": 0.5}
    expected = sum(weights.get(name.split(".")[1], 1.0) * float(value) for name, value in terms.parts.items())
    assert float(terms.total.detach()) == pytest.approx(expected, rel=1e-5)


def test_without_a_teacher_or_target_labels_the_other_terms_stay():
    objectives = make_objectives()
    assert {term.name for term in objectives.without_teacher.terms} == {"cross_entropy", "centroid_contrast", "mmd"}
    rest = objectives.without_target_labels
    assert {(term.name, term.on) for term in rest.terms} == {
        ("cross_entropy", ("source",)), ("kd", ("source", "target")), ("mmd", ("across",)),
    }  # fmt: skip
    batches = make_batches(target_labels=False)
    said = make_taps(1, batches=batches)
    assert "target.centroid_contrast" not in rest(said, make_taps(2, batches=batches), batches).parts


def test_a_term_with_labels_on_both_domains_stays_on_the_source():
    objectives = make_objectives({"triplet": {"on": ["source", "target"]}})
    assert [term.on for term in objectives.without_target_labels.terms] == [("source",)]


def test_domains_that_no_term_reads_are_not_asked_for():
    objectives = make_objectives({"cross_entropy": {}})
    assert objectives.reads("source")
    assert not objectives.reads("target")
    assert make_objectives({"mmd": {}}).reads("source")


def test_wrong_domains_are_refused_with_a_sentence():
    with pytest.raises(ConfigError, match="objective mmd on source; expected 'across' for objectives between domains"):
        build.objectives({"mmd": {"on": ["source"]}}, student=SHAPE, teacher=SHAPE)


def test_one_objective_stands_twice_under_names_of_its_own():
    objectives = build.objectives(
        {"soft": {"use": "kd", "on": ["source"]}, "hard": {"use": "kd", "on": ["target"], "weight": 3.0}},
        student=SHAPE,
        teacher=SHAPE,
    )
    assert [(term.name, term.on, term.weight) for term in objectives.terms] == [
        ("soft", ("source",), 1.0), ("hard", ("target",), 3.0),
    ]  # fmt: skip
    assert objectives.needs_teacher


def test_teacher_taps_get_no_gradient():
    batches = make_batches()
    model = make_model(2)
    teacher = {name: model(batch.images) for name, batch in batches.items()}
    said = make_taps(1, batches=batches)
    terms = make_objectives({"kd": {}, "relation": {}, "embedding": {"on": ["source", "target"]}, "rkd": {}, "pkt": {}})
    terms(said, teacher, batches).total.backward()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_nothing_to_say_is_zero():
    taps = Taps(torch.zeros(2, 5), torch.zeros(2, 5))
    assert float(build.objectives({}, student=SHAPE, teacher=SHAPE)({"source": taps}, {}, {}).total) == 0.0
