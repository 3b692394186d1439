"""Data sets of a configuration, each read once."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import numpy as np

from datasets.cache import load_pixels
from datasets.camera_background import camera_backgrounds
from datasets.class_records import ClassData
from datasets.clips import ClipDataset
from datasets.frame_cache import load_frames
from datasets.frame_loader import FrameDataset
from datasets.frame_records import FrameData
from datasets.frame_transforms import build_frame_transform
from datasets.labels import camera_indices, class_labels
from datasets.records import ReIDData, ReIDProbe
from datasets.tracklet_groups import tracklets_of
from datasets.transforms import Augment
from pipeline.build.tables import COMPONENTS
from pipeline.config.binding import bind
from pipeline.config.schema import DataConfig
from pipeline.errors import ConfigError
from pipeline.footage.records import Footage

AnyData = ReIDData | ReIDProbe | FrameData | ClassData | Footage
# What may be opened at present; None is everything.
_allowed: ContextVar[tuple[DataConfig, ...] | None] = ContextVar("allowed data", default=None)


@lru_cache(maxsize=8)
def _read(kind: str, arguments: tuple[tuple[str, Any], ...]) -> AnyData:
    given = {key: list(value) if isinstance(value, _Frozen) else value for key, value in arguments}
    bound = bind(COMPONENTS["data"], kind, given)
    data: AnyData = bound.constructor(**bound.arguments)
    return data


class _Frozen(tuple[Any, ...]):
    """A list that can be hashed, told apart from a tuple."""


@contextmanager
def only_data(*configs: DataConfig) -> Iterator[None]:
    """Let nothing but these data sets be opened while the context is open."""
    before = _allowed.set(configs)
    try:
        yield
    finally:
        _allowed.reset(before)


def any_data(config: DataConfig) -> AnyData:
    """Read a data set of any kind.

    Raises:
        ConfigError: it may not be opened at present.
    """
    allowed = _allowed.get()
    if allowed is not None and config not in allowed:
        raise ConfigError(
            f"data of kind {config.kind} in a stage that works without it", "a stage that opens what its settings name",
            "Report this: the stage must not see this data.",
        )  # fmt: skip
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
    if not isinstance(data, ReIDData):
        raise ConfigError(f"data {data.name} of kind {config.kind} holds {_held(data)}", "person crops")
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
        found = "holds recordings" if isinstance(data, Footage) else "is training data"
        raise ConfigError(f"data {data.name} of kind {config.kind} {found}", "split: query_gallery")
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
        wanted = "images of classes, such as kind class_folder"
        raise ConfigError(f"data of kind {config.kind} holds {_held(data)}", wanted)
    return data if labelled else data.without_labels()


def footage_data(config: DataConfig) -> Footage:
    """List recordings.

    Raises:
        ConfigError: the entry holds images.
    """
    data = any_data(config)
    if not isinstance(data, Footage):
        raise ConfigError(f"data of kind {config.kind} holds {_held(data)}", "recordings: kind footage")
    return data


def _held(data: AnyData) -> str:
    if isinstance(data, Footage):
        return "recordings"
    if isinstance(data, FrameData):
        return "street frames"
    return "images of classes" if isinstance(data, ClassData) else "person crops"


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
        raise ConfigError(f"data of kind {config.kind} holds {_held(data)}", "street frames, such as kind coco")
    if labelled and not data.is_labelled:
        raise ConfigError(f"data {data.name} has frames without boxes", "annotated frames", "Use a labelled kind.")
    return data if labelled else data.without_labels()


def clip_dataset(
    data: ReIDData, *, size: tuple[int, int], length: int, stride: int, augment: Augment | None = None
) -> ClipDataset:
    """Decode the crops of a listing and gather them into tracklets.

    Args:
        data: crops with tracklets.
        size: height and width of the pixels.
        length: frames of a clip.
        stride: frames from one to the next.
        augment: random changes, or None.

    Raises:
        DataError: crops belong to no tracklet.
    """
    kept, cache = load_pixels(data, size=size)
    tracklets = tracklets_of(kept)
    first = np.array([tracklet.positions[0] for tracklet in tracklets], np.int64)
    labels = class_labels(kept)[0][first] if kept.is_labelled else None
    return ClipDataset(cache, tracklets, labels, camera_indices(kept)[first], length, stride, augment)


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
