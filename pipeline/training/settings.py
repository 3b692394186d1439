"""Settings that training stages share: batches, optimizer, duration."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config.references import ComponentName
from pipeline.config.schema import StrictModel
from pipeline.training.rates import RateSchedule, Shape


class BatchSettings(StrictModel):
    """A global batch of `identities` persons with `instances` crops each; it does not depend on the world size."""

    identities: int = Field(16, ge=2)
    instances: int = Field(4, ge=1)

    @property
    def size(self) -> int:
        """Return the number of images."""
        return self.identities * self.instances


class OptimizerSettings(StrictModel):
    """AdamW with linear warm-up and a cosine; SGD and other schedules for the protocols of papers."""

    kind: Literal["adamw", "sgd"] = "adamw"
    lr: float = Field(2e-3, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)  # share of all updates
    ema: float = Field(0.99, ge=0, lt=1)
    clip: float = Field(0.0, ge=0)
    momentum: float | None = Field(None, ge=0, lt=1)  # of sgd; null is 0.9
    nesterov: bool = False  # of sgd
    schedule: Shape = "cosine"
    milestones: tuple[float, ...] = ()  # shares of all updates at which the rate of 'steps' falls
    drop: float = Field(0.1, gt=0, lt=1)  # the factor by which it falls

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "OptimizerSettings":
        if self.kind == "adamw" and (self.momentum is not None or self.nesterov):
            raise ValueError("momentum and nesterov belong to kind sgd")
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum")
        if (self.schedule == "steps") != bool(self.milestones):
            raise ValueError("milestones belong to schedule steps, which needs at least one")
        if list(self.milestones) != sorted(set(self.milestones)) or not all(0 < m < 1 for m in self.milestones):
            raise ValueError(
                f"milestones {list(self.milestones)} are shares of all updates: ascending, between 0 and 1"
            )
        return self

    def player(self, *, total_steps: int) -> dict[str, Any]:
        """Return the keyword arguments of a `Player`.

        Args:
            total_steps: updates of the stage.
        """
        return {
            "lr": self.lr,
            "weight_decay": self.weight_decay,
            "total_steps": total_steps,
            "warmup": round(self.warmup * total_steps),
            "decay": self.ema,
            "clip": self.clip,
            "schedule": RateSchedule(self.schedule, self.milestones, self.drop),
            "sgd": None if self.kind == "adamw" else self._sgd,
        }

    @property
    def _sgd(self) -> dict[str, Any]:
        return {"momentum": 0.9 if self.momentum is None else self.momentum, "nesterov": self.nesterov}


class AugmentSettings(StrictModel):
    """Random changes of training images; null keeps the preset's or the policy's own strength."""

    preset: Annotated[str, ComponentName("augment")] = "reid"
    erasing: float | None = Field(None, ge=0, le=1)
    colour: float | None = Field(None, ge=0, le=3)
    policy: Annotated[str, ComponentName("policy")] | None = None
    magnitude: float | None = Field(None, ge=0, le=60)  # of randaugment
    operations: int | None = Field(None, ge=1)  # of randaugment

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "AugmentSettings":
        if not (self.policy or "").startswith("randaugment") and (self.magnitude, self.operations) != (None, None):
            raise ValueError("magnitude and operations belong to policy randaugment or randaugment_reid")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `build_transform`, but for the size."""
        return self.model_dump()
