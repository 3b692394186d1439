"""The table of modes, and how beta moves over the rounds."""

import pytest

from pipeline.errors import ConfigError
from pipeline.training.beta import BetaSettings
from pipeline.training.phases import MODES, rounds_of


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rounds", [2, 8])
def test_each_network_that_learns_gets_the_same_number_of_rounds(mode, rounds):
    schedule = rounds_of(mode, rounds)
    assert [now.number for now in schedule] == list(range(len(schedule)))
    teacher = sum(now.phase.teacher_learns for now in schedule)
    student = sum(now.phase.student_learns for now in schedule)
    assert student == rounds
    assert teacher in (0, rounds)


@pytest.mark.parametrize("mode", MODES)
def test_a_phase_is_consistent(mode):
    for phase in MODES[mode]:
        assert phase.teacher_learns or phase.student_learns
        assert not phase.is_progressive or (phase.teacher_learns and phase.student_learns)
        assert phase.student_learns or phase.teaches == "nobody"


def test_positions_start_anew_in_each_phase():
    assert [(now.position, now.of) for now in rounds_of("two_stage", 2)] == [(1, 2), (2, 2), (1, 2), (2, 2)]
    assert [(now.position, now.of) for now in rounds_of("distil_then_adapt", 4)] == [(1, 2), (2, 2), (1, 2), (2, 2)]


def test_too_few_rounds_are_refused():
    with pytest.raises(ConfigError, match="mode distil_then_adapt with 1 rounds; expected at least 2 rounds"):
        rounds_of("distil_then_adapt", 1)


def test_beta_has_its_golden_values():
    beta = BetaSettings(schedule="exponential", start=0.1, end=0.9)
    assert [beta.value(i, of=2) for i in (1, 2)] == pytest.approx([0.1, 0.3])
    linear = BetaSettings(schedule="linear", start=0.2, end=0.8)
    assert [linear.value(i, of=4) for i in (1, 2, 3, 4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert BetaSettings(schedule="constant", start=0.2, end=0.5).value(3, of=9) == 0.5
