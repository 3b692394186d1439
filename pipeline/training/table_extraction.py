"""Embeddings of a listing into a table on the disk: shared among processes, block by block, to be gone on with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from datasets.crop_batches import CropBatch, read_crops
from datasets.decoding import MAX_UNREADABLE
from datasets.prefetch import prefetched
from datasets.records import ReIDData
from pipeline import distributed
from pipeline.coordination import Coordinator
from pipeline.errors import DataError, LockedError
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.joined_cameras import camera_positions
from pipeline.models.reid import ReIDModel
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.row_names import row_names
from pipeline.retrieval.stored_table import StoredTable, TableHeader, open_table
from pipeline.retrieval.table_start import LOCK, begin_table
from pipeline.retrieval.table_writer import TableWriter
from pipeline.training.extraction import DECODING_THREADS, embedded, evaluating
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress

# A kill costs at most so many crops a process, and a write of so many rows is small beside their embedding.
_ROWS_A_BLOCK = 1024


@dataclass(frozen=True)
class TablePlan:
    """How a table is extracted; everything but `workers` is a part of what the table is.

    Args:
        batch: images a forward; another one rounds differently.
        flip: average the embedding of the crop and of its mirror image.
        dtype: 'float32' or 'float16' on the disk.
        precision: autocast settings.
        site: name of the images' target among those that the model was adapted to, where it was adapted to several.
        workers: threads of each process that decode ahead.
    """

    batch: int = 256
    flip: bool = True
    dtype: str = "float32"
    precision: Precision = field(default_factory=Precision)
    site: str = ""
    workers: int = DECODING_THREADS

    def header(self, data: ReIDData, model: ReIDModel, origin: Origin) -> TableHeader:
        """Return what the table is.

        Args:
            data: the images.
            model: the network.
            origin: model and images by their digests.
        """
        settings = {
            "batch": self.batch, "flip": self.flip, "amp": self.precision.amp, "target": self.site,
            "size": list(model.size),
        }  # fmt: skip
        block = self.batch * max(1, _ROWS_A_BLOCK // self.batch)
        return TableHeader(len(data), model.embedding_width, self.dtype, block, origin, settings)


def extract_table(
    model: ReIDModel,
    data: ReIDData,
    folder: Path,
    *,
    digest: str,
    statistics: CameraStatistics | None = None,
    plan: TablePlan | None = None,
) -> StoredTable:
    """Embed every image of a listing into a table, or what is still missing of one that was begun.

    With `statistics` a row is the standardised embedding of length one, without it the plain BNNeck embedding. Blocks
    and batches don't depend on the number of processes or on what was done before, so on the CPU the table has the same
    bits however often it was interrupted.

    Args:
        model: the network.
        data: N images; one that cannot be read has a row of NaN and is listed in the header.
        folder: of the table; on a disk that all processes see.
        digest: SHA-256 of the model's file.
        statistics: of the cameras that the model was adapted to, or None.
        plan: how; the defaults where None.

    Returns:
        the complete table.

    Raises:
        DataError: a table of another model, of other images or of other settings is there; more than a fifth of the
            images cannot be read; an embedding is not finite; the disk is full.
        LockedError: another run is writing this table.
    """
    plan = plan or TablePlan()
    main = Coordinator(distributed.rank(), distributed.broadcast_object)
    wanted = plan.header(data, model, Origin(digest, data.digest, statistics is not None))
    samples = data.samples
    names = row_names([s.path for s in samples], [s.camera_id for s in samples], [s.person_id for s in samples])
    with _sole_writer(folder, main), evaluating(model):
        main.decide(lambda: begin_table(folder, wanted, names))
        writer = TableWriter(folder, rank=distributed.rank())
        # Every process has to see the same list, before one of them writes.
        blocks = main.decide(writer.pending)[distributed.rank() :: distributed.world_size()]
        distributed.barrier()
        _fill(writer, wanted, blocks, embed=_Embedding(model, data, plan, statistics))
        distributed.barrier()
        main.decide(writer.finish)
    return open_table(folder)


class _Embedding:
    """Rows of any batch of the listing, as they are compared."""

    def __init__(self, model: ReIDModel, data: ReIDData, plan: TablePlan, statistics: CameraStatistics | None) -> None:
        self.data, self._model, self._plan, self._statistics = data, model, plan, statistics
        self.batch = plan.batch
        known = {} if statistics is None else camera_positions(data.cameras, statistics, site=plan.site)
        self._cameras = np.array([known.get(s.camera_id or "", -1) for s in data.samples], np.int64)
        self._is_pinned = next(model.parameters()).is_cuda

    def batches(self, spans: list[range]) -> Iterator[tuple[CropBatch, np.ndarray]]:
        """Yield each batch of crops with its (B, D) rows, in order."""
        taken: list[CropBatch] = []

        def read(span: range) -> CropBatch:
            return read_crops(self.data, span, size=self._model.size, is_pinned=self._is_pinned)

        def pixels() -> Iterator:
            for crops in prefetched(read, spans, workers=self._plan.workers):
                taken.append(crops)
                yield crops.images

        for values in embedded(self._model, pixels(), flip=self._plan.flip, precision=self._plan.precision):
            crops = taken.pop(0)
            if self._statistics is not None:
                values = self._statistics.standardise(values, self._cameras[crops.positions])
            yield crops, self._checked(crops, values)

    def _checked(self, crops: CropBatch, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            stored = values.astype(self._plan.dtype)
        bad = np.flatnonzero(~np.isfinite(stored).all(axis=1))
        if len(bad):
            path = self.data.samples[crops.positions[bad[0]]].path
            raise DataError(
                f"the embedding of {path} is not finite as {self._plan.dtype} with amp {self._plan.precision.amp}",
                "finite numbers", "Take float32 and amp off.",
            )  # fmt: skip
        return stored


def _fill(writer: TableWriter, header: TableHeader, blocks: list[int], *, embed: _Embedding) -> None:
    spans = [header.span(block) for block in blocks]
    per_block = [
        [range(first, min(first + embed.batch, span.stop)) for first in range(span.start, span.stop, embed.batch)]
        for span in spans
    ]
    results = embed.batches([part for parts in per_block for part in parts])
    progress = Progress(f"extract {embed.data.name}", total=len(blocks))
    num_unreadable = 0
    for block, parts in zip(blocks, per_block, strict=True):
        done = [next(results) for _ in parts]
        errors = {position: error for crops, _ in done for position, error in crops.errors.items()}
        num_unreadable += len(errors)
        if num_unreadable > MAX_UNREADABLE * header.rows:
            raise DataError(
                f"{num_unreadable} of {header.rows} images of {embed.data.name} cannot be read:"
                f" {next(iter(errors.values())).found}",
                f"at most {MAX_UNREADABLE:.0%} unreadable ones",
                "Copy or unpack the data again.",
            )
        writer.write(block, np.concatenate([values for _, values in done]), sorted(errors))
        progress.advance(f"{header.span(block).stop} of {header.rows} crops")
    progress.close()


@contextmanager
def _sole_writer(folder: Path, main: Coordinator) -> Iterator[None]:
    lock = FileLock(folder / LOCK)

    def acquire() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise LockedError(f"table {folder} is being written by another process", "", "Wait or stop it.") from error

    main.decide(acquire)
    try:
        yield
    finally:
        if main.is_main:
            lock.release()
