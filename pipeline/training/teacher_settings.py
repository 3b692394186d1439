"""Settings of who teaches and when: mutual steps, a route of anchors, several teachers at once."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config.references import SilentDefault
from pipeline.config.schema import StrictModel
from pipeline.errors import ConfigError
from pipeline.teaching.route import equal_interval, one_stage_segments


class ProKTSettings(StrictModel):
    """Steps in which the teacher stays near to its student; how near says the objective `proximal`."""

    # The teacher's learning rate by the student's; null takes that of `teacher_optimizer`.
    teacher_lr_ratio: float | None = Field(0.3, gt=0)
    # Both classifiers start at zero, hence at the same answer.
    zero_init_head: bool = False
    # Share of the rounds in which the student first hears a teacher that rests; null: a quarter where both networks
    # begin far apart, that is, without `init` and without zero heads.
    warmup: float | None = Field(None, ge=0, lt=1)

    def warmup_rounds(self, rounds: int, *, is_fresh: bool) -> int:
        """Return the rounds of plain distillation at the beginning, at most all but one.

        Args:
            rounds: of the student, all in all.
            is_fresh: whether the student starts without `init`.
        """
        share = (0.25 if is_fresh and not self.zero_init_head else 0.0) if self.warmup is None else self.warmup
        return min(max(1, round(share * rounds)), rounds - 1) if share > 0 else 0


class RouteSettings(StrictModel):
    """How a student goes along the stored states of a frozen teacher."""

    rule: Literal["one_stage", "eei", "greedy"] = "one_stage"
    # null takes all states that the route has; of `greedy` it is the largest number.
    anchors: int | None = Field(None, ge=1)
    # Of `greedy`: how much harder than the present anchor the next one may be.
    delta: float = Field(2.0, gt=0)
    # Of `one_stage`: least share of the steps for the last anchor.
    last_share: float = Field(0.4, gt=0, le=1)

    @model_validator(mode="after")
    def _nothing_idle(self) -> "RouteSettings":
        for name, rule in (("delta", "greedy"), ("last_share", "one_stage")):
            if self.rule != rule and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} has an effect under rule {rule} alone, and the rule is {self.rule}")
        return self

    def chosen(self, states: int) -> list[int]:
        """Return the 1-based states that teach, as far as they are known before training.

        Args:
            states: that the route has.

        Raises:
            ConfigError: more anchors are asked for than the route has.
        """
        count = self.anchors or states
        if count > states:
            raise ConfigError(
                f"route.anchors is {count} and the route has {states} states", f"{states} anchors or fewer",
                "Leave route.anchors out, or raise anchors in the stage that leaves the route.",
            )  # fmt: skip
        # A single anchor is the end of the way, whatever the rule.
        return [1] if self.rule == "greedy" and count > 1 else equal_interval(states, count)

    def starts(self, anchors: int, steps: int) -> list[int]:
        """Return the steps at which the chosen anchors begin to teach.

        Args:
            anchors: their number.
            steps: with a teacher, all in all.
        """
        if self.rule == "greedy":
            return [0]
        lengths = one_stage_segments(steps, anchors, self.last_share)
        if self.rule == "eei":
            lengths = [steps // anchors] * anchors
        return [sum(lengths[:position]) for position in range(anchors)]

    def repeats(self, states: int) -> int:
        """Return how often a phase with a teacher is carried out, because each anchor has a budget of its own.

        Args:
            states: that the route has.
        """
        return 1 if self.rule == "one_stage" else self.anchors or states


class EnsembleSettings(StrictModel):
    """How several teachers speak as one."""

    # Whom a step hears: their mean, one of them by chance, or their logits weighted by how much they agree.
    combine: Annotated[Literal["average", "random", "agreement"], SilentDefault("average")] = "average"
    # At which probabilities are averaged: that of the `kd` which reads them.
    temperature: float = Field(4.0, gt=0)
    average: Literal["probabilities", "logits"] = "probabilities"

    @model_validator(mode="after")
    def _nothing_idle(self) -> "EnsembleSettings":
        for name in ("temperature", "average"):
            if self.combine == "random" and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name} has no effect with combine random, which hears one teacher at a time")
        return self
