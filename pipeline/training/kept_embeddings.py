"""Embeddings of the crops that a run cut out of footage, as they stay where the crops themselves do not."""

from collections.abc import Iterator
from pathlib import Path

from datasets.tracklets import read_tracklets
from pipeline.atomic_files import sha256_of_file
from pipeline.checkpoint import load_model
from pipeline.config.strict_yaml import read_yaml
from pipeline.errors import DataError
from pipeline.manifest import read_manifest, removal_in_words
from pipeline.retention import EMBEDDINGS
from pipeline.retrieval.stored_table import HEADER
from pipeline.run_dir import RunDir
from pipeline.training.table_extraction import TablePlan, extract_table


def keep_embeddings(run: Path) -> list[Path]:
    """Embed the crops of each target that was made of footage, with the network that was adapted to it.

    Args:
        run: folder of a run that has succeeded.

    Returns:
        the tables, RUN/embeddings/STAGE-DATA.table; those that are complete are left as they are.

    Raises:
        DataError: crops that have no table yet were removed before.
    """
    tables = []
    for stage, data, maker in _adapted(run):
        table = run / EMBEDDINGS / f"{stage}-{data}.table"
        tables.append(table)
        root = RunDir(run).stage(maker).current()
        attempt = RunDir(run).stage(stage).current()
        assert root is not None, f"{run} has succeeded, and {maker} has not"
        assert attempt is not None, f"{run} has succeeded, and {stage} has not"
        removed = removal_in_words(root)
        if removed and not (table / HEADER).is_file():
            raise DataError(
                f"the crops of stage {maker} cannot be embedded: {removed}", "crops", f"Run with --restart {maker}."
            )
        if removed:
            continue
        artifact = read_manifest(attempt).artifact("best", attempt)
        loaded = load_model(artifact.path)
        extract_table(
            loaded.model, read_tracklets(str(root)), table, digest=sha256_of_file(artifact.path),
            statistics=loaded.cameras, plan=TablePlan(site=data),
        )  # fmt: skip
    return tables


def _adapted(run: Path) -> Iterator[tuple[str, str, str]]:
    """Yield stage, target and the stage that made the target, of re-ID networks that adapted to tracklets."""
    tree, _ = read_yaml(RunDir(run).config.read_text(encoding="utf-8"), "config.yaml")
    made = {
        name: str(entry["from"]).partition(".")[0]
        for name, entry in (tree.get("data") or {}).items()
        if entry.get("kind") == "tracklets" and entry.get("from")
    }
    for stage, settings in (tree.get("stages") or {}).items():
        targets = settings.get("targets") or [settings.get("target")]
        if settings.get("kind") in ("progressive_kd", "multi_target_kd"):
            yield from ((stage, data, made[data]) for data in targets if data in made)
