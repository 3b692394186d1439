"""Which network and which images made embeddings; two sets may only be compared where the network is the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.errors import DataError


@dataclass(frozen=True)
class Origin:
    """What made a set of embeddings, as far as it is known.

    Args:
        model: hexadecimal SHA-256 of the model's file, or None where unknown.
        data: digest of the images' listing, or None where unknown.
        is_standardised: whether they were standardised by the camera statistics in the model's file.
    """

    model: str | None = None
    data: str | None = None
    is_standardised: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a header."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Origin":
        """Return what `to_json` gave; a TypeError says that it gave something else."""
        return cls(**values)


def check_comparable(queries: Origin, gallery: Origin) -> None:
    """Refuse queries whose distances to a gallery mean nothing; an unknown model is not refused.

    Args:
        queries: what made the queries.
        gallery: what made the gallery.

    Raises:
        DataError: two networks, or only one side was standardised by camera.
    """
    if queries.model is None or gallery.model is None:
        return
    if queries.model != gallery.model:
        raise DataError(
            f"the queries were embedded by model {queries.model[:12]}",
            f"model {gallery.model[:12]}, which embedded the gallery",
            "Embed both by one model file.",
        )
    if queries.is_standardised != gallery.is_standardised:
        words = {True: "standardised by camera", False: "not standardised by camera"}
        raise DataError(
            f"the queries are {words[queries.is_standardised]} and the gallery is {words[gallery.is_standardised]}",
            "the same for both",
            "Embed both with the same --camera-statistics.",
        )
