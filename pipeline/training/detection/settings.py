"""Settings that the detector stages share."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config.references import ComponentName
from pipeline.config.schema import StrictModel
from pipeline.training.settings import OptimizerSettings


class DetectorOptimizerSettings(OptimizerSettings):
    """AdamW with the rate and the clipping that detectors from random weights need."""

    lr: float = Field(4e-3, gt=0)
    clip: float = Field(10.0, ge=0)


class FrameSettings(StrictModel):
    """What of a frame is learnt from."""

    # Lower people, in pixels of the network's input, and people less visible than this are ignored in training.
    min_height: float = Field(16.0, ge=0)
    min_visible: float = Field(0.3, ge=0, le=1)
    # Strong by default: a detector that has seen many kinds of light is lost less often before new cameras.
    augment: Annotated[str, ComponentName("frame_augment")] = "strong"


class PseudoBoxSettings(StrictModel):
    """How a mean network's boxes on unlabelled frames are used."""

    # Whose boxes: a frozen teacher's never get better, the student's mean does.
    by: Literal["teacher", "student"] = "student"
    # Rounds on labels, colours and distillation alone, before the first boxes are believed.
    from_round: int = Field(2, ge=0)
    # Calibrated confidence of a box that teaches in any case.
    keep: float = Field(0.6, ge=0, le=1)
    # Of the people that are expected on target frames: so many boxes teach at least, and so many are not taken for
    # background.
    shares: tuple[float, float] = (0.5, 2.0)
    # Whether the background of fixed cameras helps to tell people from furniture; other cameras do without.
    foreground: bool = True
    # Sizes in which each target frame is looked at, once a round: people who are far away are found where it is
    # enlarged.
    looks: tuple[Annotated[float, Field(ge=0.25, le=4)], ...] = (1.0, 2.0)
    weight: float = Field(1.0, ge=0)
    nms: float = Field(0.5, gt=0, le=1)
    most: int = Field(100, ge=1)
    # Random changes of the view that the student learns from; geometry is that of the teacher's view.
    strong: Annotated[str, ComponentName("frame_augment")] = "strong"

    @model_validator(mode="after")
    def _ordered(self) -> "PseudoBoxSettings":
        if not self.looks:
            raise ValueError("looks is empty; name at least one size, such as [1.0]")
        if not 0 <= self.shares[0] <= self.shares[1]:
            raise ValueError(f"shares {list(self.shares)}; expected two numbers from 0 on, the first the smaller one")
        return self
