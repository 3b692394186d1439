"""Data sets of a configuration, each read once."""

from functools import lru_cache
from typing import Any

from datasets.camera_background import camera_backgrounds
from datasets.class_records import ClassData
from datasets.frame_cache import load_frames
from datasets.frame_loader import FrameDataset
from datasets.frame_records import FrameData
from datasets.frame_transforms import build_frame_transform
from datasets.records import ReIDData, ReIDProbe
from pipeline.build.tables import COMPONENTS
from pipeline.config.binding import bind
from pipeline.config.schema import DataConfig
from pipeline.errors import ConfigError

AnyData = ReIDData | ReIDProbe | FrameData | ClassData


@lru_cache(maxsize=8)
def _read(kind: str, arguments: tuple[tuple[str, Any], ...]) -> AnyData:
    given = {key: list(value) if isinstance(value, _Frozen) else value for key, value in arguments}
    bound = bind(COMPONENTS["data"], kind, given)
    data: AnyData = bound.constructor(**bound.arguments)
    return data


class _Frozen(tuple[Any, ...]):
    """A list that can be hashed, told apart from a tuple."""


def any_data(config: DataConfig) -> AnyData:
    """Read a data set of any kind."""
    arguments = {k: _Frozen(v) if isinstance(v, list) else v for k, v in config.arguments.items()}
    return _read(config.kind, tuple(sorted(arguments.items())))


def data_digest(config: DataConfig) -> str:
    """Return the digest of a data set's listing."""
    return any_data(config).digest


def reid_data(config: DataConfig, *, labelled: bool) -> ReIDData:
    """Read crops for training.

    Args:
        config: the data section's entry.
        labelled: False removes every person id before anyone sees one.

    Raises:
        ConfigError: the entry is a probe.
        DataError: labels are wanted and there are none.
    """
    data = any_data(config)
    if isinstance(data, ReIDProbe):
        raise ConfigError(f"data of kind {config.kind} with query and gallery", "crops to train on (split: train)")
    if isinstance(data, FrameData):
        raise ConfigError(f"data {data.name} of kind {config.kind} holds street frames", "person crops")
    if isinstance(data, ClassData):
        raise ConfigError(f"data {data.name} of kind {config.kind} holds images of classes", "person crops")
    if labelled and not data.is_labelled:
        raise ConfigError(
            f"data {data.name} has no person ids", "labelled crops", "Use a labelled kind, such as market1501 or table."
        )
    return data if labelled else data.without_labels()


def reid_probe(config: DataConfig) -> ReIDProbe:
    """Read query and gallery.

    Raises:
        ConfigError: the entry is training data.
    """
    data = any_data(config)
    if not isinstance(data, ReIDProbe):
        raise ConfigError(f"data {data.name} of kind {config.kind} is training data", "split: query_gallery")
    return data


def class_data(config: DataConfig, *, labelled: bool) -> ClassData:
    """Read images of classes.

    Args:
        config: the data section's entry.
        labelled: False removes every class before anyone sees one.

    Raises:
        ConfigError: the entry holds person crops or street frames.
    """
    data = any_data(config)
    if not isinstance(data, ClassData):
        held = "street frames" if isinstance(data, FrameData) else "person crops"
        raise ConfigError(f"data of kind {config.kind} holds {held}", "images of classes, such as kind class_folder")
    return data if labelled else data.without_labels()


def frame_data(config: DataConfig, *, labelled: bool) -> FrameData:
    """Read street frames.

    Args:
        config: the data section's entry.
        labelled: False removes every box before anyone sees one.

    Raises:
        ConfigError: the entry holds person crops, or boxes are wanted and there are none.
    """
    data = any_data(config)
    if not isinstance(data, FrameData):
        held = "images of classes" if isinstance(data, ClassData) else "person crops"
        raise ConfigError(f"data of kind {config.kind} holds {held}", "street frames, such as kind coco")
    if labelled and not data.is_labelled:
        raise ConfigError(f"data {data.name} has frames without boxes", "annotated frames", "Use a labelled kind.")
    return data if labelled else data.without_labels()


def frame_dataset(
    data: FrameData,
    *,
    size: tuple[int, ...],
    augment: str = "none",
    min_height: float = 0.0,
    min_visible: float = 0.0,
    backgrounds: bool = False,
) -> FrameDataset:
    """Decode and scale frames for a detector.

    Args:
        data: the frames; without boxes they become frames without targets.
        size: largest height and width.
        augment: preset of random changes.
        min_height: lower people are ignored, in pixels of the scaled frame.
        min_visible: less visible people are ignored.
        backgrounds: whether to find the backgrounds of fixed cameras.
    """
    kept, cache = load_frames(data, size=(int(size[0]), int(size[1])))
    transform = None if augment == "none" else build_frame_transform(augment)
    targets = cache.truth() if kept.is_labelled else None
    known = camera_backgrounds(cache) if backgrounds else {}
    return FrameDataset(cache, targets, transform, min_height=min_height, min_visible=min_visible, backgrounds=known)
