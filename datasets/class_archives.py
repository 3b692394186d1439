"""Images and labels from a NumPy archive; never a pickle."""

import zipfile
from pathlib import Path

import numpy as np

from pipeline.errors import DataError

_SPELLINGS = (("{split}_images", "{split}_labels"), ("x_{split}", "y_{split}"))
_WHOLE = (("images", "labels"), ("x", "y"))


def read_arrays(path: Path, split: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Read one part of an archive, or all of them one after another.

    Args:
        path: the .npz file.
        split: 'train', 'test' or 'all'.

    Returns:
        images as they are stored, (N,) int64 labels in 0..C-1, and the C classes' names.

    Raises:
        DataError: the file or an array is not there, is damaged, or needs a pickle.
    """
    if not path.is_file():
        raise DataError(f"there is no archive {str(path)!r}", "a .npz file", "Check `root` and `file`.")
    try:
        # Without allow_pickle an array of objects, which could run code, is refused.
        with np.load(path, allow_pickle=False) as archive:
            images, labels = _parts(path, archive, split)
            names = [str(name) for name in archive["class_names"]] if "class_names" in archive.files else None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"{str(path)!r} cannot be read ({error})", "an undamaged .npz file of plain arrays",
            "Save it by numpy.savez(images=..., labels=...).",
        ) from error  # fmt: skip
    return images, *_numbered(path, labels, names)


def _parts(path: Path, archive: np.lib.npyio.NpzFile, split: str) -> tuple[np.ndarray, np.ndarray]:
    splits = ("train", "val", "test") if split == "all" else (split,)
    pairs = [(i.format(split=s), t.format(split=s)) for s in splits for i, t in _SPELLINGS]
    candidates = [*(_WHOLE if split == "all" else ()), *pairs]
    found = [
        (archive[images], archive[labels]) for images, labels in candidates if {images, labels} <= {*archive.files}
    ]
    if not found:
        wanted = "images and labels" if split == "all" else f"{split}_images and {split}_labels"
        raise DataError(
            f"{str(path)!r} holds the arrays {', '.join(sorted(archive.files)) or 'of nothing'}", wanted,
            "Give a `share` to draw train and test from `images` and `labels`." if split != "all" else "",
        )  # fmt: skip
    labels = np.concatenate([np.asarray(part).reshape(-1) for _, part in found])
    return np.concatenate([part for part, _ in found]), labels


def _numbered(path: Path, labels: np.ndarray, names: list[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels.dtype.kind not in "iu":
        raise DataError(f"{str(path)!r}: labels are {labels.dtype}", "integers")
    values, positions = np.unique(labels, return_inverse=True)
    if names is None:
        return positions.reshape(-1).astype(np.int64), tuple(str(value) for value in values)
    if len(values) and not 0 <= values.min() <= values.max() < len(names):
        raise DataError(
            f"{str(path)!r}: labels run from {values.min()} to {values.max()}", f"0..{len(names) - 1} (class_names)"
        )
    return labels.astype(np.int64), tuple(names)
