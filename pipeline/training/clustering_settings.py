"""Settings of the pseudo-labels of a round."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config.references import SilentDefault
from pipeline.config.schema import StrictModel

TrackletUse = Literal["auto", "off", "link", "link_and_part"]


class ClusteringSettings(StrictModel):
    """How target images are compared and clustered."""

    # Compare embeddings after per-camera standardisation, in clustering and in the target's losses alike.
    standardise: bool = True
    # Whose embeddings are clustered, where both networks adapt.
    by: Literal["teacher", "both"] = "teacher"
    # Neighbours are sought inside each camera and across cameras, so that none fills the lists of another.
    camera_aware: bool = True
    k1: int = Field(20, ge=2)
    k2: int = Field(6, ge=1)
    eps: float | Literal["auto"] = "auto"
    # Width of the reliability rule; null leaves it out.
    eps_gap: float | None = Field(0.02, gt=0)
    min_samples: int = Field(4, ge=1)
    min_cluster_size: int = Field(2, ge=2)
    # `link` clusters the crops of a tracklet as one; `link_and_part` also keeps people apart whom a camera saw at the
    # same time. `auto` is that where tracklets and every crop's time are known, and off elsewhere.
    tracklets: Annotated[TrackletUse, SilentDefault("auto")] = "auto"
    # `fuse` takes people apart by how long others take between two cameras; it needs times on one clock.
    transitions: Annotated[Literal["off", "fuse"], SilentDefault("off")] = "off"

    @model_validator(mode="after")
    def _times_of_tracklets(self) -> "ClusteringSettings":
        if self.transitions == "fuse" and self.tracklets == "off":
            raise ValueError("transitions fuse needs the times of tracklets, and tracklets is off; switch one of them")
        return self

    def arguments(self) -> dict[str, object]:
        """Return the keyword arguments of `assign_pseudo_labels`."""
        return self.model_dump(exclude={"standardise", "by", "tracklets"})
