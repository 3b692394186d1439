"""Measure the decoding of recordings: this program's reader beside OpenCV's, with all frames in colours or a few."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

READERS = {"this program (PyAV)": "our_job", "OpenCV VideoCapture": "opencv_job"}


def our_job(*, path: str, rate: float | None, repeats: int) -> Callable[[], int]:
    """Prepare the reading of a recording, several times one after the other, as one camera; its frames are counted.

    Args:
        path: the video.
        rate: frames a second that are converted to colours; None converts all.
        repeats: how often it is read.
    """
    from pipeline.footage.reading import CameraReader
    from pipeline.footage.records import FootageFile

    files = [FootageFile(Path(path), "camera")] * repeats
    return lambda: sum(1 for _ in CameraReader(files, rate=rate).frames())


def opencv_job(*, path: str, rate: float | None, repeats: int) -> Callable[[], int]:
    """Prepare the same with OpenCV, one thread; frames are taken at equal distances.

    Args:
        path: the video.
        rate: frames a second that are converted to colours; None converts all.
        repeats: how often it is read.
    """
    import cv2

    def read() -> int:
        count = 0
        for _ in range(repeats):
            video = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
            step = 1 if rate is None else max(1, round(video.get(cv2.CAP_PROP_FPS) / rate))
            number = 0
            while video.grab():
                if number % step == 0:
                    cv2.cvtColor(video.retrieve()[1], cv2.COLOR_BGR2RGB)
                    count += 1
                number += 1
        return count

    return read


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    parser = argparse.ArgumentParser(prog="bench_video.py", description=__doc__)
    parser.add_argument("video", type=Path, metavar="FILE", help="any video")
    parser.add_argument("--rate", type=float, default=5.0, help="frames a second of the sparse case, default: 5")
    parser.add_argument("--repeats", type=int, default=1, help="read the file so often, as one recording; default: 1")
    options = parser.parse_args(arguments)
    from pipeline.benchmarking.cost_table import cost_cells, machine, markdown_table
    from pipeline.benchmarking.measured_child import measured_child
    from pipeline.errors import PipelineError

    rows = []
    try:
        for rate in (None, options.rate):
            for name, job in READERS.items():
                cost = measured_child(
                    f"tools.bench_video:{job}", path=str(options.video), rate=rate, repeats=options.repeats
                )
                kind = "all frames" if rate is None else f"{rate:g} a second"
                rows.append({"reader": name, "converted": kind, "frames": cost.value, **cost_cells(cost)})
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{machine(('av', 'opencv-python-headless'))}\n\n{markdown_table(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
