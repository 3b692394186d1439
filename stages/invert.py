"""Make images of a teacher alone, from what its batch norms remember, for students that may not see its source."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline import build, distributed
from pipeline.checkpoint import load_model
from pipeline.config.references import ArtifactRefName
from pipeline.config.schema import StageConfig
from pipeline.losses.data_free.deep_inversion import Identity
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.data_free_settings import InversionSettings
from pipeline.training.inversion import InversionTask
from pipeline.training.invertible import check_invertible, spread_persons
from pipeline.training.made_images import IMAGES, MadeImages, leave_made_images, recognition
from pipeline.training.resuming import train_on
from pipeline.training.teaching_rules import is_route


class InvertConfig(StageConfig):
    """Settings of an inversion; it names no data, because it opens none."""

    kind: Literal["invert"]
    teacher: ArtifactRefName
    instances: int = Field(4, ge=1)  # images of each of the teacher's persons
    batch: int = Field(128, ge=2)  # images that are made together; their statistics are compared with the teacher's
    steps: int = Field(InversionSettings.steps, ge=1)  # of each batch
    coarse: float = Field(InversionSettings.coarse, ge=0, lt=1)  # share of the steps at half the height and width
    lr: float = Field(InversionSettings.lr, gt=0)
    identity: Identity = InversionSettings.identity
    statistics: float = Field(InversionSettings.statistics, ge=0)  # weight of the batch norms' statistics
    first: float = Field(InversionSettings.first, ge=0)  # factor on the first batch norm
    variation: float = Field(InversionSettings.variation, ge=0)  # weight of the total variation
    length: float = Field(InversionSettings.length, ge=0)  # weight of the images' length
    jitter: float = Field(InversionSettings.jitter, ge=0, lt=0.5)  # largest shift, as a share of height and width

    @model_validator(mode="after")
    def _one_network(self) -> "InvertConfig":
        if is_route(self.teacher):
            raise ValueError(f"{self.teacher} is a route of several states; name one network as teacher")
        return self

    @property
    def settings(self) -> InversionSettings:
        """Return what moves the pixels."""
        names = InversionSettings.__dataclass_fields__
        return InversionSettings(**{name: getattr(self, name) for name in names})


def run(context: StageContext) -> StageResult:
    """Make images batch by batch; leave them as 'images'. Several processes all make the same ones."""
    with build.only_data():
        return _run(context)


def _run(context: StageContext) -> StageResult:
    config: InvertConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)

    # 1. The teacher, and whom to show in which batch.
    loaded = load_model(Path(context.inputs[config.teacher].path)).model
    check_invertible(loaded)
    teacher: ReIDModel = build.placed(loaded, runtime, device)  # type: ignore[assignment]
    teacher.eval().requires_grad_(False)
    digest = weights_digest(teacher)
    identities = int(teacher.num_classes or 0)
    labels, parts = spread_persons(identities, config.instances, batch=config.batch)
    task = InversionTask(teacher, labels, parts=parts, settings=config.settings, seed=context.seed)

    # 2. Go on where a killed run stopped, then move pixels.
    train_on(context, task, lambda steps: task.batches(steps.start), total=task.total)
    check_unchanged(teacher, digest)

    # 3. Hand over pixels and persons.
    made = MadeImages(task.done.permute(0, 2, 3, 1).contiguous().numpy(), labels.numpy(), identities)
    return _result(context, teacher, made, batches=len(parts))


def _result(context: StageContext, teacher: ReIDModel, made: MadeImages, *, batches: int) -> StageResult:
    meta = {"stage": context.name, "role": IMAGES, "teacher": context.config.teacher, "images": len(made.labels)}
    if distributed.rank() == 0:
        leave_made_images(context.attempt, made, meta=meta)
    distributed.barrier()
    metrics = {**meta, **recognition(teacher, made), "batches": batches, "data_opened": []}
    return StageResult(outputs={IMAGES: Output(f"{IMAGES}.safetensors", meta)}, metrics=metrics, data={})


STAGE = Stage("invert", 1, InvertConfig, (IMAGES,), run)
