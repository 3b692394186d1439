"""Writing the procedural world as a folder in Market-1501 layout."""

from collections.abc import Callable, Iterable
from pathlib import Path

from datasets.records import ReIDData, ReIDProbe, ReIDSample
from datasets.world.sheet import encode_image
from pipeline.errors import DataError

README = "README.txt"
_MOST_CAMERAS = 9


def write_market_layout(
    out: Path,
    train: ReIDData,
    probe: ReIDProbe,
    *,
    readme: str,
    is_forced: bool = False,
    progress: Callable[[Iterable[tuple[str, ReIDSample]], int], Iterable[tuple[str, ReIDSample]]] = lambda items, _: (
        items
    ),
) -> int:
    """Write training crops, queries and gallery as JPEG files with Market-1501 names.

    Args:
        out: the folder; made where it does not exist.
        train: goes to bounding_box_train.
        probe: goes to query and bounding_box_test.
        readme: text of README.txt, which is written last.
        is_forced: write into a folder that has something in it already, over files of the same names.
        progress: wraps the listing, for a progress bar; gets the listing and its length.

    Returns:
        number of images.

    Raises:
        DataError: the folder is not empty, or a camera number has more than the layout's one digit.
    """
    parts = {"bounding_box_train": train, "query": probe.query, "bounding_box_test": probe.gallery}
    many = [name for data in parts.values() for name in data.cameras if int(name) > _MOST_CAMERAS]
    if many:
        raise DataError(f"camera {many[0]} has no Market-1501 name", f"at most {_MOST_CAMERAS} cameras, one digit")
    prepare_folder(out, list(parts), is_forced)
    listing = [(folder, sample) for folder, data in parts.items() for sample in data.samples]
    for folder, sample in progress(listing, len(listing)):
        image = parts[folder].load(sample)
        (out / folder / sample.path).write_bytes(encode_image(image, ".jpg"))
    (out / README).write_text(readme, encoding="utf-8")
    return len(listing)


def prepare_folder(out: Path, folders: list[str], is_forced: bool) -> None:
    """Make a folder with folders in it.

    Args:
        out: the folder.
        folders: names of those inside.
        is_forced: take a folder that has something in it already.

    Raises:
        DataError: it is a file, or not empty.
    """
    if out.exists() and not out.is_dir():
        raise DataError(f"{str(out)!r} is a file", "a folder that is empty or does not exist yet")
    if out.is_dir() and any(out.iterdir()) and not is_forced:
        remedy = "Name another folder, or add --force to write into this one."
        raise DataError(f"{str(out)!r} is not empty", "a folder that is empty or does not exist yet", remedy)
    for folder in folders:
        (out / folder).mkdir(parents=True, exist_ok=True)
