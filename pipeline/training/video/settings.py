"""Settings of stages that work on clips of tracklets."""

from pydantic import Field

from pipeline.config.schema import StrictModel


class ClipSettings(StrictModel):
    """A clip has `length` frames, each `stride` frames after the one before."""

    length: int = Field(4, ge=1, le=64)
    stride: int = Field(2, ge=1)


class CouplingSettings(StrictModel):
    """Weights of what a head hears from its teacher; see `pipeline/losses/distillation/coupling.py`."""

    response: float = Field(0.5, ge=0)
    temperature: float = Field(4.0, gt=0)
    relation: float = Field(10.0, ge=0)
    feature: float = Field(0.2, ge=0)
