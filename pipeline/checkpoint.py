"""Model files: safetensors with a header that says how to build, feed and use the network; never a pickle."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline import build
from pipeline.checkpoint_file import check_spec, load_tensors, read_checkpoint, save_tensors, write_checkpoint
from pipeline.errors import CheckpointError
from pipeline.metrics.match_record import MatchRecord
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.detection.detector import Detector
from pipeline.models.reid import ReIDModel

__all__ = [
    "load_detector", "load_model", "load_tensors", "restored_model", "save_detector", "save_model", "save_tensors",
]  # fmt: skip

M = TypeVar("M", bound=nn.Module)
_STATISTICS = "statistics."
_CAMERA_MEAN, _CAMERA_STD = "camera_statistics.mean", "camera_statistics.std"


@dataclass(frozen=True)
class LoadedModel:
    """A network with what its file says about it.

    Args:
        model: in eval mode, on the CPU.
        spec: how it was built (arch, size, embedding, pooling, ibn, args, mean, std, num_classes).
        cameras: statistics of the cameras that it was adapted to, or None.
        meta: free facts that the stage wrote (role, stage, step).
        match: thresholds for 'the same person', or None where the file has none.
    """

    model: ReIDModel
    spec: Mapping[str, Any]
    cameras: CameraStatistics | None
    meta: Mapping[str, Any]
    match: MatchRecord | None = None

    def check_spec(self, spec: Mapping[str, Any], *, wanted: str) -> None:
        """Refuse to take this network for one that is configured otherwise.

        Args:
            spec: arguments of `build.reid_model` that are wanted; where its first weights come from is left out.
            wanted: name of the model in the configuration, for the message.

        Raises:
            ConfigError: an argument differs.
        """
        check_spec(self.spec, spec, wanted=wanted)


def save_model(
    path: Path,
    model: ReIDModel,
    *,
    spec: Mapping[str, Any],
    cameras: CameraStatistics | None = None,
    meta: Mapping[str, Any] | None = None,
    match: MatchRecord | None = None,
) -> None:
    """Write one network; a teacher is never part of a student's file.

    Args:
        path: file to write; the caller commits it by the manifest.
        model: the network.
        spec: arguments of `build.reid_model`, without the number of classes.
        cameras: per-camera statistics for retrieval.
        meta: facts to keep in the header.
        match: thresholds for 'the same person'.
    """
    tensors = dict(model.state_dict())
    names: list[str] = []
    if cameras is not None:
        names = list(cameras.names)
        tensors[_CAMERA_MEAN] = torch.from_numpy(np.ascontiguousarray(cameras.mean, dtype=np.float32))
        tensors[_CAMERA_STD] = torch.from_numpy(np.ascontiguousarray(cameras.std, dtype=np.float32))
    header = {"spec": {**spec, "num_classes": model.num_classes}, "cameras": names, "meta": dict(meta or {})}
    write_checkpoint(path, tensors, header | ({} if match is None else {"match": match.to_json()}))


def load_model(path: Path | str) -> LoadedModel:
    """Read a file that `save_model` wrote.

    Args:
        path: the .safetensors file.

    Raises:
        CheckpointError: not there, damaged, of another program or of a newer schema.
    """
    if Path(path).suffix == ".onnx":
        raise CheckpointError(
            f"{path} is an int8 network, which neither learns nor teaches", "a .safetensors file",
            "Name the network in float32 that it was made of; int8 networks are for evaluation and search.",
        )  # fmt: skip
    tensors, header = read_checkpoint(Path(path))
    if "detector" in header["spec"]:
        raise CheckpointError(
            f"{path} is a detector", "a re-ID network", "Give the file of a stage that trains a re-ID network."
        )
    if "video" in header["spec"]:
        raise CheckpointError(
            f"{path} is a network of clips", "a re-ID network of single crops", "Stages of kind video_kd and "
            "evaluate_video take it; give the file of a stage that trains on crops here.",
        )  # fmt: skip
    if not header["spec"]:
        raise CheckpointError(
            f"{path} holds images and no network", "a re-ID network",
            "What an invert or a generate made belongs to the setting images.",
        )  # fmt: skip
    if "route" in header:
        raise CheckpointError(
            f"{path} is a route of {len(header['route'])} states", "one network",
            "Name the role best, or take the route as the teacher of mode kd_only or distil_then_adapt.",
        )  # fmt: skip
    mean, std = tensors.pop(_CAMERA_MEAN, None), tensors.pop(_CAMERA_STD, None)
    cameras = None
    if mean is not None and std is not None:
        cameras = CameraStatistics(names=tuple(header["cameras"]), mean=mean.numpy(), std=std.numpy())
    model = restored_model(path, tensors, header["spec"])
    match = match_of_header(path, header)
    return LoadedModel(model=model, spec=header["spec"], cameras=cameras, meta=header["meta"], match=match)


def match_of_header(path: Path | str, header: Mapping[str, Any]) -> MatchRecord | None:
    """Return the thresholds that a model file's header holds, or None.

    Args:
        path: of the file, for messages.
        header: as it was read.

    Raises:
        CheckpointError: the record is damaged.
    """
    if "match" not in header:
        return None
    try:
        return MatchRecord.from_json(header["match"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the thresholds in the header of {path} cannot be read ({error})", "what a stage wrote",
            "Run the stage that made it again.",
        ) from error  # fmt: skip


def restored_model(path: Path | str, tensors: Mapping[str, Tensor], spec: Mapping[str, Any]) -> ReIDModel:
    """Build the network that a header describes, in eval mode.

    Args:
        path: of the file, for messages.
        tensors: of the network alone.
        spec: arguments of `build.reid_model`.

    Raises:
        CheckpointError: the tensors do not fit the header.
    """
    return _restored(path, tensors, lambda: build.reid_model(**{**spec, "weights": "scratch"})).eval()


@dataclass(frozen=True)
class LoadedDetector:
    """A detector with what its file says about it.

    Args:
        model: in eval mode, on the CPU.
        spec: arguments of `build.detector`.
        meta: free facts that the stage wrote.
    """

    model: Detector
    spec: Mapping[str, Any]
    meta: Mapping[str, Any]

    def check_spec(self, spec: Mapping[str, Any], *, wanted: str) -> None:
        """Refuse to take this detector for one that is configured otherwise.

        Args:
            spec: arguments that are wanted.
            wanted: name of the model in the configuration, for the message.

        Raises:
            ConfigError: an argument differs.
        """
        check_spec(self.spec, spec, wanted=wanted)


def save_detector(
    path: Path,
    model: Detector,
    *,
    spec: Mapping[str, Any],
    meta: Mapping[str, Any] | None = None,
    other_statistics: Mapping[str, Detector] | None = None,
) -> None:
    """Write one detector; connectors and teachers are never part of its file.

    Args:
        path: file to write; the caller commits it by the manifest.
        model: the detector.
        spec: arguments of `build.detector`.
        meta: facts to keep in the header.
        other_statistics: by domain, the same detector with the batch-norm statistics of that domain.
    """
    tensors = dict(model.state_dict())
    for domain, other in (other_statistics or {}).items():
        tensors |= {f"{_STATISTICS}{domain}.{name}": value for name, value in other.named_buffers() if name in tensors}
    header = {"spec": dict(spec), "cameras": [], "meta": dict(meta or {})}
    write_checkpoint(path, tensors, {**header, "statistics": sorted(other_statistics or {})})


def load_detector(path: Path | str, *, domain: str | None = None) -> LoadedDetector:
    """Read a file that `save_detector` wrote.

    Args:
        path: the .safetensors file.
        domain: whose batch-norm statistics to take where the file has them; else, and for None, the main ones.

    Raises:
        CheckpointError: not there, damaged, or no detector.
    """
    tensors, header = read_checkpoint(Path(path))
    if "detector" not in header["spec"]:
        raise CheckpointError(f"{path} is a re-ID network", "a detector", "Give the file of a stage that trains one.")
    others = {name: tensors.pop(name) for name in sorted(tensors) if name.startswith(_STATISTICS)}
    chosen = f"{_STATISTICS}{domain}."
    tensors |= {name.removeprefix(chosen): value for name, value in others.items() if name.startswith(chosen)}
    model = _restored(path, tensors, lambda: build.detector(**{**header["spec"], "weights": "scratch"}))
    return LoadedDetector(model.eval(), header["spec"], header["meta"])


def _restored(path: Path | str, tensors: Mapping[str, Tensor], construct: Callable[[], M]) -> M:
    try:
        model = construct()
        model.load_state_dict(dict(tensors))
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"the tensors of {path} do not fit its own header ({str(error).splitlines()[0]})",
            "a file written by one version of crosscam", "Run the stage that made it again.",
        ) from error  # fmt: skip
    return model
