"""The settings of training a network of clips, and what of them does not fit together."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config.references import ArtifactRefName, Components, DataRef, VideoRef
from pipeline.config.schema import StageConfig
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings
from pipeline.training.video.settings import ClipSettings, CouplingSettings

Head = Literal["spatial", "temporal", "fused"]


class VideoKDConfig(StageConfig):
    """Settings of training on tracklets; `heads` learn from labels, a head with a teacher hears it as well."""

    kind: Literal["video_kd"]
    train: VideoRef
    data: DataRef
    # Unlabelled tracklets on which the teachers are heard too.
    target: DataRef | None = None
    spatial_teacher: ArtifactRefName | None = None
    temporal_teacher: ArtifactRefName | None = None
    init: ArtifactRefName | None = None
    heads: tuple[Head, ...] = Field(("spatial", "temporal", "fused"), min_length=1)
    clip: ClipSettings = ClipSettings()
    steps: int = Field(ge=1)
    batch: BatchSettings = BatchSettings(identities=8, instances=4)
    target_batch: int = Field(16, ge=2)
    optimizer: OptimizerSettings = OptimizerSettings()
    augment: AugmentSettings = AugmentSettings(preset="weak")
    objectives: Annotated[dict[str, dict[str, Any]], Components("objectives")] = Field(
        default={"cross_entropy": {"smoothing": 0.1}, "triplet": {"margin": 0.3}}
    )
    coupling: CouplingSettings = CouplingSettings()

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "VideoKDConfig":
        if len(set(self.heads)) < len(self.heads):
            raise ValueError(f"heads names one twice: {', '.join(self.heads)}")
        taught = {"spatial": self.spatial_teacher, "temporal": self.temporal_teacher}
        idle = [head for head, teacher in taught.items() if teacher is not None and head not in self.heads]
        if idle:
            raise ValueError(
                f"{idle[0]}_teacher is given and heads leaves {idle[0]} out; add it to heads, or leave the teacher out"
            )
        if not any(taught.values()) and self.target is not None:
            raise ValueError(f"target {self.target} is heard by nobody without a teacher; give one, or leave it out")
        if not any(taught.values()) and self.coupling != CouplingSettings():
            raise ValueError("coupling says how teachers are heard; give one, or leave it out")
        if self.target == self.data:
            raise ValueError(f"data and target are both {self.data}; name the unlabelled tracklets as target")
        return self

    @property
    def answers(self) -> str:
        """Return which embeddings the network answers with: the fusion, or the heads that learn."""
        if "fused" in self.heads:
            return "fused"
        return "both" if len(self.heads) == 2 else self.heads[0]
