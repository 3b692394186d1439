"""The resume point that a user asks for instead of the newest one."""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from pipeline.atomic_files import sync_directory
from pipeline.errors import CheckpointError
from pipeline.resume import point_folders


@dataclass(frozen=True)
class ResumeChoice:
    """Where the user wants to continue.

    Args:
        step: the resume point's step.
        stage: the stage that it belongs to; None means the first one that runs.
        attempt: the attempt that it lies in; None means the one that would be continued anyway.
    """

    step: int
    stage: str | None = None
    attempt: Path | None = None


def parse_choice(text: str | None, run_dir: Path) -> ResumeChoice | None:
    """Read what the user gave as the place to resume from.

    Args:
        text: `4000`, `step-004000`, or the folder of a resume point in this run; None where nothing was given.
        run_dir: the run's absolute folder.

    Raises:
        CheckpointError: the text is none of these.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(?:step-)?(\d+)", Path(text).name)
    if match and Path(text).name == text:
        return ResumeChoice(int(match.group(1)))
    path = Path(text).resolve()
    parts = path.relative_to(run_dir.resolve()).parts if path.is_relative_to(run_dir.resolve()) else ()
    if not match or len(parts) != 4 or parts[2] != "resume":
        raise CheckpointError(
            f"--resume-from {text}", f"a step such as 4000, or a folder {run_dir}/STAGE/ATTEMPT/resume/step-004000"
        )
    return ResumeChoice(int(match.group(1)), stage=parts[0], attempt=run_dir / parts[0] / parts[1])


def set_aside_after(folder: Path, step: int) -> None:
    """Take the points after a step out of the way, keeping their files.

    Raises:
        CheckpointError: there is no point at that step.
    """
    points = point_folders(folder)
    steps = [number for number, _ in points]
    if step not in steps:
        raise CheckpointError(f"no resume point at step {step} in {folder}", f"one of {steps}")
    for number, directory in points:
        if number > step:
            os.replace(directory, directory.with_name(f"aside-{directory.name}-{secrets.token_hex(4)}"))
    sync_directory(folder)
