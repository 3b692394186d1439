"""Settings of following people and of cutting crops out of their tracks."""

from pydantic import Field, model_validator

from pipeline.config.schema import StrictModel


class TrackerSettings(StrictModel):
    """Which boxes make a track; confidences are those of labelled source frames where the stage has some."""

    high: float = Field(0.6, gt=0, le=1)  # a box that is believed on its own
    low: float = Field(0.1, ge=0, le=1)  # one that only continues a track
    birth: float = Field(0.7, gt=0, le=1)  # one that begins a track
    hits: int = Field(2, ge=1)  # frames in a row before a track counts
    lost_seconds: float = Field(1.0, ge=0)
    overlap: float = Field(0.2, ge=0, lt=1)
    doubtful_overlap: float = Field(0.5, ge=0, lt=1)
    new_overlap: float = Field(0.3, ge=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> "TrackerSettings":
        if not self.low <= self.high <= self.birth:
            raise ValueError(f"low {self.low}, high {self.high} and birth {self.birth}: give them in ascending order")
        return self


class CuttingSettings(StrictModel):
    """Which crops of a track are kept."""

    crops: int = Field(8, ge=1)
    least_crops: int = Field(2, ge=1)
    least_frames: int = Field(5, ge=1)
    least_travel: float = Field(0.5, ge=0)  # heights by which a track has to leave its place; furniture never does
    least_height: float = Field(32.0, ge=2)  # pixels of the frame
    most_overlap: float = Field(0.3, ge=0, le=1)  # of two people; above it the tracklets of both end
    most_hidden: float = Field(0.35, ge=0, le=1)
    border: float = Field(1.0, ge=0)
    least_sharpness: float = Field(0.4, ge=0)  # of the camera's usual one
    least_difference: float = Field(0.02, ge=0, le=1)
    pause: float = Field(0.15, ge=0)  # seconds between two crops of a track

    @model_validator(mode="after")
    def _enough(self) -> "CuttingSettings":
        if self.least_crops > self.crops:
            raise ValueError(f"least_crops is {self.least_crops} and crops {self.crops}; a tracklet has no more")
        return self
