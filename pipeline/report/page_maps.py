"""The report's embedding maps: the same crops before and after adaptation, in the same colours."""

import zipfile
from pathlib import Path

import numpy as np

from pipeline.report.markup import Html, Part, figure, section, tag
from pipeline.report.page_strips import pick_roles
from pipeline.report.plots import draw_map
from pipeline.report.roles import role_name
from pipeline.report.run_files import RunFiles

SHOWN_PERSONS = 12


def maps_section(run: RunFiles) -> Html:
    """Draw the projected embeddings of every evaluation that has left some.

    Args:
        run: the run's files.
    """
    parts: list[Part] = []
    for stage in run.done():
        path = stage.folder / "embedding_map.npz" if stage.folder else Path()
        if not path.is_file():
            continue
        try:
            parts.append(_maps(read_arrays(path)))
        except ValueError as error:
            parts.append(tag("p", f"The embedding map of stage {stage.name} cannot be drawn: {error}."))
    if not parts:
        parts = [tag("p", "No evaluation has left an embedding map.")]
    return section("map", "Embedding map before and after", *parts)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read and check the arrays of an embedding map.

    Args:
        path: an .npz file with person_ids, camera_ids and one (N, 2) array '<role>_xy' a model.

    Returns:
        the arrays by name.

    Raises:
        ValueError: the file is damaged, or its arrays do not fit together.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{path.name} cannot be read ({error})") from error
    if "person_ids" not in arrays or "camera_ids" not in arrays:
        raise ValueError("person_ids or camera_ids is missing")
    count = len(arrays["person_ids"])
    shapes = {name: value.shape for name, value in arrays.items() if name.endswith("_xy")}
    wrong = sorted(name for name, shape in shapes.items() if shape != (count, 2))
    if wrong or arrays["camera_ids"].shape != (count,):
        raise ValueError(f"{(wrong or ['camera_ids'])[0]} does not fit {count} crops")
    return arrays


def _maps(arrays: dict[str, np.ndarray]) -> Html:
    person_ids, camera_ids = arrays["person_ids"], arrays["camera_ids"]
    persons = choose_persons(person_ids, camera_ids, count=SHOWN_PERSONS)
    figures = []
    for role in pick_roles({name.removesuffix("_xy"): None for name in arrays if name.endswith("_xy")}):
        title = role_name({"role": role, "model": role})
        svg = draw_map(arrays[f"{role}_xy"], person_ids, camera_ids, persons=persons)
        figures.append(figure(svg, tag("b", title), alt=f"embedding map of the {title}"))
    caption = (
        f"{len(person_ids)} crops of the target; {len(persons)} persons in colour, the same colour on both sides, "
        "the others grey. The marker tells the camera. Good embeddings gather a person's crops whatever the camera; "
        "how far apart two groups lie means nothing."
    )
    return tag("div", tag("p", caption, class_="soft"), tag("div", *figures, class_="grid two"))


def choose_persons(person_ids: np.ndarray, camera_ids: np.ndarray, *, count: int) -> list[int]:
    """Choose the persons to colour: seen by the most cameras, then in the most crops, then by number.

    Args:
        person_ids: (N,) persons; negative = unknown, never chosen.
        camera_ids: (N,) cameras.
        count: greatest number of persons.
    """
    ranked = []
    for person in np.unique(person_ids[person_ids >= 0]).tolist():
        own = camera_ids[person_ids == person]
        ranked.append((-len(np.unique(own)), -len(own), person))
    return [person for *_, person in sorted(ranked)[:count]]
