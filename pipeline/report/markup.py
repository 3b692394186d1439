"""Builds HTML from parts; text becomes HTML only through here, so that nothing from a file can be read as markup."""

import base64
import html
import re
from collections.abc import Iterable, Sequence

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_VOID = frozenset({"img", "br", "meta"})


class Html(str):
    """Text that is markup already; every other string is escaped when it is put into an element."""

    __slots__ = ()


Part = str | None


def join(parts: Iterable[Part]) -> Html:
    """Put parts one after another, escaping those that are not markup; None is left out.

    Args:
        parts: markup, text or None.
    """
    return Html("".join(p if isinstance(p, Html) else html.escape(p) for p in parts if p is not None))


def tag(name: str, /, *children: Part, **attributes: object) -> Html:
    """Build one element.

    Args:
        name: the element's name.
        children: markup or text; None is left out.
        attributes: by name; a trailing underscore is dropped, other underscores become hyphens. None leaves one out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "" if name in _VOID else f"{join(children)}</{name}>"
    return Html(f"<{name}{written}>{body}")


def table(header: Sequence[Part], rows: Iterable[Sequence[Part]], *, text_columns: int = 1) -> Html:
    """Build a table that scrolls sideways on a narrow screen.

    Args:
        header: column titles.
        rows: cells, as many as titles.
        text_columns: the first so many columns are text, the others numbers set flush right.
    """
    align = [None if column < text_columns else "n" for column in range(len(header))]
    head = tag("tr", *(tag("th", cell, class_=c, scope="col") for cell, c in zip(header, align, strict=True)))
    body = [tag("tr", *(tag("td", cell, class_=c) for cell, c in zip(row, align, strict=True))) for row in rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="scroll")


def section(identifier: str, title: str, *children: Part) -> Html:
    """Build one section of the page.

    Args:
        identifier: anchor.
        title: heading.
        children: what stands below the heading.
    """
    return tag("section", tag("h2", title), *children, id=identifier)


def figure(svg: str, caption: Part, *, alt: str) -> Html:
    """Show a drawing as an image of its own, so that its names cannot collide with another drawing's.

    Args:
        svg: SVG text.
        caption: what stands below it.
        alt: what a reader who cannot see it is told.
    """
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"
    return tag("figure", tag("img", src=source, alt=alt), tag("figcaption", caption))


def thumbnail(encoded: object, *, alt: str) -> Html:
    """Show a base64 JPEG or PNG; anything else is an empty frame.

    Args:
        encoded: base64 text, with or without the prefix of a data URI.
        alt: what the picture shows.
    """
    text = str(encoded).rpartition("base64,")[2]
    if not _BASE64.fullmatch(text):
        return tag("span", "no picture", class_="blank")
    kind = "png" if text.startswith("iVBOR") else "jpeg"
    return tag("img", src=f"data:image/{kind};base64,{''.join(text.split())}", alt=alt)
