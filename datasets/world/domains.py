"""The named domains, and any number of others by seed."""

import difflib
import re
from functools import lru_cache

from datasets.world.places.indoor_mall import INDOOR_MALL
from datasets.world.places.night_street import NIGHT_STREET
from datasets.world.places.rainy_campus import RAINY_CAMPUS
from datasets.world.places.sunny_plaza import SUNNY_PLAZA
from datasets.world.places.winter_station import WINTER_STATION
from datasets.world.random_domain import make_random_domain
from datasets.world.traits import Domain
from pipeline.errors import DataError

__all__ = ["NAMED_DOMAINS", "Domain", "domain_by_name"]

NAMED_DOMAINS: dict[str, Domain] = {
    domain.name: domain for domain in (SUNNY_PLAZA, INDOOR_MALL, NIGHT_STREET, WINTER_STATION, RAINY_CAMPUS)
}


@lru_cache(maxsize=256)
def domain_by_name(name: str) -> Domain:
    """Return a named domain, or the one that belongs to "random-<seed>".

    Raises:
        DataError: there is no such domain.
    """
    if name in NAMED_DOMAINS:
        return NAMED_DOMAINS[name]
    if match := re.fullmatch(r"random-(\d{1,9})", name):
        return make_random_domain(int(match.group(1)))
    close = difflib.get_close_matches(name, [*NAMED_DOMAINS, "random-0"], n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]!r}?" if close else "Pick one of these."
    raise DataError(f"no domain is called {name!r}", f"{', '.join(NAMED_DOMAINS)} or random-<number>", hint)
