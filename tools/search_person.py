"""Search tracklets of several cameras for a person, and write a page: a timeline, and the nearest of every camera."""

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from pipeline.report.found_people import SoughtPerson
    from pipeline.training.person_search import PersonSearch

_EXAMPLES = 6


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="search_person.py", description=__doc__)
    add = parser.add_argument
    add("source", type=Path, metavar="SRC", help="folder with tracklets.csv, run that made one, or with --detector"
        " footage: a video or a folder of videos")  # fmt: skip
    add("--model", type=Path, required=True, metavar="FILE", help="re-ID network that a run left")
    add("--query", action="append", default=[], metavar="WHO", help="name of a tracklet, or picture of one person cut"
        " out; may be given several times")  # fmt: skip
    add("--out", type=Path, metavar="PAGE.html", help="write the page to this file")
    add("--detector", type=Path, metavar="FILE", help="detector that a run left: SRC is footage")
    add("--rate", type=float, default=5.0, help="frames a second of footage that are looked at, default: 5")
    add("--tracklets", type=Path, metavar="DIR", help="keep what is cut out of footage in this folder, where a second"
        " run goes on; else it is deleted")  # fmt: skip
    add("--truth", type=Path, metavar="DIR", help="measure the search: folder with mot/CAMERA/gt/gt.txt and"
        " crops/bounding_box_train, as tools/make_world.py --video writes it")  # fmt: skip
    add("-k", "--nearest", type=int, default=8, metavar="K", help="tracklets to show of each camera, default: 8")
    add("--match-rate", type=float, metavar="RATE", help="say which tracklets show the same person by the threshold in"
        " the model's file at this false-match rate, such as 0.01")  # fmt: skip
    add("--camera-statistics", choices=("checkpoint", "off"), default="checkpoint", help="whether the camera statistics"
        " in the model's file are used for comparing (default), or plain embeddings")  # fmt: skip
    add("--target", default="", metavar="NAME", help="whose cameras these are, for a model adapted to several targets")
    add("--show-faces", action="store_true", help="do not blur the upper part of the pictures")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    add("--json", type=Path, metavar="OUT", help="write ranks and scores to this file")
    add("-v", "--verbose", action="store_true", help="log how the source was read")
    return parser


def check(options: argparse.Namespace) -> None:
    """Refuse a command line that asks for nothing or for too little.

    Args:
        options: the command line.

    Raises:
        ConfigError: what is wrong.
    """
    from pipeline.errors import ConfigError

    if not options.query and options.truth is None:
        raise ConfigError("nobody to look for", "--query WHO, or --truth DIR to measure the search")
    if options.query and options.out is None and options.json is None:
        raise ConfigError("--query without a place for the answer", "--out PAGE.html or --json OUT")
    if options.nearest < 1:
        raise ConfigError(f"-k {options.nearest}", "at least 1")
    if not options.rate > 0:
        raise ConfigError(f"--rate {options.rate:g}", "a number of frames a second above 0")
    if options.tracklets is not None and options.detector is None:
        raise ConfigError("--tracklets without --detector", "footage that people are cut out of")


def tracklet_folder(options: argparse.Namespace, scratch: Path) -> Path:
    """Return the folder of tracklets, cut out of footage where that is wanted.

    Args:
        options: the command line.
        scratch: a folder for what is not kept.

    Raises:
        PipelineError: there is none, or the footage cannot be read.
    """
    from pipeline.build.footage import footage
    from pipeline.training.footage_tracklets import cut_tracklets, find_tracklets

    if options.detector is None:
        return find_tracklets(options.source)
    out = options.tracklets or scratch
    cut_tracklets(footage(root=str(options.source)), options.detector, out, rate=options.rate, device=options.device)
    return out


def run(options: argparse.Namespace, scratch: Path) -> list[str]:
    """Search, and write what was asked for.

    Args:
        options: the command line.
        scratch: a folder for what is not kept.

    Returns:
        lines for people.

    Raises:
        PipelineError: something cannot be used.
    """
    from pipeline import build
    from pipeline.config.schema import RuntimeConfig
    from pipeline.training.person_search import PersonSearch
    from pipeline.training.search_scores import measure_search

    search = PersonSearch(
        options.model,
        tracklet_folder(options, scratch),
        device=build.device(RuntimeConfig(device=options.device)),
        is_standardised=options.camera_statistics == "checkpoint",
        site=options.target,
        match_rate=options.match_rate,
    )
    people = [search.look_for(who, count=options.nearest) for who in options.query]
    values: dict[str, Any] = {"tracklets": len(search.gallery), "people": [ranks_of(person) for person in people]}
    lines: list[str] = []
    if options.truth is not None:
        measured = measure_search(search, options.truth)
        lines, values["scores"] = measured.lines, measured.values
        people += measured.examples(search, options.truth, people=_EXAMPLES, count=options.nearest)
    if options.out is not None:
        write_page(options, search, people, lines)
    if options.json is not None:
        options.json.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    written = [str(path) for path in (options.out, options.json) if path is not None]
    return [*lines, f"looked for {len(people)} people among {search.words}", *written]


def write_page(
    options: argparse.Namespace, search: "PersonSearch", people: list["SoughtPerson"], scores: list[str]
) -> None:
    """Write the page.

    Args:
        options: the command line.
        search: the gallery.
        people: who was looked for.
        scores: lines about how well people are found.
    """
    from pipeline.atomic_files import write_atomic
    from pipeline.report.page_search import search_page

    facts = {"searched": f"{search.words} of {options.source}", "model": str(options.model)}
    truth = "✓ solid green: the same person, ✗ dashed red: somebody else, as the truth tells of"
    legend = " ".join(
        ([search.legend] if options.query else [])
        + ([f"{truth} {'those who are called by a number' if options.query else 'everybody'}."] if scores else [])
    )
    page = search_page(
        people, facts=facts, span=search.span, legend=legend, scores=scores, show_faces=options.show_faces
    )
    write_atomic(options.out, page)


def ranks_of(person: "SoughtPerson") -> dict[str, Any]:
    """Return where somebody may have been as plain values, nearest first.

    Args:
        person: who was looked for.
    """
    found = [
        {
            "tracklet": one.name, "camera": one.camera, "first": one.span[0], "last": one.span[1],
            "distance": round(one.distance, 6), **({} if one.verdict is None else {"same_person": one.verdict}),
        }
        for one in person.ranked
    ]  # fmt: skip
    return {"query": person.label, "found": found}


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = build_parser().parse_args(arguments)
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    # FAISS tells at this level which of its binaries it loads.
    logging.getLogger("faiss").setLevel(logging.WARNING)
    # Imported after the command line is read: --help must not wait for torch.
    from pipeline.errors import PipelineError

    try:
        check(options)
        with tempfile.TemporaryDirectory() as scratch:
            lines = run(options, Path(scratch))
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
