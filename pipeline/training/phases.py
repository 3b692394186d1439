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
        is_mutual: whether the teacher hears the student's answers on the source before its own step.
    """

    share: float
    teacher_learns: bool
    student_learns: bool
    teaches: Speaker
    clusters: Clusterer
    is_progressive: bool = False
    is_mutual: bool = False

    @property
    def rests_and_teaches(self) -> bool:
        """Return whether the student hears a teacher that stays as it is."""
        return self.teaches != "nobody" and not self.teacher_learns


# Every mode gives each network that learns the same number of updates.
MODES: dict[str, tuple[Phase, ...]] = {
    "joint": (Phase(1.0, True, True, "mean", "teacher", is_progressive=True),),
    "two_stage": (Phase(1.0, True, False, "nobody", "teacher"), Phase(1.0, False, True, "mean", "teacher")),
    "distil_then_adapt": (Phase(0.5, False, True, "mean", "nobody"), Phase(0.5, False, True, "nobody", "student")),
    "kd_only": (Phase(1.0, False, True, "mean", "nobody"),),
    "uda_only": (Phase(1.0, False, True, "nobody", "student"),),
    "as_published": (Phase(1.0, True, True, "live", "nobody", is_progressive=True),),
    "prokt": (Phase(1.0, True, True, "live", "nobody", is_mutual=True),),
}
# Before two networks move each other they have to be near: the student hears a teacher that rests.
WARM_UP = Phase(1.0, False, True, "live", "nobody")
# Modes in which nobody but a frozen teacher is ever heard: it may be a route, or several networks.
FROZEN_TEACHER = tuple(
    mode
    for mode, phases in MODES.items()
    if any(phase.rests_and_teaches for phase in phases) and not any(phase.teacher_learns for phase in phases)
)


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


def rounds_of(mode: str, rounds: int, *, warmup: int = 0, repeats: int = 1) -> list[Round]:
    """Return all rounds of a mode.

    Args:
        mode: a key of MODES.
        rounds: rounds that each learning network gets.
        warmup: of these, how many at the beginning only the student learns, of a teacher that rests.
        repeats: how often phases with a teacher that rests and teaches are carried out.

    Raises:
        ConfigError: a phase would have no round.
    """
    counts = [(phase, round(phase.share * rounds) - warmup) for phase in MODES[mode]]
    schedule: list[Round] = []
    for phase, count in [(WARM_UP, warmup), *counts] if warmup else counts:
        if count < 1:
            raise ConfigError(f"mode {mode} with {rounds} rounds", f"at least {round(1 / phase.share)} rounds")
        times = count * (repeats if phase.rests_and_teaches else 1)
        schedule += [Round(len(schedule) + i, phase, i + 1, times) for i in range(times)]
    return schedule
