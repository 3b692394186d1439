"""The modes of adaptation: who learns, who teaches and who clusters, phase after phase."""

from dataclasses import dataclass
from typing import Literal

from pipeline.errors import ConfigError

Speaker = Literal["nobody", "mean", "live"]
Clusterer = Literal["nobody", "teacher", "student"]


@dataclass(frozen=True)
class Phase:
    """A stretch of rounds with fixed parts.

    Args:
        share: share of the configured rounds; phases in which one network rests count the other's rounds.
        teacher_learns: whether the teacher takes steps.
        student_learns: whether the student takes steps.
        teaches: whose answers the student hears: the mean of the teacher, the teacher itself, or nobody's.
        clusters: whose embeddings are clustered into pseudo-labels.
        is_progressive: whether beta shares the step between teacher and student.
    """

    share: float
    teacher_learns: bool
    student_learns: bool
    teaches: Speaker
    clusters: Clusterer
    is_progressive: bool = False


# Every mode gives each network that learns the same number of updates.
MODES: dict[str, tuple[Phase, ...]] = {
    "joint": (Phase(1.0, True, True, "mean", "teacher", is_progressive=True),),
    "two_stage": (Phase(1.0, True, False, "nobody", "teacher"), Phase(1.0, False, True, "mean", "teacher")),
    "distil_then_adapt": (Phase(0.5, False, True, "mean", "nobody"), Phase(0.5, False, True, "nobody", "student")),
    "kd_only": (Phase(1.0, False, True, "mean", "nobody"),),
    "uda_only": (Phase(1.0, False, True, "nobody", "student"),),
    "as_published": (Phase(1.0, True, True, "live", "nobody", is_progressive=True),),
}


@dataclass(frozen=True)
class Round:
    """One round of a schedule.

    Args:
        number: 0-based over all phases.
        phase: what happens in it.
        position: 1-based inside its phase.
        of: rounds of its phase.
    """

    number: int
    phase: Phase
    position: int
    of: int


def rounds_of(mode: str, rounds: int) -> list[Round]:
    """Return all rounds of a mode.

    Args:
        mode: a key of MODES.
        rounds: rounds that each learning network gets.

    Raises:
        ConfigError: a phase would have no round.
    """
    schedule: list[Round] = []
    for phase in MODES[mode]:
        count = round(phase.share * rounds)
        if count < 1:
            raise ConfigError(f"mode {mode} with {rounds} rounds", f"at least {round(1 / phase.share)} rounds")
        schedule += [Round(len(schedule) + i, phase, i + 1, count) for i in range(count)]
    return schedule
