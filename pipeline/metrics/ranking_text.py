"""A ranking result for programs and for people: plain values, and lines with the rules that the numbers follow."""

from typing import Any

from pipeline.metrics.ranking_result import RankingResult


def ranking_values(result: RankingResult, interval: tuple[float, float]) -> dict[str, Any]:
    """Return the result as values that JSON can hold.

    Args:
        result: what the ranking found.
        interval: bootstrap interval of mAP over queries.
    """
    return {
        "mAP": result.mAP,
        "cmc": {str(k): value for k, value in result.cmc.items()},
        "mINP": result.mINP,
        "mAP_interval_over_queries": list(interval),
        "mAP_tie_spread": list(result.tie_spread or ()),
        "queries": result.num_queries,
        "skipped_queries": result.num_skipped,
        "skip_reasons": dict(result.skip_reasons),
        "semantics": dict(result.semantics),
    }


def ranking_lines(result: RankingResult, interval: tuple[float, float]) -> list[str]:
    """Return the numbers with six decimals, then one line for each rule.

    Args:
        result: what the ranking found.
        interval: bootstrap interval of mAP over queries.
    """
    rows = [("mAP", result.mAP), *((f"CMC@{k}", value) for k, value in result.cmc.items()), ("mINP", result.mINP)]
    return [
        *(f"{name:<7}{value:.6f}" for name, value in rows),
        f"mAP 95 % bootstrap interval over queries: {interval[0]:.6f} to {interval[1]:.6f}",
        f"queries: {result.num_queries}, skipped: {result.num_skipped}",
        *(f"{rule}: {sentence}" for rule, sentence in result.semantics.items()),
    ]
