"""What a model file says about 'same person or not': thresholds by false-match rate, and the pairs they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.errors import DataError
from pipeline.metrics.match_rates import MatchPoint, MatchPoints

RATES = (0.0001, 0.001, 0.01, 0.05, 0.1)
DEFAULT_RATE = 0.01
METHOD = "the same person where the cosine distance is below the quantile of pairs of two people across cameras"
# Who stands for a person, and what such pairs are called.
KINDS = {
    "new_persons": "labelled pairs of new people",
    "persons": "labelled pairs",
    "clusters": "pairs of clusters",
}
_REMEDY = (
    "Thresholds are stored in the files best of the stages that train or round a re-ID network, and in teacher of "
    "progressive_kd; make one with this version of crosscam."
)


@dataclass(frozen=True)
class MatchEvidence:
    """Thresholds that were taken from the pairs of some crops.

    Args:
        data: name of the data set in the configuration, several joined by ' + '.
        labels: a name in `KINDS`.
        is_standardised: whether embeddings were standardised by camera before they were compared.
        genuine: pairs of one person.
        impostors: pairs of two people.
        points: by ascending rate.
    """

    data: str
    labels: str
    is_standardised: bool
    genuine: int
    impostors: int
    points: tuple[MatchPoint, ...]

    @classmethod
    def of(cls, found: MatchPoints, *, data: str, labels: str, is_standardised: bool) -> "MatchEvidence":
        """Take thresholds with where they come from.

        Args:
            found: the thresholds and the numbers of pairs.
            data: as in the record.
            labels: as in the record.
            is_standardised: as in the record.
        """
        return cls(data, labels, is_standardised, found.genuine, found.impostors, found.points)

    @property
    def words(self) -> str:
        """Return in words where the thresholds come from."""
        return f"{self.impostors} {KINDS.get(self.labels, self.labels)} of {self.data}"


@dataclass(frozen=True)
class MatchRecord:
    """All evidence about one network.

    Args:
        evidence: of people whom the network has not met, of those it was trained on, and of clusters.
    """

    evidence: tuple[MatchEvidence, ...]

    def chosen(self, rate: float = DEFAULT_RATE, *, is_standardised: bool) -> tuple[MatchEvidence, MatchPoint]:
        """Return the threshold to use: that of people whom the network has not met, else the smallest.

        People and clusters that a network was trained on are farther apart for it than others are, so their thresholds
        are too large rather than too small.

        Args:
            rate: share of pairs of two people that may be taken for one.
            is_standardised: whether the embeddings that are compared were standardised by camera.

        Raises:
            DataError: there is no threshold for this rate, or for embeddings that are compared so.
        """
        fitting = [one for one in self.evidence if one.is_standardised == is_standardised]
        if not fitting:
            how = "standardised by camera" if is_standardised else "not standardised by camera"
            raise DataError(f"no threshold for embeddings that are {how}", "thresholds for what is compared", _REMEDY)
        found = [(one, point) for one in fitting for point in one.points if abs(point.rate - rate) <= 1e-9]
        of_new = [pair for pair in found if pair[0].labels == "new_persons"]
        if found:
            return min(of_new or found, key=lambda pair: pair[1].threshold)
        rates = sorted({point.rate for one in fitting for point in one.points})
        known = ", ".join(f"{value:g}" for value in rates) or "none: there were too few pairs"
        raise DataError(f"no threshold at a false-match rate of {rate:g}", f"one that is stored ({known})")

    def summary(self, *, is_standardised: bool) -> dict[str, Any] | None:
        """Return what a stage's summary says about the threshold at the default rate; None where there is none."""
        try:
            one, point = self.chosen(is_standardised=is_standardised)
        except DataError:
            return None
        return {
            "rate": point.rate, "threshold": point.threshold, "true_match_rate": point.true_match_rate,
            "from": one.labels, "data": one.data, "genuine": one.genuine, "impostors": one.impostors,
            "standardised": is_standardised,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a header."""
        return {"method": METHOD, "evidence": [asdict(one) for one in self.evidence]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "MatchRecord":
        """Return what `to_json` gave.

        Raises:
            KeyError, TypeError: it gave something else.
        """
        return cls(tuple(
            MatchEvidence(**{**one, "points": _points(one["points"])}) for one in values["evidence"]
        ))  # fmt: skip


def required_record(record: MatchRecord | None, file: object) -> MatchRecord:
    """Return the record of a model file, or say that it has none.

    Args:
        record: what was read.
        file: its name.

    Raises:
        DataError: there is none.
    """
    if record is None:
        raise DataError(f"{file} holds no threshold for 'same person'", "a file that does", _REMEDY)
    return record


def _points(rows: Sequence[Mapping[str, Any]]) -> tuple[MatchPoint, ...]:
    return tuple(MatchPoint(**row) for row in rows)
