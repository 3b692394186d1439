"""Features to index or to search for, from a table that was extracted or from a file of any program."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.errors import DataError
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.row_names import row_names
from pipeline.retrieval.stored_table import open_table

Part = Literal["query", "gallery"]
_REMEDY = (
    "Give a folder that tools/extract.py wrote, a .npy file with (N, D) features, or an .npz file with features (or"
    " query_features and gallery_features), and ids, cameras and names where they are known."
)


@dataclass(frozen=True)
class FeatureRows:
    """Rows to index or to search for; those of a table stay on the disk until they are looked at.

    Args:
        features: (M, D), perhaps mapped.
        kept: (N,) positions of the rows that count, ascending.
        names: (N,) of `row_names.row_names`.
        origin: what made them.
    """

    features: np.ndarray
    kept: np.ndarray
    names: np.ndarray
    origin: Origin

    def __len__(self) -> int:
        """Return N."""
        return len(self.kept)

    @property
    def dimension(self) -> int:
        """Return D."""
        return int(self.features.shape[1])

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Return (n, D) float32 rows.

        Args:
            positions: in 0..N-1, ascending where the disk shall be read in order.
        """
        return np.asarray(self.features[self.kept[positions]], np.float32)

    def blocks(self, size: int) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the first position and (n, D) float32 rows of each block."""
        for first in range(0, len(self), size):
            yield first, self.take(np.arange(first, min(first + size, len(self))))


def read_feature_rows(path: Path, *, part: Part) -> FeatureRows:
    """Open features.

    Args:
        path: folder of a table, .npy file, or .npz file.
        part: which arrays of an .npz file that holds query and gallery.

    Raises:
        DataError: missing, damaged, empty, or without features.
    """
    if path.is_dir():
        table = open_table(path)
        rows = FeatureRows(table.features, table.readable, table.names[table.readable], table.header.origin)
    else:
        rows = _from_file(path, part)
    if rows.features.ndim != 2 or rows.features.dtype.kind not in "fiu":
        raise DataError(f"{path} holds {rows.features.shape} of {rows.features.dtype}", "(N, D) numbers", _REMEDY)
    if len(rows) == 0:
        raise DataError(f"{path} holds no row", "at least 1", _REMEDY)
    return rows


def _from_file(path: Path, part: Part) -> FeatureRows:
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        arrays = {"features": loaded} if isinstance(loaded, np.ndarray) else _arrays(loaded, part)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}", "", _REMEDY) from error
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects" if "allow_pickle" in str(error) else f"{error}"
        raise DataError(f"{path} cannot be read: {reason}", "plain arrays", _REMEDY) from error
    if "features" not in arrays:
        raise DataError(f"{path} lacks {part}_features", "an array of features", _REMEDY)
    features = arrays["features"]
    for name, column in arrays.items():
        if name != "model" and (column.ndim == 0 or len(column) != len(features)):
            raise DataError(f"{path} has {column.shape} {name} for {len(features)} features", "one each", _REMEDY)
    return FeatureRows(features, np.arange(len(features)), _names(arrays), _origin(arrays))


def _arrays(archive: Mapping[str, np.ndarray], part: Part) -> dict[str, np.ndarray]:
    found = {}
    for name in ("features", "ids", "cameras", "names", "model"):
        spelled = next((key for key in (f"{part}_{name}", name) if key in archive), None)
        if spelled:
            found[name] = archive[spelled]
    return found


def _names(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    count = len(arrays["features"])
    names = arrays.get("names", np.arange(count))
    cameras = arrays.get("cameras", np.full(count, -1))
    persons = arrays.get("ids", np.full(count, -1))
    # Files of the ranking evaluation number their cameras; -1 is the unknown one.
    spelled = [None if str(camera) == "-1" else str(camera) for camera in cameras]
    return row_names([str(name) for name in names], spelled, [int(person) for person in persons])


def _origin(arrays: Mapping[str, np.ndarray]) -> Origin:
    return Origin(model=str(arrays["model"])) if "model" in arrays else Origin()
