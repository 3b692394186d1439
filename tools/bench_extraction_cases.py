"""What the benchmark of extraction measures: decoding, embedding, both at once, and both in turn."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from datasets.crop_batches import read_crops
from datasets.image_folder import read_image_folder
from datasets.prefetch import prefetched
from datasets.records import ReIDData
from pipeline import build
from pipeline.models.reid import ReIDModel
from pipeline.training.extraction import embedded
from pipeline.training.precision import Precision
from pipeline.training.table_extraction import TablePlan, extract_table

Work = Callable[[], int]


def images_job(*, folder: str, count: int, size: tuple[int, int]) -> Work:
    """Prepare the writing of JPEG files with about as much detail as crops of people have.

    Args:
        folder: for the files.
        count: how many.
        size: height and width.
    """
    generator = np.random.default_rng(17)
    Path(folder).mkdir(parents=True, exist_ok=True)

    def work() -> int:
        for number in range(count):
            coarse = generator.integers(0, 256, (16, 8, 3), np.uint8)
            pixels = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC).astype(np.float32)
            pixels += generator.normal(0, 6, pixels.shape)
            cv2.imwrite(f"{folder}/{number:06d}.jpg", np.clip(pixels, 0, 255).astype(np.uint8))
        return count

    return work


class _Parts:
    """What the cases share."""

    def __init__(self, options: dict[str, Any]) -> None:
        torch.manual_seed(0)
        cv2.setNumThreads(1)
        self.data: ReIDData = read_image_folder(options["folder"], "unknown")
        spec: dict[str, Any] = {
            "arch": options["arch"],
            "size": options["size"],
            "embedding": 256,
            "pooling": "average",
            "ibn": "none",
        }
        plain: dict[str, Any] = {"weights": "scratch", "args": {}, "mean": [0.5] * 3, "std": [0.25] * 3}
        self.device = torch.device(options["device"])
        self.model: ReIDModel = build.reid_model(**spec, **plain).eval().to(self.device)
        precision = Precision(amp=options["amp"], device=self.device.type)
        self.plan = TablePlan(
            batch=options["batch"], flip=options["flip"], precision=precision, workers=options["workers"]
        )
        count, batch = len(self.data), self.plan.batch
        self.spans = [range(first, min(first + batch, count)) for first in range(0, count, batch)]

    def pixels(self, span: range) -> torch.Tensor:
        """Return the pixels of some crops."""
        return read_crops(self.data, span, size=self.model.size, is_pinned=self.device.type == "cuda").images

    def embed(self, batches: Any) -> int:
        """Embed batches and return the number of rows."""
        return sum(
            len(rows) for rows in embedded(self.model, batches, flip=self.plan.flip, precision=self.plan.precision)
        )


def decode_job(**options: Any) -> Work:
    """Prepare decoding and resizing alone, in the threads that extraction has.

    Args:
        options: folder, arch, size, batch, flip, amp, workers, device.
    """
    parts = _Parts(options)
    return lambda: sum(len(images) for images in prefetched(parts.pixels, parts.spans, workers=parts.plan.workers))


def embed_job(**options: Any) -> Work:
    """Prepare the network alone, on pixels that are in memory.

    Args:
        options: as of `decode_job`.
    """
    parts = _Parts(options)
    batches = [parts.pixels(span) for span in parts.spans]
    parts.embed(batches[:1])
    return lambda: parts.embed(batches)


def extract_job(**options: Any) -> Work:
    """Prepare the extraction into a table.

    Args:
        options: as of `decode_job`.
    """
    parts = _Parts(options)
    parts.embed([parts.pixels(parts.spans[0])])
    folder = Path(options["folder"]).with_name("table")
    return lambda: len(extract_table(parts.model, parts.data, folder, digest="none", plan=parts.plan).features)


def waiting_job(*, seconds: float, **options: Any) -> Work:
    """Prepare decoding beside a device that takes no time of the processor, as a GPU does.

    Args:
        seconds: that the device takes for all images.
        options: as of `decode_job`.
    """
    parts = _Parts(options)

    def work() -> int:
        count = 0
        for images in prefetched(parts.pixels, parts.spans, workers=parts.plan.workers):
            time.sleep(seconds * len(images) / len(parts.data))
            count += len(images)
        return count

    return work


def naive_job(**options: Any) -> Work:
    """Prepare the plain loop: decode a batch, embed it, keep its rows in a list, join them at the end.

    Args:
        options: as of `decode_job`.
    """
    parts = _Parts(options)
    parts.embed([parts.pixels(parts.spans[0])])

    def work() -> int:
        rows = []
        with torch.no_grad():
            for span in parts.spans:
                images = parts.pixels(span).to(parts.device)
                with parts.plan.precision.autocast():
                    values = parts.model(images).bn_embedding
                    if parts.plan.flip:
                        values = (values + parts.model(images.flip(3)).bn_embedding) / 2
                rows.append(values.float().cpu().numpy())
        return len(np.concatenate(rows))

    return work
