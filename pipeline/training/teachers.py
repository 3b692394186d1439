"""What stands behind `teacher`: one network, the route of one, or several that speak as one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pipeline.checkpoint import load_model
from pipeline.checkpoint_route import State, load_route
from pipeline.models.reid import ReIDModel
from pipeline.teaching.ensemble import EnsembleTeacher
from pipeline.teaching.routed import RoutedTeacher
from pipeline.training.phases import Round
from pipeline.training.teacher_settings import EnsembleSettings, RouteSettings


@dataclass(frozen=True)
class LoadedTeacher:
    """A teacher on the CPU, in eval mode.

    Args:
        model: what answers and embeds; an ensemble does both as one network does.
        specs: how each network was built.
        states: along the route of the network; empty without a route.
    """

    model: ReIDModel
    specs: tuple[Mapping[str, Any], ...]
    states: tuple[State, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Return the largest height and the largest width of the networks' inputs."""
        return max(spec["size"][0] for spec in self.specs), max(spec["size"][1] for spec in self.specs)

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return how the network was built; there is only one."""
        (spec,) = self.specs
        return spec


def load_teacher(
    paths: Sequence[Path],
    *,
    route: RouteSettings | None = None,
    ensemble: EnsembleSettings | None = None,
    seed: int = 0,
) -> LoadedTeacher:
    """Read a teacher's files.

    Args:
        paths: one file, or one of each member of an ensemble.
        route: where the only file is a route.
        ensemble: how several members speak.
        seed: of what they draw.

    Raises:
        CheckpointError: a file is missing, damaged or of another sort.
        ConfigError: the members know different numbers of identities.
    """
    if route is not None:
        along = load_route(paths[0])
        return LoadedTeacher(along.model, (along.spec,), along.states)
    loaded = [load_model(path) for path in paths]
    if len(loaded) == 1:
        return LoadedTeacher(loaded[0].model, (loaded[0].spec,))
    settings = (ensemble or EnsembleSettings()).model_dump()
    joined = EnsembleTeacher([member.model for member in loaded], **settings, seed=seed).eval()
    return LoadedTeacher(cast(ReIDModel, joined), tuple(member.spec for member in loaded))


def steps_of_route(schedule: Sequence[Round], steps: int) -> int:
    """Return the steps of a schedule in which a teacher that rests is heard.

    Args:
        schedule: all rounds; those with such a teacher come first.
        steps: of each round.
    """
    return steps * sum(now.phase.rests_and_teaches for now in schedule)


def routed_teacher(
    network: ReIDModel, states: Sequence[State], settings: RouteSettings, *, steps: int
) -> RoutedTeacher:
    """Return what walks a frozen network along its states.

    Args:
        network: on its device.
        states: of the route.
        settings: which states teach, and for how long.
        steps: in which the teacher is heard, all in all.

    Raises:
        ConfigError: more anchors than states, or than steps.
    """
    anchors, segments = settings.chosen(len(states)), settings.repeats(len(states))
    is_greedy = settings.rule == "greedy" and segments > 1
    return RoutedTeacher(
        network, states, starts=settings.starts(len(anchors), steps), anchors=anchors,
        budget=steps // segments if is_greedy else 0, segments=segments, delta=settings.delta,
    )  # fmt: skip
