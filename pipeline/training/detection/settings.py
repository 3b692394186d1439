"""Settings that the detector stages share."""

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config.references import ComponentName
from pipeline.config.schema import StrictModel


class FrameSettings(StrictModel):
    """What of a frame is learnt from."""

    # Lower people, in pixels of the network's input, and people less visible than this are ignored in training.
    min_height: float = Field(16.0, ge=0)
    min_visible: float = Field(0.3, ge=0, le=1)
    augment: Annotated[str, ComponentName("frame_augment")] = "standard"


class PseudoBoxSettings(StrictModel):
    """How the mean teacher's boxes on unlabelled frames are used."""

    # Calibrated confidence of a box that teaches, and below which a box is taken for background.
    keep: float = Field(0.6, ge=0, le=1)
    ignore: float = Field(0.2, ge=0, le=1)
    weight: float = Field(1.0, ge=0)
    nms: float = Field(0.5, gt=0, le=1)
    most: int = Field(100, ge=1)
    # Random changes of the view that the student learns from; geometry is that of the teacher's view.
    strong: Annotated[str, ComponentName("frame_augment")] = "strong"

    @model_validator(mode="after")
    def _ordered(self) -> "PseudoBoxSettings":
        if self.ignore > self.keep:
            raise ValueError(f"ignore {self.ignore} is above keep {self.keep}; the first has to be the smaller one")
        return self
