"""Model files: safetensors with a header that says how to build, feed and use the network; never a pickle."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline import build
from pipeline.errors import CheckpointError, ConfigError
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.reid import ReIDModel

HEADER_KEY = "crosscam"
HEADER_SCHEMA = 1
_CAMERA_MEAN, _CAMERA_STD = "camera_statistics.mean", "camera_statistics.std"


@dataclass(frozen=True)
class LoadedModel:
    """A network with what its file says about it.

    Args:
        model: in eval mode, on the CPU.
        spec: how it was built (arch, size, embedding, pooling, ibn, args, mean, std, num_classes).
        cameras: statistics of the cameras that it was adapted to, or None.
        meta: free facts that the stage wrote (role, stage, step).
    """

    model: ReIDModel
    spec: Mapping[str, Any]
    cameras: CameraStatistics | None
    meta: Mapping[str, Any]

    def check_spec(self, spec: Mapping[str, Any], *, wanted: str) -> None:
        """Refuse to take this network for one that is configured otherwise.

        Args:
            spec: arguments of `build.reid_model` that are wanted; where its first weights come from is left out.
            wanted: name of the model in the configuration, for the message.

        Raises:
            ConfigError: an argument differs.
        """
        for name, value in spec.items():
            if name != "weights" and self.spec.get(name) != value:
                raise ConfigError(
                    f"init has {name} {self.spec.get(name)}, model {wanted} has {value}", "the same network",
                    f"Take an artifact that was trained as {wanted}, or leave init out.",
                )  # fmt: skip


def save_model(
    path: Path,
    model: ReIDModel,
    *,
    spec: Mapping[str, Any],
    cameras: CameraStatistics | None = None,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Write one network; a teacher is never part of a student's file.

    Args:
        path: file to write; the caller commits it by the manifest.
        model: the network.
        spec: arguments of `build.reid_model`, without the number of classes.
        cameras: per-camera statistics for retrieval.
        meta: facts to keep in the header.
    """
    # Clones: tensors that share storage are refused by the format.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    names: list[str] = []
    if cameras is not None:
        names = list(cameras.names)
        tensors[_CAMERA_MEAN] = torch.from_numpy(np.ascontiguousarray(cameras.mean, dtype=np.float32))
        tensors[_CAMERA_STD] = torch.from_numpy(np.ascontiguousarray(cameras.std, dtype=np.float32))
    header = {
        "schema": HEADER_SCHEMA,
        "spec": {**spec, "num_classes": model.num_classes},
        "cameras": names,
        "meta": dict(meta or {}),
    }
    save_file(tensors, str(path), metadata={HEADER_KEY: json.dumps(header, sort_keys=True)})


def load_model(path: Path | str) -> LoadedModel:
    """Read a file that `save_model` wrote.

    Args:
        path: the .safetensors file.

    Raises:
        CheckpointError: not there, damaged, of another program or of a newer schema.
    """
    tensors, header = _read(Path(path))
    mean, std = tensors.pop(_CAMERA_MEAN, None), tensors.pop(_CAMERA_STD, None)
    cameras = None
    if mean is not None and std is not None:
        cameras = CameraStatistics(names=tuple(header["cameras"]), mean=mean.numpy(), std=std.numpy())
    try:
        model = build.reid_model(**{**header["spec"], "weights": "scratch"})
        model.load_state_dict(tensors)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"the tensors of {path} do not fit its own header ({str(error).splitlines()[0]})",
            "a file written by one version of crosscam", "Run the stage that made it again.",
        ) from error  # fmt: skip
    model.eval()
    return LoadedModel(model=model, spec=header["spec"], cameras=cameras, meta=header["meta"])


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
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
