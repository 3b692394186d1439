"""Which teachers, settings and terms of a teacher fit a mode; told when a configuration is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.build.tables import DEFAULT_DOMAINS, OBJECTIVES
from pipeline.training.phases import FROZEN_TEACHER, MODES
from pipeline.training.scoped import SOURCE

ROUTE, AGGREGATION = "route", "aggregation"


def is_route(reference: str) -> bool:
    """Return whether an artifact of this name is a route.

    Args:
        reference: `stage.role`.
    """
    return reference.rpartition(".")[2] == ROUTE


def teacher_problem(mode: str, teachers: Sequence[str], *, has_route: bool, has_ensemble: bool) -> str:
    """Say why these teachers can't teach in a mode; nothing where they can.

    Args:
        mode: a key of MODES.
        teachers: artifacts.
        has_route: whether `route` is given.
        has_ensemble: whether `ensemble` is given.
    """
    routes = [name for name in teachers if is_route(name)]
    frozen = " and ".join(FROZEN_TEACHER)
    if len(teachers) > 1 and routes:
        return f"{routes[0]} is a route among several teachers; a route teaches alone"
    if (routes or len(teachers) > 1) and mode not in FROZEN_TEACHER:
        what = f"{routes[0]} is a route" if routes else f"teacher names {len(teachers)} networks"
        return f"{what}, and mode {mode} needs one network that it can move or leave out; modes {frozen} take it"
    if has_route and not routes:
        return f"route is given, but teacher is {teachers[0]}; name the role route of the stage that leaves it"
    if has_ensemble and len(teachers) == 1:
        return "ensemble is given, but there is one teacher; list several as teacher"
    return ""


def prokt_problem(mode: str, *, has_prokt: bool) -> str:
    """Say why `prokt` can't be given; nothing where it can.

    Args:
        mode: a key of MODES.
        has_prokt: whether `prokt` is given.
    """
    if has_prokt and not any(phase.is_mutual for phase in MODES[mode]):
        return f"prokt is given, but the mode is {mode}; it has an effect in mode prokt alone"
    return ""


def anchors_problem(mode: str, anchors: int, rounds: int) -> str:
    """Say why the teacher can't leave so many states; nothing where it can.

    Args:
        mode: a key of MODES.
        anchors: states wanted.
        rounds: of the teacher.
    """
    if anchors > 1 and not any(phase.teacher_learns for phase in MODES[mode]):
        return f"anchors is {anchors}, but the teacher of mode {mode} does not learn, so its route has one state"
    if anchors > rounds + 1:
        return f"anchors is {anchors}, but {rounds} rounds leave {rounds + 1} states of the teacher"
    return ""


def listening_problem(mode: str, terms: Mapping[str, Mapping[str, Any]]) -> str:
    """Say why a teacher's terms that hear the student do not fit a mode; nothing where they do.

    Args:
        mode: a key of MODES.
        terms: of the teacher, as configured.
    """
    is_mutual = any(phase.is_mutual for phase in MODES[mode])
    listening = {name: use for name, use in _uses(terms).items() if getattr(OBJECTIVES[use], "needs_teacher", False)}
    if listening and not is_mutual:
        return f"the teacher's {', '.join(listening)} would hear the student, which happens in mode prokt alone"
    if is_mutual and not listening:
        return "in mode prokt the teacher has to hear its student; put proximal into teacher_objectives"
    for name, use in listening.items():
        if tuple(terms[name].get("on") or DEFAULT_DOMAINS.get(use, ("target",))) != (SOURCE,):
            return f"the teacher's {name} hears the student on the source alone; write on: [source]"
    return ""


def aggregation_problem(terms: Mapping[str, Mapping[str, Any]], aggregation: str | None) -> str:
    """Say why the student's terms and the weights of a search do not fit together; nothing where they do.

    Args:
        terms: of the student, as configured.
        aggregation: artifact with the weights, or None.
    """
    reading = [name for name, use in _uses(terms).items()
               if use == "dfa" and (terms[name] or {}).get("aggregation") == "searched"]  # fmt: skip
    if reading and aggregation is None:
        return (
            f"{reading[0]} takes aggregation: searched, and no weights are given; name those of a dfa_search as "
            "aggregation of a progressive_kd, or take uniform or last"
        )
    if aggregation is not None and not reading:
        return (
            f"aggregation is {aggregation}, but no objective reads it; give `dfa: {{aggregation: searched}}`, or leave "
            "it out"
        )
    if aggregation is not None and aggregation.rpartition(".")[2] != AGGREGATION:
        return f"aggregation is {aggregation}; name the role {AGGREGATION} of a dfa_search"
    return ""


def memory_problem(
    student: Mapping[str, Mapping[str, Any]], teacher: Mapping[str, Mapping[str, Any]], remembers: str | None
) -> str:
    """Say why the terms and the earlier network to be remembered do not fit together; nothing where they do.

    Args:
        student: terms of the student, as configured.
        teacher: terms of the teacher.
        remembers: artifact of the earlier network, or None.
    """
    listening, misplaced = (
        [name for name, use in _uses(terms).items() if getattr(OBJECTIVES[use], "hears_memory", False)]
        for terms in (student, teacher)
    )
    if misplaced:
        return f"the teacher's {misplaced[0]} would hear an earlier network, which the student alone does"
    if listening and remembers is None:
        return f"{listening[0]} hears an earlier network, and none is given; name it as remembers of a progressive_kd"
    if remembers is not None and not listening:
        return f"remembers is {remembers}, but no objective hears it; give `lwf: {{}}`, or leave it out"
    if remembers is not None and is_route(remembers):
        return f"remembers is {remembers}, a route; name one network, such as the role best"
    return ""


def _uses(terms: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    # Unknown names are told by the check of the components.
    used = {name: str((arguments or {}).get("use", name)) for name, arguments in terms.items()}
    return {name: use for name, use in used.items() if use in OBJECTIVES}
