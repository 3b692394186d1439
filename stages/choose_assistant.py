"""Choose the teacher's assistant: the candidate whose retrieval on held-out source people is nearest to the middle."""

import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from datasets.records import ReIDProbe
from pipeline import build, distributed
from pipeline.checkpoint import load_model
from pipeline.config.references import ArtifactRefName, DataRef, references
from pipeline.config.schema import DataConfig, StageConfig
from pipeline.errors import ConfigError
from pipeline.models.complexity import cost_of
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.assistant import nearest_to_middle
from pipeline.training.scoring import embed_probe, rank_tables

_FILE = "assistant.safetensors"
_TARGETS = ("target", "targets")
_HELD_OUT = "query_gallery"


class ChooseAssistantConfig(StageConfig):
    """Settings of the choice; `source` is the labelled data that the networks learned from."""

    kind: Literal["choose_assistant"]
    teacher: ArtifactRefName
    # Trained without a teacher: how far it comes by itself.
    student: ArtifactRefName
    candidates: Annotated[list[ArtifactRefName], Field(min_length=2)]
    source: DataRef

    @model_validator(mode="after")
    def _different(self) -> "ChooseAssistantConfig":
        named = [self.teacher, self.student, *self.candidates]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]} is named twice; teacher, student and candidates are different networks")
        return self


def run(context: StageContext) -> StageResult:
    """Score all networks on people of the source that none has seen; leave the chosen one as 'best' and 'last'."""
    config: ChooseAssistantConfig = context.config
    probe = held_out_people(context)
    named = [config.teacher, config.student, *config.candidates]
    rows = {name: _row(context, Path(context.inputs[name].path), probe) for name in named}
    scores = {name: row["mAP"] for name, row in rows.items()}
    chosen = nearest_to_middle(
        {name: scores[name] for name in config.candidates}, teacher=scores[config.teacher],
        student=scores[config.student],
    )  # fmt: skip
    if distributed.rank() == 0:
        shutil.copyfile(context.inputs[chosen].path, context.attempt / _FILE)
    distributed.barrier()
    output = Output(_FILE, {"stage": context.name, "role": "best", "chosen": chosen})
    middle = (scores[config.teacher] + scores[config.student]) / 2
    # The digest of the entry itself is that of its training crops.
    listing = {
        config.source: {
            "labels_read": True, "held_out_digest": probe.digest, "images": len(probe.query) + len(probe.gallery),
            "queries": len(probe.query), "cameras": len(probe.gallery.cameras),
        }
    }  # fmt: skip
    metrics = {"chosen": chosen, "middle": middle, "networks": rows}
    return StageResult(outputs={"best": output, "last": output}, metrics=metrics, data=listing)


def held_out_people(context: StageContext) -> ReIDProbe:
    """Return query and gallery of the source's reader, which hold other people than its training crops.

    Args:
        context: of the stage.

    Raises:
        ConfigError: the reader has none, or the data are a probe, or those of cameras that a stage adapts to.
    """
    name, run_config = context.config.source, context.run_config
    entry = run_config.data[name]
    adapting = [
        stage for stage, config in run_config.stages.items()
        if any(mark.kind == "data" and path[0] in _TARGETS and _is_same(entry, run_config.data[text])
               for path, mark, text in references(config))
    ]  # fmt: skip
    if adapting:
        raise ConfigError(
            f"an assistant is to be chosen by labels of {name}, to which {adapting[0]} adapts", "the labelled source",
            f"Name the data that the networks learned from as source of {context.name}.",
        )  # fmt: skip
    if str(entry.arguments.get("split")).endswith(_HELD_OUT):
        # A probe is mostly that of the new cameras, whose labels are for the evaluation alone.
        raise ConfigError(
            f"an assistant is to be chosen on {name}, a probe", "the labelled source",
            f"Name the data that the networks learned from as source of {context.name}, whose reader holds out others.",
        )  # fmt: skip
    try:
        probe = build.reid_probe(DataConfig(kind=entry.kind, **{**entry.arguments, "split": _HELD_OUT}))
    except ConfigError as error:
        raise ConfigError(
            f"data {name} of kind {entry.kind} has no people held out ({error})", f"a kind with split: {_HELD_OUT}",
            "Choose the assistant yourself: name it as the teacher of the student.",
        ) from error  # fmt: skip
    return probe


def _is_same(entry: DataConfig, other: DataConfig) -> bool:
    """Return whether two entries are the same crops, whatever their names and parts."""
    one, two = ({**each.arguments, "split": None} for each in (entry, other))
    return entry.kind == other.kind and one == two


def _row(context: StageContext, path: Path, probe: ReIDProbe) -> dict[str, Any]:
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    loaded = load_model(path)
    params, macs = cost_of(loaded.model)
    model: ReIDModel = build.placed(loaded.model, runtime, device).eval()  # type: ignore[assignment]
    # Plain embeddings: statistics of cameras, where a file has some, are those of other cameras.
    tables = embed_probe(model, probe, statistics=None, precision=build.precision(runtime, device))
    return {"mAP": rank_tables(tables.query, tables.gallery).mAP, "params": params, "macs": macs}


STAGE = Stage("choose_assistant", 1, ChooseAssistantConfig, ("best", "last"), run)
