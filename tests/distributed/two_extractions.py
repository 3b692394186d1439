"""One of two processes that write one table; started as a program, once for each rank."""

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline import distributed
from pipeline.training import table_extraction
from pipeline.training.extraction import extract_embeddings
from tests.unit.training.make_parts import make_crops, make_model

PLAN = table_extraction.TablePlan(batch=3, workers=1)


def main(rank: int, folder: Path) -> None:
    """Write this rank's blocks, and embed into memory as well."""
    torch.set_num_threads(1)
    table_extraction._ROWS_A_BLOCK = 6
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=120))
    crops = make_crops(labelled=False)
    gathered = extract_embeddings(make_model(), crops, batch=3)
    table = table_extraction.extract_table(make_model(), crops.cache.data, folder / "table", digest="m", plan=PLAN)
    assert (table.features == gathered).all(), f"rank {rank} sees another table than the gathered rows"
    distributed.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
