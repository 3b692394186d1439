"""Take files that another run left into this one, so that its stages can begin with them."""

import shutil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipeline import distributed
from pipeline.atomic_files import sha256_of_file
from pipeline.config.references import Operational
from pipeline.config.schema import StageConfig, StrictModel
from pipeline.errors import CheckpointError
from pipeline.stage import Output, Stage, StageContext, StageResult

ROLES = ("best", "last", "teacher", "route", "aggregation", "images", "structure")
Role = Literal["best", "last", "teacher", "route", "aggregation", "images", "structure"]


class ImportedFile(StrictModel):
    """One file; what it holds is told by its hash, where it lies says nothing."""

    file: Operational[str] = Field(min_length=1)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ImportedConfig(StageConfig):
    """The files by the role that each had in its own run."""

    kind: Literal["imported"]
    files: dict[Role, ImportedFile] = Field(min_length=1)

    @property
    def withheld_roles(self) -> tuple[str, ...]:
        """Return the roles that no file is named for."""
        return tuple(role for role in ROLES if role not in self.files)


def run(context: StageContext) -> StageResult:
    """Copy the files; a run whose models come from elsewhere is whole without that place."""
    config: ImportedConfig = context.config
    outputs = {}
    for role, entry in config.files.items():
        path = Path(entry.file).expanduser()
        if distributed.rank() == 0:
            _copy(path, context.attempt / f"{role}{path.suffix}", entry.sha256)
        meta = {"stage": context.name, "role": role, "from": str(path)}
        outputs[str(role)] = Output(f"{role}{path.suffix}", meta)
    distributed.barrier()
    return StageResult(outputs, {"files": {role: output.meta["from"] for role, output in outputs.items()}})


def _copy(path: Path, target: Path, expected: str) -> None:
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        raise CheckpointError(
            f"file {path} can't be read ({error.strerror})", "the file of a finished stage"
        ) from error
    found = sha256_of_file(target)
    if found != expected:
        target.unlink()
        raise CheckpointError(
            f"file {path} has sha256 {found[:12]}", expected[:12], "Write its present sha256 into the configuration."
        )


STAGE = Stage("imported", 1, ImportedConfig, ROLES, run)
