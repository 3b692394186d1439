"""How several ranks act as one: the first decides and touches the disk, the others hear what came out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Coordinator:
    """The place of this process among the ranks of a run.

    Args:
        rank: 0 is the one that writes.
        broadcast: returns rank 0's object on every rank.
    """

    rank: int = 0
    broadcast: Callable[[Any], Any] = _same

    @property
    def is_main(self) -> bool:
        """Return whether this process decides."""
        return self.rank == 0

    def decide(self, work: Callable[[], T]) -> T:
        """Do the work on the first rank only and return its value, or raise its exception, on all of them."""
        value: Any = None
        failure: BaseException | None = None
        if self.is_main:
            try:
                value = work()
            except Exception as error:
                failure = error
        value, failure = self.broadcast((value, failure))
        if failure is not None:
            raise failure
        return value
