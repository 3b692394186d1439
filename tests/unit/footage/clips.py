"""Tiny recordings whose pictures tell which one they are: grey levels by number, a bright corner at the upper left."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64
RATE = 10


def make_picture(number: int) -> np.ndarray:
    """Return the picture of one number: a plain grey of 20 + 12 n, white in the upper left quarter."""
    picture = np.full((HEIGHT, WIDTH, 3), 20 + 12 * number, np.uint8)
    picture[: HEIGHT // 2, : WIDTH // 2] = 255
    return picture


def number_of(image: np.ndarray) -> int:
    """Return which picture this is, by the grey of its lower right corner."""
    return round((float(image[-12:, -12:].mean()) - 20) / 12)


def write_clip(path: Path, numbers=range(12), *, codec="mpeg4", stamps=None, options=None, gop=4, shape=1) -> Path:
    """Write a video; `stamps` are milliseconds of its pictures, else they come RATE times a second.

    `shape` is the width of a stored pixel, its height being 1.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"g": str(gop), "bf": "0", "qscale": "2", "flags": "+qscale", **(options or {})}
        if shape != 1:
            stream.codec_context.sample_aspect_ratio = Fraction(shape)
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for place, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(make_picture(number), format="rgb24")
            frame.pts = place if stamps is None else stamps[place]
            frame.time_base = Fraction(1, RATE if stamps is None else 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """Write a file that holds sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sequence(folder: Path, numbers=range(12)) -> Path:
    """Write images that are numbered without leading zeros."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        _, content = cv2.imencode(".png", make_picture(number)[..., ::-1])
        (folder / f"frame {number}.png").write_bytes(content.tobytes())
    return folder


def packets_of(path: Path) -> list[tuple[int, int]]:
    """Return position and length of every packet in the file."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


def overwrite(path: Path, position: int, content: bytes) -> None:
    """Replace bytes in the middle of a file."""
    with path.open("r+b") as stream:
        stream.seek(position)
        stream.write(content)
