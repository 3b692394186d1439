"""Where the time of a stage went, from the seconds in its log."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.report.stage_files import StageFiles

NETWORKS = ("forward", "backward")


@dataclass(frozen=True)
class TimeShares:
    """The time of one stage.

    Args:
        seconds: by section: data, forward, backward, update, cluster, and other for what lies between them.
        stage: seconds of the whole stage by its manifest; it is longer by reading data and writing files, and of a
            resumed stage it is only the last part.
        peak_megabytes: by kind of memory, the largest that was logged.
    """

    seconds: Mapping[str, float]
    stage: float
    peak_megabytes: Mapping[str, float]

    @property
    def total(self) -> float:
        """Seconds of training steps and of what is done between rounds."""
        return sum(self.seconds.values())

    @property
    def networks(self) -> float:
        """Share of the total that was spent in forward and backward passes, in 0..1."""
        return sum(self.seconds.get(name, 0.0) for name in NETWORKS) / max(self.total, 1e-9)


def time_shares(stage: StageFiles) -> TimeShares | None:
    """Return where the time of a committed stage went, or None where it logged no seconds.

    Args:
        stage: its files.
    """
    rows = [row for row in stage.events if isinstance(row.get("seconds"), Mapping)]
    if not rows:
        return None
    seconds: dict[str, float] = {}
    peaks: dict[str, float] = {}
    for row in rows:
        told = dict(row["seconds"])
        told["other"] = told.pop("total") - sum(told.values())
        for name, value in told.items():
            seconds[name] = seconds.get(name, 0.0) + value
        for name, value in row.get("peak_megabytes", {}).items():
            peaks[name] = max(value, peaks.get(name, 0.0))
    return TimeShares(seconds, float(stage.section("run").get("seconds", 0.0)), peaks)


def time_table(stages: Mapping[str, TimeShares]) -> list[dict[str, object]]:
    """Return one row of cells for each stage.

    Args:
        stages: by name.
    """
    names = list(dict.fromkeys(name for shares in stages.values() for name in shares.seconds))
    rows: list[dict[str, object]] = []
    for stage, shares in stages.items():
        row: dict[str, object] = {"stage": stage, "stage s": f"{shares.stage:.1f}", "measured s": f"{shares.total:.1f}"}
        row |= {f"{name} %": f"{100 * shares.seconds.get(name, 0.0) / max(shares.total, 1e-9):.1f}" for name in names}
        row["forward + backward %"] = f"{100 * shares.networks:.1f}"
        rows.append(row | {f"peak {name} MB": f"{value:,.0f}" for name, value in shares.peak_megabytes.items()})
    return rows
