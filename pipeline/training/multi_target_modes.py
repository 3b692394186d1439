"""The modes of one student for several targets: their phases, terms and shares where the configuration names none."""

from dataclasses import replace

from pipeline.training.beta import BetaSettings
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS, Terms
from pipeline.training.phases import MODES, Phase, Round

# The published discriminators: gamma 0.5 for the teachers, alpha 0.5 for the student, which is shown both domains here.
_MT_TEACHER: Terms = {"cross_entropy": {}, "gradient_reversal": {"weight": 0.5}}
_MT_STUDENT: Terms = {
    "cross_entropy": {"weight": 0.5},
    "kd_source": {"use": "kd", "temperature": 20.0, "on": ["source"], "weight": 0.5},
    "kd_target": {"use": "kd", "temperature": 20.0, "on": ["target"]},
    "gradient_reversal": {"weight": 0.5},
}

MULTI_TARGET_MODES: dict[str, tuple[Phase, ...]] = {
    "joint": MODES["joint"],
    "two_stage": MODES["two_stage"],
    "mt_mtda": MODES["as_published"],
}
MULTI_TARGET_TEACHER_TERMS: dict[str, Terms] = {
    "joint": TEACHER_TERMS["joint"],
    "two_stage": TEACHER_TERMS["two_stage"],
    "mt_mtda": _MT_TEACHER,
}
MULTI_TARGET_STUDENT_TERMS: dict[str, Terms] = {
    "joint": STUDENT_TERMS["joint"],
    "two_stage": STUDENT_TERMS["two_stage"],
    "mt_mtda": _MT_STUDENT,
}
MULTI_TARGET_BETA: dict[str, BetaSettings] = {
    "joint": BetaSettings(),
    "two_stage": BetaSettings(),
    "mt_mtda": BetaSettings(start=0.1, end=0.5),
}


def multi_target_rounds(mode: str, rounds: int, *, teacher_learns: bool) -> list[Round]:
    """Return all rounds of a mode; with teachers that stay as they are, only those in which the student learns.

    Args:
        mode: a key of MULTI_TARGET_MODES.
        rounds: rounds that each learning network gets.
        teacher_learns: False for teachers that have been adapted before.
    """
    phases = MULTI_TARGET_MODES[mode]
    if not teacher_learns:
        phases = tuple(replace(p, teacher_learns=False, is_progressive=False) for p in phases if p.student_learns)
    # Every phase of these modes takes all rounds of the networks that learn in it.
    places = [(phase, i + 1) for phase in phases for i in range(rounds)]
    return [Round(number, phase, position, rounds) for number, (phase, position) in enumerate(places)]
