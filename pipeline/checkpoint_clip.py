"""Model files of networks of clips, over the tensors and headers that all model files have."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import build
from pipeline.checkpoint_file import check_spec, read_checkpoint, write_checkpoint
from pipeline.errors import CheckpointError
from pipeline.models.video.clip_model import ClipModel


@dataclass(frozen=True)
class LoadedClipModel:
    """A network of clips with what its file says about it.

    Args:
        model: in eval mode, on the CPU.
        spec: arguments of `build.clip_model`.
        meta: free facts that the stage wrote.
    """

    model: ClipModel
    spec: Mapping[str, Any]
    meta: Mapping[str, Any]

    def check_spec(self, spec: Mapping[str, Any], *, wanted: str) -> None:
        """Refuse to take this network for one that is configured otherwise.

        Args:
            spec: arguments that are wanted.
            wanted: name of the model in the configuration, for the message.

        Raises:
            ConfigError: an argument differs.
        """
        check_spec(self.spec, spec, wanted=wanted)


def save_clip_model(path: Path, model: ClipModel, *, spec: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Write one network; connectors and teachers are never part of its file.

    Args:
        path: file to write; the caller commits it by the manifest.
        model: the network.
        spec: arguments of `build.clip_model`, without the number of classes and what it answers with.
        meta: facts to keep in the header.
    """
    told = {**spec, "num_classes": model.num_classes, "answers": model.answers}
    write_checkpoint(path, model.state_dict(), {"spec": told, "cameras": [], "meta": dict(meta)})


def is_clip_model(path: Path | str) -> bool:
    """Return whether a model file holds a network of clips.

    Args:
        path: the .safetensors file.

    Raises:
        CheckpointError: not there or damaged.
    """
    return "video" in read_checkpoint(Path(path))[1]["spec"]


def load_clip_model(path: Path | str) -> LoadedClipModel:
    """Read a file that `save_clip_model` wrote.

    Args:
        path: the .safetensors file.

    Raises:
        CheckpointError: not there, damaged, or no network of clips.
    """
    tensors, header = read_checkpoint(Path(path))
    spec = header["spec"]
    if "video" not in spec:
        raise CheckpointError(f"{path} is no network of clips", "a file of a stage of kind video_kd")
    try:
        model = build.clip_model(**{**spec, "weights": "scratch"})
        model.load_state_dict(tensors)
    except (RuntimeError, TypeError) as error:
        raise CheckpointError(
            f"the tensors of {path} do not fit its own header ({str(error).splitlines()[0]})",
            "a file written by one version of crosscam", "Run the stage that made it again.",
        ) from error  # fmt: skip
    return LoadedClipModel(model.eval(), spec, header["meta"])
