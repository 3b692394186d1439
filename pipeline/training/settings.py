"""Settings that training stages share: batches, optimizer, duration."""

from typing import Annotated, Any

from pydantic import Field

from pipeline.config.references import ComponentName
from pipeline.config.schema import StrictModel


class BatchSettings(StrictModel):
    """A global batch of `identities` persons with `instances` crops each; it does not depend on the world size."""

    identities: int = Field(16, ge=2)
    instances: int = Field(4, ge=1)

    @property
    def size(self) -> int:
        """Return the number of images."""
        return self.identities * self.instances


class OptimizerSettings(StrictModel):
    """AdamW with linear warm-up and a cosine."""

    lr: float = Field(2e-3, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    warmup: float = Field(0.1, ge=0, lt=1)  # share of all updates
    ema: float = Field(0.99, ge=0, lt=1)
    clip: float = Field(0.0, ge=0)

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
        }


class AugmentSettings(StrictModel):
    """Random changes of training crops; null keeps the preset's own strength."""

    preset: Annotated[str, ComponentName("augment")] = "reid"
    erasing: float | None = Field(None, ge=0, le=1)
    colour: float | None = Field(None, ge=0, le=3)
