"""What each stage's settings accept, and the sentence for what they do not."""

import pytest

from pipeline.errors import ConfigError
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import MODES
from tests.smoke.tiny import make_config, make_tree


def sentence_of(stage, **settings):
    tree = make_tree()
    tree["stages"][stage] |= settings
    with pytest.raises(ConfigError) as caught:
        make_config(tree)
    return str(caught.value)


@pytest.mark.parametrize(
    ("stage", "settings", "words"),
    [
        ("pretrain", {"epochs": 3}, "give either epochs or steps"),
        ("pretrain", {"steps": None}, "give either epochs or steps"),
        ("pretrain", {"steps": 0}, "stages.pretrain.steps"),
        ("pretrain", {"batch": {"identities": 1}}, "stages.pretrain.batch.identities"),
        ("pretrain", {"train": "bigg"}, "big"),
        ("pretrain", {"data": "sorce"}, "source"),
        ("pretrain", {"objectives": {"tripletz": {}}}, "triplet"),
        ("pretrain", {"objectives": {"triplet": {"margn": 1.0}}}, "margin"),
        ("pretrain", {"augment": {"preset": "reiid"}}, "reid"),
        ("adapt", {"mode": "jiont"}, "joint"),
        ("adapt", {"mode": "distil_then_adapt", "rounds": 1}, "needs at least 2 rounds"),
        ("adapt", {"teacher": "pretrain.bset"}, "best"),
        ("adapt", {"teacher": "adapt.best"}, "adapt"),
        ("adapt", {"beta": {"start": 0.0}}, "stages.adapt.beta.start"),
        ("adapt", {"optimizer": {"lr": -1}}, "stages.adapt.optimizer.lr"),
        ("adapt", {"clustering": {"eps": "automatic"}}, "auto"),
        ("adapt", {"roundz": 3}, "rounds"),
        ("score", {"models": {}}, "stages.score.models"),
        ("score", {"index": "flatt"}, "flat"),
        ("score", {"models": {"student_direct": "direct"}}, "direct"),
    ],
)
def test_a_mistake_is_told_with_its_place(stage, settings, words):
    sentence = sentence_of(stage, **settings)
    assert words in sentence
    assert stage in sentence


def test_all_mistakes_come_together():
    tree = make_tree(mode="jiont", roundz=3)
    tree["stages"]["pretrain"]["steps"] = 0
    with pytest.raises(ConfigError) as caught:
        make_config(tree)
    assert all(words in str(caught.value) for words in ("mode", "roundz", "steps"))


def test_every_mode_has_its_terms():
    assert set(MODES) == set(TEACHER_TERMS) == set(STUDENT_TERMS)
    for mode, phases in MODES.items():
        assert bool(TEACHER_TERMS[mode]) == any(phase.teacher_learns for phase in phases)
        assert STUDENT_TERMS[mode]
