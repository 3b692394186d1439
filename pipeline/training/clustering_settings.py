"""Settings of the pseudo-labels of a round."""

from typing import Literal

from pydantic import Field

from pipeline.config.schema import StrictModel


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

    def arguments(self) -> dict[str, object]:
        """Return the keyword arguments of `assign_pseudo_labels`."""
        return self.model_dump(exclude={"standardise", "by"})
