"""The page of a person search: for each person a timeline, and the nearest tracklets of every camera."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.report.blurred_heads import blurred_heads
from pipeline.report.found_people import FoundTracklet, SoughtPerson, clock_text
from pipeline.report.html import document
from pipeline.report.markup import Html, Part, figure, section, tag, thumbnail
from pipeline.report.person_timeline import draw_timeline
from pipeline.report.strips import encode_thumbnail

_CLASSES = {True: "hit right", False: "hit wrong", None: "hit plain"}
_MARKS = {True: "✓", False: "✗", None: None}
_FACELESS = "The upper part of every picture is blurred, so that nobody is recognised by the face."


def search_page(
    people: Sequence[SoughtPerson],
    *,
    facts: Mapping[str, str],
    span: tuple[float, float],
    legend: str,
    scores: Sequence[str] = (),
    show_faces: bool = False,
) -> str:
    """Build the page.

    Args:
        people: who was looked for.
        facts: what was searched by what, in words, by name.
        span: first and last second of all tracklets.
        legend: one sentence on what the marks mean.
        scores: lines about how well people were found, where somebody knows who they are.
        show_faces: show pictures as they are; else their upper part is blurred.

    Returns:
        a complete HTML document that loads nothing.
    """
    title = f"{len(people)} people looked for" if len(people) != 1 else f"Where was {people[0].label}?"
    terms = [part for name, text in facts.items() for part in (tag("dt", name), tag("dd", text))]
    header = tag("header", tag("p", "person search", class_="eyebrow"), tag("h1", title), tag("dl", *terms))
    notes = [legend, "Bars and strips go from the nearest to the farthest; the number is the cosine distance."]
    notes += [] if show_faces else [_FACELESS]
    measured = section("scores", "How well people are found", *(tag("p", line) for line in scores)) if scores else None
    shown = [_person(number, person, span, show_faces=show_faces) for number, person in enumerate(people, start=1)]
    main = tag("main", tag("p", " ".join(notes), class_="soft"), measured, *shown)
    return document("person search", tag("body", header, main))


def _person(number: int, person: SoughtPerson, span: tuple[float, float], *, show_faces: bool) -> Html:
    drawing = draw_timeline(person, span)
    alt = "; ".join(f"rank {rank}: camera {one.camera} at {clock_text(one.span[0])}" for rank, one in _ranked(person))
    when = "" if person.own is None else f" The frame without filling is the query's own: camera {person.own[0]}."
    caption = f"When the nearest tracklets were filmed, with their rank over all cameras.{when}"
    query = tag("div", tag("span", "query"), _picture(person.image, person.label, show_faces=show_faces),
                tag("span", person.label), class_="query")  # fmt: skip
    ranks = {one.name: rank for rank, one in _ranked(person)}
    strips = [_strip(camera, row, ranks, show_faces=show_faces) for camera, row in person.found.items()]
    rows = tag("div", query, tag("div", *strips, class_="found"), class_="pair sought")
    return section(f"person-{number}", person.label, figure(drawing, caption, alt=alt), rows)


def _ranked(person: SoughtPerson) -> list[tuple[int, FoundTracklet]]:
    return list(enumerate(person.ranked, start=1))


def _strip(camera: str, row: Sequence[FoundTracklet], ranks: Mapping[str, int], *, show_faces: bool) -> Html:
    hits = [_hit(one, ranks[one.name], show_faces=show_faces) for one in row]
    empty: list[Part] = [tag("span", "no tracklet", class_="soft")] if not hits else []
    title = tag("span", f"camera {camera}", class_="soft")
    return tag("div", title, tag("div", *hits, *empty, class_="ten"), class_="strip")


def _hit(one: FoundTracklet, rank: int, *, show_faces: bool) -> Html:
    word = {True: ", the same person", False: ", somebody else", None: ""}[one.verdict]
    picture = _picture(one.image, f"rank {rank}, {one.name}{word}", show_faces=show_faces)
    mark = _MARKS[one.verdict]
    lines = [tag("b", f"{rank}. "), clock_text(one.span[0]), tag("br"), f"{one.distance:.2f}"]
    return tag("div", picture, tag("i", mark) if mark else None, *lines, class_=_CLASSES[one.verdict], title=one.name)


def _picture(image: np.ndarray, alt: str, *, show_faces: bool) -> Html:
    """Return a thumbnail; the one place where people's pictures enter this page."""
    return thumbnail(encode_thumbnail(image if show_faces else blurred_heads(image)), alt=alt)
