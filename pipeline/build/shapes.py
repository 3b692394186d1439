"""What objectives get told of the two networks, and what of it has to be there before anything is trained."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import ConfigError
from pipeline.losses.distillation.maps import channels_of
from pipeline.losses.objective import heard_maps_of, maps_of
from pipeline.models.bnneck import BNNeck
from pipeline.types import NetworkShape


def supplied_shapes(
    name: str,
    constructor: Callable[..., Any],
    *,
    student: NetworkShape,
    teacher: NetworkShape | None,
    searched: Mapping[str, Mapping[str, float]] | None = None,
) -> dict[str, Any]:
    """Return the arguments of an objective that the networks decide or are made of, as its signature asks for them.

    Args:
        name: of the objective, for the message.
        constructor: its class.
        student: shape of the network that learns.
        teacher: shape of the network that it listens to, or None.
        searched: weights of the teacher's maps by stage, where a search found some.

    Raises:
        ConfigError: the teacher's shape is asked for and there is none.
    """
    known = {"width": student.width, "student_shape": student, "teacher_shape": teacher, "searched": searched,
             "make_neck": BNNeck}  # fmt: skip
    wanted = inspect.signature(constructor).parameters
    if "teacher_shape" in wanted and teacher is None:
        raise _no_teacher(name)
    return {key: value for key, value in known.items() if key in wanted}


def check_needs(name: str, objective: Any, *, student: NetworkShape, teacher: NetworkShape | None) -> None:
    """Check that both networks have the maps that an objective reads, and that there is a teacher to look into.

    Args:
        name: of the objective, for the message.
        objective: it.
        student: shape of the network that learns.
        teacher: shape of the network that it listens to, or None.

    Raises:
        ConfigError: something is missing.
    """
    maps = maps_of(objective)
    for tap in maps:
        channels_of(name, student, tap=tap, whose="student")
    if not objective.needs_teacher or not (maps or hasattr(objective, "bind_networks")):
        return
    if teacher is None:
        raise _no_teacher(name)
    for tap in heard_maps_of(objective):
        channels_of(name, teacher, tap=tap, whose="teacher")


def check_domains(name: str, objective: Any, domains: tuple[str, ...]) -> None:
    """Check that an objective that reads no image stands on one domain: on two it would be counted twice.

    Args:
        name: of the objective, for the message.
        objective: it.
        domains: those that it is put on.

    Raises:
        ConfigError: there are several.
    """
    if "weights" in objective.reads and len(domains) > 1:
        raise ConfigError(
            f"objective {name} on {' and '.join(domains)}",
            "one of them",
            "It reads weights and no image: `on: [source]`.",
        )


def _no_teacher(name: str) -> ConfigError:
    return ConfigError(
        f"objective {name} compares the inside of two networks, and no teacher is heard here", "a teacher",
        f"Take {name} out, or choose a mode in which the student hears a teacher.",
    )  # fmt: skip
