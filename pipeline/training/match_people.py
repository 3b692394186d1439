"""Labelled people of the source whom a network was not trained on, for its thresholds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.records import ReIDProbe
from pipeline import build
from pipeline.build.data import any_data
from pipeline.config.references import DataRef, SilentDefault
from pipeline.stage import StageContext

MatchDataRef = Annotated[DataRef | None, SilentDefault(None)]


def check_match_data(name: str | None, others: Sequence[str | None]) -> None:
    """Refuse to take thresholds from what is trained on or adapted to; called by the settings.

    Args:
        name: the setting `match_data`.
        others: names of the data sets of the stage.

    Raises:
        ValueError: it is one of them.
    """
    if name is not None and name in others:
        raise ValueError(f"match_data is {name}, which this stage trains on; name labelled crops of other people")


def people_to_match(context: StageContext, *, size: tuple[int, int]) -> CropDataset | None:
    """Return the crops that the setting `match_data` names, or None where it names none.

    Of a query and gallery the gallery is taken, without crops of people for whom no query asks: these may be junk or
    distractors.

    Args:
        context: of a stage with the setting `match_data`.
        size: height and width of the crops.

    Raises:
        ConfigError: the data are no labelled crops.
    """
    name = context.config.match_data
    if name is None:
        return None
    config = context.run_config.data[name]
    probe = any_data(config)
    if isinstance(probe, ReIDProbe):
        asked = {sample.person_id for sample in probe.query.samples}
        data = replace(probe.gallery, samples=tuple(s for s in probe.gallery.samples if s.person_id in asked))
    else:
        data = build.reid_data(config, labelled=True)
    known, cache = load_pixels(data, size=size)
    return CropDataset(cache, class_labels(known)[0], camera_indices(known))


def match_data_facts(context: StageContext, people: CropDataset | None) -> dict[str, dict[str, Any]]:
    """Return what a manifest says about these crops, by the name of the data set; nothing where there are none.

    Args:
        context: of the stage.
        people: what `people_to_match` returned.
    """
    name = context.config.match_data
    if people is None:
        return {}
    facts = people.cache.data.facts(labels_read=True)
    return {name: {**facts, "digest": build.data_digest(context.run_config.data[name])}}
