"""Files of tensors: safetensors with a header that says what they are; never a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline.errors import CheckpointError, ConfigError

HEADER_KEY = "crosscam"
HEADER_SCHEMA = 1
# What a file holds whose header does not say: it was written before this could be chosen.
_UNSAID = {"neck": "bnneck", "sees": "rgb"}


def check_spec(found: Mapping[str, Any], spec: Mapping[str, Any], *, wanted: str) -> None:
    """Refuse to take a network for one that is configured otherwise.

    Args:
        found: arguments that the file's network was built from.
        spec: arguments that are wanted; where its first weights come from is left out.
        wanted: name of the model in the configuration, for the message.

    Raises:
        ConfigError: an argument differs.
    """
    for name, value in spec.items():
        held = found.get(name, _UNSAID.get(name))
        if name != "weights" and held != value:
            raise ConfigError(
                f"init has {name} {held}, model {wanted} has {value}", "the same network",
                f"Take an artifact that was trained as {wanted}, or leave init out.",
            )  # fmt: skip


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors with a header that says what they are.

    Args:
        path: file to write; the caller commits it by the manifest.
        tensors: by name.
        header: plain JSON values; `spec`, `cameras` and `meta` among them.
    """
    # Clones: tensors that share storage are refused by the format.
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    text = json.dumps({"schema": HEADER_SCHEMA, **header}, sort_keys=True)
    save_file(plain, str(path), metadata={HEADER_KEY: text})


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_checkpoint` wrote.

    Raises:
        CheckpointError: not there, damaged, of another program or of a newer schema.
    """
    remedy = "Give the .safetensors file of a run (RUN/STAGE/aNNNN/best.safetensors)."
    if not path.is_file():
        raise CheckpointError(f"there is no model file {path}", "a .safetensors file", remedy)
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a readable safetensors file ({error})", "an undamaged file", remedy
        ) from error
    if HEADER_KEY not in metadata:
        raise CheckpointError(f"{path} was not written by crosscam", f"a '{HEADER_KEY}' entry in its header", remedy)
    return tensors, _header(path, metadata[HEADER_KEY])


def _header(path: Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    schema = header.get("schema") if isinstance(header, dict) else None
    if schema != HEADER_SCHEMA:
        raise CheckpointError(
            f"{path} has header schema {schema}", f"schema {HEADER_SCHEMA}",
            "Use the version of crosscam that wrote it.",
        )  # fmt: skip
    missing = [name for name in ("spec", "cameras", "meta") if name not in header]
    if missing:
        raise CheckpointError(f"the header of {path} lacks {', '.join(missing)}", "a file that a stage wrote")
    return dict(header)


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors of a resume point."""
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, str(path))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `save_tensors` wrote.

    Raises:
        CheckpointError: the file is damaged.
    """
    try:
        with safe_open(str(path), framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not readable ({error})", "an undamaged resume point",
            "Start the stage again with --restart, or name another point with --resume-from.",
        ) from error  # fmt: skip
