"""Settings of the stage in which a student learns from a teacher on cameras that nobody labelled."""

from typing import Annotated, Literal

from pydantic import model_validator

from pipeline.config.references import ArtifactRefName, DataRef, ModelRef, Operational, SilentDefault
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.made_images import IMAGES
from pipeline.training.match_people import MatchDataRef, check_match_data
from pipeline.training.selection import SelectionSettings
from pipeline.training.settings import AugmentSettings, BatchSettings
from pipeline.training.structure_file import StructureRef
from pipeline.training.teaching_config import TeachingConfig


class ProgressiveKDConfig(TeachingConfig):
    """Settings of joint progressive distillation and unsupervised adaptation."""

    kind: Literal["progressive_kd"]
    train: ModelRef
    structure: StructureRef = None
    source: DataRef | None = None
    # In place of source crops, where these may not be seen: what an `invert` or a `generate` made of a teacher.
    images: Annotated[ArtifactRefName | None, SilentDefault(None)] = None
    target: DataRef
    source_batch: BatchSettings = BatchSettings()
    target_batch: BatchSettings = BatchSettings()
    beta: BetaSettings = BetaSettings()
    augment: AugmentSettings = AugmentSettings()
    clustering: ClusteringSettings = ClusteringSettings()
    selection: SelectionSettings = SelectionSettings()
    keep_rounds: Operational[bool] = False
    # Labelled people to take thresholds from, other than those who are trained on.
    match_data: MatchDataRef = None

    @model_validator(mode="after")
    def _two_domains(self) -> "ProgressiveKDConfig":
        check_match_data(self.match_data, [self.source, self.target])
        if (self.source is None) == (self.images is None):
            raise ValueError("give either source, labelled crops, or images, what was made of a teacher")
        if self.images is not None and not self.images.endswith(f".{IMAGES}"):
            raise ValueError(f"images is {self.images}; name the role {IMAGES} of an invert or a generate")
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source}; name the data of the new cameras as target")
        return self
