"""Let a generator learn from a teacher's answers alone, for teachers without batch norm and students without source."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline import build, distributed
from pipeline.checkpoint import load_model, save_model
from pipeline.config.references import ArtifactRefName, ModelRef
from pipeline.config.schema import StageConfig
from pipeline.errors import TrainingError
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.data_free_settings import GeneratorSettings
from pipeline.training.generating import GeneratorTask
from pipeline.training.invertible import check_classifier
from pipeline.training.made_images import IMAGES, MadeImages, leave_made_images, recognition
from pipeline.training.player import Player
from pipeline.training.resuming import train_on
from pipeline.training.settings import OptimizerSettings
from pipeline.training.teaching_rules import is_route


class GenerateConfig(StageConfig):
    """Settings of a generator; it names no data, because it opens none."""

    kind: Literal["generate"]
    teacher: ArtifactRefName
    # The student that the generator is set against; it is handed over as `best`.
    train: ModelRef | None = None
    images: int = Field(600, ge=2)
    steps: int = Field(GeneratorSettings.steps, ge=1)
    batch: int = Field(GeneratorSettings.batch, ge=2)
    latent: int = Field(GeneratorSettings.latent, ge=1)  # width of the noise
    width: int = Field(GeneratorSettings.width, ge=1)  # channels of the generator's finest layer
    lr: float = Field(GeneratorSettings.lr, gt=0)
    one_hot: float = Field(GeneratorSettings.one_hot, ge=0)
    entropy: float = Field(GeneratorSettings.entropy, ge=0)
    activation: float = Field(GeneratorSettings.activation, ge=0)
    adversarial: float = Field(GeneratorSettings.adversarial, ge=0)
    student_steps: int = Field(GeneratorSettings.student_steps, ge=1)
    optimizer: OptimizerSettings = OptimizerSettings()  # of the student

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "GenerateConfig":
        if is_route(self.teacher):
            raise ValueError(f"{self.teacher} is a route of several states; name one network as teacher")
        if (self.train is None) != (self.adversarial == 0):
            raise ValueError("train and adversarial belong together: the student that the generator is set against")
        if self.train is None:
            # Compared with the defaults, which stand in every resolved configuration.
            fields = type(self).model_fields
            for name in ("student_steps", "optimizer"):
                if getattr(self, name) != fields[name].default:
                    raise ValueError(f"{name} is of the student that train names; name one, or leave {name} out")
        if not self.one_hot + self.entropy + self.activation + self.adversarial:
            raise ValueError("all weights are 0, and the generator has nothing to learn from")
        return self

    @property
    def withheld_roles(self) -> tuple[str, ...]:
        """Return the student's role where there is none."""
        return ("best",) if self.train is None else ()

    @property
    def settings(self) -> GeneratorSettings:
        """Return what moves the generator."""
        names = GeneratorSettings.__dataclass_fields__
        return GeneratorSettings(**{name: getattr(self, name) for name in names})


def run(context: StageContext) -> StageResult:
    """Train the generator; leave its images as 'images', its opponent as 'best'."""
    with build.only_data():
        return _run(context)


def _run(context: StageContext) -> StageResult:
    config: GenerateConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)

    # 1. The teacher, and the student that follows it.
    loaded = load_model(Path(context.inputs[config.teacher].path)).model
    check_classifier(loaded)
    teacher: ReIDModel = build.placed(loaded, runtime, device)  # type: ignore[assignment]
    teacher.eval().requires_grad_(False)
    digest = weights_digest(teacher)
    student = _student(context, num_classes=int(teacher.num_classes or 0))
    task = GeneratorTask(teacher, student, images=config.images, settings=config.settings, seed=context.seed)

    # 2. Go on where a killed run stopped, then train.
    train_on(context, task, lambda steps: task.batches(steps.start), total=config.steps)
    check_unchanged(teacher, digest)

    # 3. Hand over pixels with the person that the teacher saw in each.
    made = MadeImages(
        task.done.permute(0, 2, 3, 1).contiguous().numpy(), task.labels.numpy(), int(teacher.num_classes or 0)
    )
    return _result(context, teacher, student, made)


def _student(context: StageContext, *, num_classes: int) -> Player | None:
    config, runtime = context.config, context.run_config.runtime
    if config.train is None:
        return None
    device = build.device(runtime)
    build.seed_everything(context.seed)
    model = build.reid_model(**build.model_spec(context.run_config.models[config.train]), num_classes=num_classes)
    settings = config.optimizer.player(total_steps=config.steps * config.student_steps)
    placed: ReIDModel = build.placed(model, runtime, device)  # type: ignore[assignment]
    return Player(placed, precision=build.precision(runtime, device), **settings)


def _result(context: StageContext, teacher: ReIDModel, student: Player | None, made: MadeImages) -> StageResult:
    config: GenerateConfig = context.config
    facts = recognition(teacher, made)
    if facts["persons"] * made.identities < 1.5:
        raise TrainingError(
            "the teacher takes all images of the generator for one person", "several persons",
            "Raise entropy or steps, or lower lr.",
        )  # fmt: skip
    meta = {"stage": context.name, "role": IMAGES, "teacher": config.teacher, "images": len(made.labels)}
    outputs = {IMAGES: Output(f"{IMAGES}.safetensors", meta)}
    if config.train is not None and student is not None:
        outputs["best"] = Output("best.safetensors", {**meta, "role": "best"})
    if distributed.rank() == 0:
        leave_made_images(context.attempt, made, meta=meta)
        if config.train is not None and student is not None:
            spec = build.model_spec(context.run_config.models[config.train])
            save_model(context.attempt / "best.safetensors", student.mean, spec=spec, meta={**meta, "role": "best"})
    distributed.barrier()
    return StageResult(outputs=outputs, metrics={**meta, **facts, "data_opened": []}, data={})


STAGE = Stage("generate", 1, GenerateConfig, (IMAGES, "best"), run)
