"""What a forward pass of a detector gives, and the names under which a caller asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from pipeline.detection_types import BoxTargets, DetectorTaps
from pipeline.errors import ConfigError

WANTS = ("regions", "penultimate", "dense", "towers")
_REGION_WANTS = frozenset({"regions", "penultimate"})
TOWER_PREFIX = "tower:"


@dataclass(frozen=True)
class DetectorOutput:
    """What one forward pass gives.

    Args:
        losses: scalars by name; empty where nobody gave targets.
        taps: what was wanted, and always the pyramid.
        quality: (B, 1, h, w) logits of how well each cell's box fits, by stride; one-stage detectors, with 'dense'.
        tower_stack: for each wanted 'tower:i' the maps (B, 2F, h, w) after convolution i by stride: the classification
            tower's channels, then the box tower's.
    """

    losses: Mapping[str, Tensor]
    taps: DetectorTaps
    quality: Mapping[int, Tensor] = field(default_factory=dict)
    tower_stack: Mapping[int, Mapping[int, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What a caller of a detector wants.

    Args:
        targets: boxes inside the frames, or None.
        rois: for each image the (R_i, 4) boxes on which regions are asked for, or None.
        wants: names of taps.
        layers: wanted layers of the towers, ascending.
    """

    targets: Sequence[BoxTargets] | None
    rois: tuple[Tensor, ...] | None
    wants: frozenset[str]
    layers: tuple[int, ...]

    @property
    def asks_regions(self) -> bool:
        """Whether something is wanted that belongs to regions."""
        return bool(self.wants & _REGION_WANTS)

    @property
    def leaves_choice(self) -> bool:
        """Whether the detector has to choose the regions."""
        return self.asks_regions and self.rois is None


def wanted_layers(wants: frozenset[str], *, kind: str, depth: int = 0) -> tuple[int, ...]:
    """Check what a caller wants, and return the wanted layers of the towers, ascending.

    Args:
        wants: names of taps.
        kind: of the detector, for the message.
        depth: convolutions of a tower; 0 where there is none.

    Raises:
        ConfigError: a name is unknown, or the tower has no such layer.
    """
    layers = {f"{TOWER_PREFIX}{i + 1}": i + 1 for i in range(depth)}
    known = (*WANTS, *layers)
    for name in sorted(wants):
        if name not in known:
            raise ConfigError(f"a detector of kind {kind} has no tap {name!r}", f"one of {', '.join(known)}")
    return tuple(number for name, number in layers.items() if name in wants)
