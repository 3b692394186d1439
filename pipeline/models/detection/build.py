"""A detector from plain arguments, as they stand in a checkpoint's header."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.models.detection.detector import Detector
from pipeline.models.detection.faster_rcnn import FasterRCNN
from pipeline.models.detection.fcos import FCOS
from pipeline.models.detection.feature_trunk import available_strides, build_feature_trunk
from pipeline.models.detection.pyramid import Pyramid
from pipeline.models.reid import IMAGENET_MEAN, IMAGENET_STD
from pipeline.models.weights import load_weights, read_state

DETECTORS: dict[str, type[FCOS] | type[FasterRCNN]] = {"faster_rcnn": FasterRCNN, "fcos": FCOS}
_SHARED = ("self", "trunk", "pyramid", "width", "depth", "region_size", "pixels")


def build_detector(
    *,
    kind: str,
    arch: str,
    strides: Sequence[int] = (8, 16, 32),
    extra_levels: int | None = None,
    pyramid_width: int = 128,
    pyramid_norm: str = "bn",
    head_width: int = 128,
    head_depth: int = 2,
    region_size: int = 7,
    ibn: str = "none",
    weights: str = "scratch",
    args: Mapping[str, Any] | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    **options: Any,
) -> Detector:
    """Build a detector.

    Args:
        kind: 'fcos' or 'faster_rcnn'.
        arch: ``timm/<name>``.
        strides: of the pyramid's levels, ascending.
        extra_levels: number of the coarsest strides that the pyramid makes itself; None is those that the trunk lacks.
        pyramid_width: channels of every level.
        pyramid_norm: 'bn' or 'none'.
        head_width: channels of the towers ('fcos') or width of the fully connected layers ('faster_rcnn').
        head_depth: convolutions of each tower, or of the proposal network.
        region_size: cells along a side of a pooled region.
        ibn: 'a', 'b' or 'none'.
        weights: 'scratch', 'pretrained', or the file of a trunk or of a whole detector.
        args: further arguments of the timm network, such as channels and layers of a ResNet.
        mean: per-channel mean of pixels in 0..1.
        std: per-channel standard deviation.
        options: what only this kind knows, see `FCOS` and `FasterRCNN`.

    Raises:
        ConfigError: an argument or a combination does not exist.
        CheckpointError: the weights file is not usable.
    """
    _check(kind, options)
    for name, value in {
        "pyramid_width": pyramid_width, "head_width": head_width, "head_depth": head_depth, "region_size": region_size,
    }.items():  # fmt: skip
        if value < 1:
            raise ConfigError(f"{name} is {value}", "at least 1")
    own = _trunk_strides(arch, strides, extra_levels=extra_levels, args=args)
    trunk = build_feature_trunk(arch, own, pretrained=weights == "pretrained", ibn=ibn, args=args)
    widths = dict(zip(trunk.strides, trunk.widths, strict=True))
    pyramid = Pyramid(widths, width=pyramid_width, extra_levels=len(strides) - len(own), norm=pyramid_norm)
    detector = DETECTORS[kind](
        trunk, pyramid, width=head_width, depth=head_depth, region_size=region_size, mean=mean, std=std, **options
    )
    if weights not in ("scratch", "pretrained"):
        _load(detector, Path(weights))
    return detector


def _check(kind: str, options: Mapping[str, Any]) -> None:
    if kind not in DETECTORS:
        raise ConfigError(f"there is no detector of kind {kind!r}", f"one of {', '.join(sorted(DETECTORS))}")
    known = [name for name in inspect.signature(DETECTORS[kind].__init__).parameters if name not in _SHARED]
    for name in sorted(options):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
            raise ConfigError(
                f"a detector of kind {kind} has no argument {name!r}", f"one of {', '.join(near or known)}"
            )


def _trunk_strides(
    arch: str, strides: Sequence[int], *, extra_levels: int | None, args: Mapping[str, Any] | None
) -> tuple[int, ...]:
    """Return those of the wanted strides that the trunk has to give."""
    if not strides or list(strides) != sorted(set(strides)) or strides[0] < 1:
        raise ConfigError(f"strides is {list(strides)}", "ascending pixels a cell, such as [8, 16, 32]")
    if extra_levels is None:
        coarsest = max(available_strides(arch, args=args))
        extra_levels = sum(stride > coarsest for stride in strides)
    if not 0 <= extra_levels < len(strides):
        raise ConfigError(
            f"extra_levels is {extra_levels}", f"0..{len(strides) - 1}, as the trunk gives the finest level"
        )
    own, extra = strides[: len(strides) - extra_levels], strides[len(strides) - extra_levels :]
    wanted = [own[-1] * 2 ** (i + 1) for i in range(len(extra))]
    if list(extra) != wanted:
        raise ConfigError(
            f"strides {', '.join(map(str, extra))} lie beyond the trunk's {own[-1]}",
            f"{', '.join(map(str, wanted))}, each level twice as coarse as the one before",
        )
    return tuple(own)


def _load(detector: Detector, path: Path) -> None:
    is_detector = any(name.startswith("pyramid.") for name in read_state(path))
    if is_detector:
        load_weights(detector, path)
    else:
        detector.trunk.load_file(path)
