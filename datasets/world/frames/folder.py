"""Writing street frames as folders of JPEG files beside COCO json."""

from collections.abc import Callable, Iterable
from pathlib import Path

from datasets.coco_writer import write_coco
from datasets.frame_records import FrameData, FrameSample
from datasets.world.market_writer import README, prepare_folder
from datasets.world.sheet import encode_image

Listing = Iterable[tuple[str, FrameSample]]


def write_frame_folder(
    out: Path,
    parts: dict[str, FrameData],
    *,
    readme: str,
    is_forced: bool = False,
    progress: Callable[[Listing, int], Listing] = lambda items, _: items,
) -> int:
    """Write `PART/*.jpg` and `annotations/PART.json` for each part; README.txt is written last.

    Args:
        out: the folder; made where it does not exist.
        parts: labelled frames by the name of their part, such as "train".
        readme: text of README.txt.
        is_forced: write into a folder that has something in it already, over files of the same names.
        progress: wraps the listing, for a progress bar; gets the listing and its length.

    Returns:
        number of frames.

    Raises:
        DataError: the folder is not empty.
    """
    prepare_folder(out, [*parts, "annotations"], is_forced)
    listing = [(part, sample) for part, data in parts.items() for sample in data.samples]
    for part, sample in progress(listing, len(listing)):
        (out / part / sample.path).write_bytes(encode_image(parts[part].load(sample), ".jpg"))
    for part, data in parts.items():
        write_coco(out / "annotations" / f"{part}.json", data)
    (out / README).write_text(readme, encoding="utf-8")
    return len(listing)
