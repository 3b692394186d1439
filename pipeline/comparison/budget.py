"""How much training each method of a comparison gets: as written, so many steps, or as many as fit into a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Budget:
    """The same for all methods.

    Args:
        kind: `as_written` in the configuration, `steps` all in all, or `seconds` of training steps.
        amount: how many; 0 where it is as written.
    """

    kind: Literal["as_written", "steps", "seconds"]
    amount: int = 0


def parse_budget(text: str | None) -> Budget:
    """Read `steps:N` or `seconds:N`; None is the budget that is written.

    Args:
        text: word of the command line.

    Raises:
        ConfigError: it is neither.
    """
    if text is None:
        return Budget("as_written")
    kind, _, amount = text.partition(":")
    if kind not in ("steps", "seconds") or not amount.isdecimal() or not int(amount):
        raise ConfigError(f"--budget {text}", "steps:N or seconds:N with a whole number, such as steps:400")
    return Budget("steps" if kind == "steps" else "seconds", int(amount))


def with_steps(name: str, stage: Mapping[str, Any], total: int) -> dict[str, Any]:
    """Return a stage that trains so many steps in all of its rounds together.

    Args:
        name: of the stage.
        stage: its settings.
        total: steps; a multiple of its rounds.

    Raises:
        ConfigError: the stage counts in something else, or its rounds don't divide the steps.
    """
    if not isinstance(stage.get("steps"), int):
        raise ConfigError(f"a budget of {total} steps, and stage {name} has no `steps`", "a stage that counts in steps")
    rounds = stage.get("rounds", 1)
    if total % rounds:
        nearest = max(rounds, round(total / rounds) * rounds)
        raise ConfigError(f"a budget of {total} steps in {rounds} rounds", "a multiple of the rounds",
                          f"The nearest is steps:{nearest}.")  # fmt: skip
    return {**stage, "steps": total // rounds}


def steps_within(name: str, seconds: float, *, step: float, needs: float, rounds: int) -> int:
    """Return how many steps fit into a time.

    Args:
        name: of the method.
        seconds: to spend.
        step: seconds of one of its steps; above 0.
        needs: seconds of the stages that it alone needs.
        rounds: of the stage, 1 or more; the steps are a multiple of them.

    Raises:
        ConfigError: not even one step a round fits.
    """
    total = int(max(0.0, seconds - needs) / step) // rounds * rounds
    if not total:
        raise ConfigError(
            f"{name} can't be compared within {seconds:g} s: what it needs takes {needs:.1f} s, a step {step:.3f} s",
            f"a step for each of {rounds} rounds", f"Give seconds:{int(needs + step * rounds) + 1} or more.",
        )  # fmt: skip
    return total
