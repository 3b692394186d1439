"""What an evaluation says of 'the same person or not': verification, open set, and the threshold that is stored."""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import DataError
from pipeline.metrics.match_rates import match_points, rates_at
from pipeline.metrics.match_record import DEFAULT_RATE, RATES, MatchRecord, required_record
from pipeline.metrics.open_set import open_set
from pipeline.metrics.pair_distances import PersonRows, pairs_between
from pipeline.training.scoring import ProbeTables
from pipeline.types import EmbeddingTable

SEMANTICS: Mapping[str, str] = {
    "verification": "pairs of a query and a gallery row under another camera; two match where their cosine distance is "
    "below the threshold, and a rate below one pair of two people in all is left out",
    "open_set": "every second person of the queries, by ascending id, is left out of the gallery; a query of one of "
    "them is a false alarm where its nearest row is below the threshold, and a query of another is identified where "
    "its nearest row shows the person and is below it",
}


def same_person_facts(
    tables: ProbeTables, record: MatchRecord | None, *, is_standardised: bool, cameras: str
) -> dict[str, Any]:
    """Measure how well distances tell whether two crops show one person, and whether a stored threshold holds.

    Args:
        tables: query and gallery as they are compared.
        record: thresholds that the model's file holds, or None.
        is_standardised: whether the embeddings were standardised by camera.
        cameras: 'discard_same' or 'unknown'.

    Returns:
        plain values: 'verification', 'open_set', and 'match', which is what was promised and what came out, or why
        nothing was promised.
    """
    query, gallery = _rows(tables.query), _rows(tables.gallery)
    verified = match_points(lambda: pairs_between(query, gallery, cameras=cameras), RATES)
    opened = open_set(query, gallery, cameras=cameras)
    return {
        "verification": {
            "genuine": verified.genuine, "impostors": verified.impostors,
            "tpr_at_fpr": {f"{point.rate:g}": point.true_match_rate for point in verified.points},
        },
        "open_set": {
            "left_out": opened.left_out, "known": opened.known, "unknown": opened.unknown,
            "dir_at_far": {f"{point.rate:g}": point.identified for point in opened.points},
        },
        "match": _kept_promise(query, gallery, record, is_standardised=is_standardised, cameras=cameras),
    }  # fmt: skip


def _kept_promise(
    query: PersonRows, gallery: PersonRows, record: MatchRecord | None, *, is_standardised: bool, cameras: str
) -> dict[str, Any]:
    try:
        evidence, point = required_record(record, "the model's file").chosen(
            DEFAULT_RATE, is_standardised=is_standardised
        )
    except DataError as error:
        return {"missing": error.found}
    found, false = rates_at(lambda: pairs_between(query, gallery, cameras=cameras), point.threshold)
    return {
        "rate": point.rate, "threshold": point.threshold, "from": evidence.words, "labels": evidence.labels,
        "false_match_rate": false, "true_match_rate": found,
    }  # fmt: skip


def _rows(table: EmbeddingTable) -> PersonRows:
    return PersonRows(table.features, table.person_ids, table.camera_ids)
