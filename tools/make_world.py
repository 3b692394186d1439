"""Write the procedural world: crops in Market-1501 layout, street frames with COCO json, or videos with truth."""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

_SHEET_PEOPLE = 10
_SHEET_COLUMNS, _SHEET_ROWS = 4, 8


def parse_size(text: str) -> tuple[int, int]:
    """Read a size such as 128x64, height first.

    Raises:
        argparse.ArgumentTypeError: it has another form.
    """
    height, cross, width = text.lower().partition("x")
    if not (cross and height.isdecimal() and width.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected HEIGHTxWIDTH such as 128x64")
    return int(height), int(width)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments: its words; those of the process where None.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", help="folder to write; empty or new")
    parser.add_argument(
        "--domain", default="sunny_plaza", help="a named domain or random-<number> (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the domain's people and cameras (default: 0)")
    parser.add_argument("--identities", type=int, default=150, help="people in training (default: %(default)s)")
    parser.add_argument("--test-identities", type=int, default=100, help="people asked for (default: %(default)s)")
    parser.add_argument(
        "--cameras", type=int, default=4, help="number of cameras, 2 to 9, of frames 1 to 99 (default: %(default)s)"
    )
    parser.add_argument("--shots", type=int, default=4, help="crops per person and camera visit (default: %(default)s)")
    parser.add_argument("--size", type=parse_size, default=(128, 64), help="height x width (default: 128x64)")
    parser.add_argument("--frames", action="store_true", help="street frames with boxes instead of crops")
    parser.add_argument(
        "--frames-per-camera", type=int, default=60, metavar="N", help="in train and in test (default: %(default)s)"
    )
    parser.add_argument("--video", action="store_true", help="videos of cameras that people walk between, with truth")
    parser.add_argument(
        "--minutes", type=float, default=3.0, help="length of each camera's video (default: %(default)s)"
    )
    parser.add_argument("--fps", type=int, default=10, help="frames a second, 1 to 30 (default: %(default)s)")
    parser.add_argument("--frame-size", type=parse_size, default=(192, 320), help="height x width (default: 192x320)")
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="also write a contact sheet; OUT may be left out"
    )
    parser.add_argument("--list", action="store_true", help="list the named domains and stop")
    options = parser.parse_args(arguments)
    if options.out is None and options.sheet is None and not options.list:
        parser.error("nothing to do: name a folder OUT, --sheet FILE.png or --list")
    if options.video and (options.frames or options.sheet is not None):
        parser.error("--video writes neither street frames nor a sheet; leave out --frames and --sheet")
    return options


def write_folder(options: argparse.Namespace, words: list[str]) -> str:
    """Write the folder and return how much of what is in it.

    Args:
        options: the command line.
        words: the same, as typed, for README.txt.
    """
    command = f"No real person is shown. Made by\n\n    python tools/make_world.py {shlex.join(words)}\n\n"
    if options.video:
        return f"{options.cameras} videos, {write_videos(options, command)} frames"
    return f"{write_frames(options, command) if options.frames else write_crops(options, command)} images"


def write_crops(options: argparse.Namespace, command: str) -> int:
    """Write crops in Market-1501 layout and return their number.

    Args:
        options: the command line.
        command: how the folder was made, for README.txt.
    """
    from datasets.world.market_writer import write_market_layout
    from datasets.world.reader import read_world, read_world_probe

    world = {name: getattr(options, name) for name in ("domain", "seed", "cameras", "shots", "size")}
    train = read_world(identities=options.identities, **world)
    probe = read_world_probe(identities=options.test_identities, **world)
    readme = (
        f"Drawn people of the domain {options.domain}, seed {options.seed}, in Market-1501 layout.\n{command}"
        f"digest of the training crops {train.digest}\ndigest of the probe          {probe.digest}\n"
    )
    bar = _progress_bar("crop")
    return write_market_layout(options.out, train, probe, readme=readme, is_forced=options.force, progress=bar)


def write_frames(options: argparse.Namespace, command: str) -> int:
    """Write street frames with COCO json and return their number.

    Args:
        options: the command line.
        command: how the folder was made, for README.txt.
    """
    from datasets.world.frames.folder import write_frame_folder

    parts = {split: _read_frames(options, split) for split in ("train", "test")}
    readme = (
        f"Drawn streets of the domain {options.domain}, seed {options.seed}: PART/*.jpg, annotations/PART.json.\n"
        f"{command}" + "".join(f"digest of {split:5} {data.digest}\n" for split, data in parts.items())
    )
    bar = _progress_bar("frame")
    return write_frame_folder(options.out, parts, readme=readme, is_forced=options.force, progress=bar)


def write_videos(options: argparse.Namespace, command: str) -> int:
    """Write the videos of a site and what is true about them, and return the number of their frames.

    Args:
        options: the command line.
        command: how the folder was made, for README.txt.
    """
    from datasets.world.video.folder import VideoPlan, write_video_folder
    from datasets.world.video.site import make_site

    plan = VideoPlan(options.minutes, options.fps, options.frame_size, options.shots)
    site = make_site(options.domain, options.seed, options.cameras)
    readme = (
        f"Drawn recordings of the domain {options.domain}, seed {options.seed}. footage/ is what cameras give;\n"
        f"truth/ is what nobody knows of real ones: tracks (mot), labelled crops, frames with boxes.\n{command}"
    )
    bar = _progress_bar("frame")
    return write_video_folder(options.out, site, plan, readme=readme, is_forced=options.force, progress=bar)


def _read_frames(options: argparse.Namespace, split: str) -> Any:
    from datasets.world.frames.reader import read_world_frames

    grid = {"cameras": options.cameras, "frames": options.frames_per_camera, "size": options.frame_size}
    return read_world_frames(options.domain, options.seed, split=split, **grid)


def _progress_bar(unit: str) -> Callable[[Iterable[Any], int], Iterable[Any]]:
    from tqdm import tqdm

    return lambda items, total: tqdm(items, total=total, unit=unit, disable=None)


def write_sheet(options: argparse.Namespace) -> None:
    """Write the contact sheet.

    Args:
        options: the command line.
    """
    from datasets.world.domains import domain_by_name
    from datasets.world.frames.sheet import make_frame_sheet
    from datasets.world.sheet import encode_image, make_sheet
    from pipeline.errors import DataError

    if options.sheet.suffix != ".png":
        raise DataError(f"the sheet {str(options.sheet)!r} is no PNG file", "a name that ends with .png")
    if options.frames:
        columns, rows = min(_SHEET_COLUMNS, options.frames_per_camera), max(options.cameras, _SHEET_ROWS)
        sheet = make_frame_sheet(_read_frames(options, "train"), columns=columns, rows=rows)
    else:
        people = min(_SHEET_PEOPLE, options.identities)
        grid = {"cameras": options.cameras, "shots": options.shots, "size": options.size}
        sheet = make_sheet(domain_by_name(options.domain), seed=options.seed, people=people, **grid)
    options.sheet.write_bytes(encode_image(sheet, ".png"))


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = parse(arguments)
    # Imported after the command line is read: --help must not wait for OpenCV.
    from datasets.world.domains import NAMED_DOMAINS
    from pipeline.errors import PipelineError

    try:
        for domain in NAMED_DOMAINS.values() if options.list else ():
            print(f"{domain.name:16} {domain.summary}")
        if options.list:
            print(f"{'random-<number>':16} drawn by that number")
            return 0
        if options.sheet is not None:
            write_sheet(options)
            print(options.sheet)
        if options.out is not None:
            content = write_folder(options, sys.argv[1:] if arguments is None else arguments)
            print(f"{options.out}: {content}")
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
