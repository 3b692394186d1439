"""An int8 network at work: it embeds crops on the CPU, and cannot learn."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import CheckpointError, ConfigError
from pipeline.types import Taps


class Int8Network(nn.Module):
    """Embed crops by the integer kernels of ONNX Runtime; stands where retrieval takes a re-ID network.

    Args:
        path: of the ONNX file.
        size: (height, width) in pixels that it takes.
        embedding_width: width D of its embedding.
        params: numbers that the network stores, without a classifier.
        macs: multiply-adds an image.

    Raises:
        CheckpointError: ONNX Runtime cannot read the file.
    """

    def __init__(self, path: Path, *, size: tuple[int, int], embedding_width: int, params: int, macs: int) -> None:
        super().__init__()
        self.size, self.embedding_width, self.params, self.macs = size, embedding_width, params, macs
        # Where callers want to have the embeddings, who ask a network's parameters; it stays on the CPU itself.
        self.place = nn.Parameter(torch.zeros(1), requires_grad=False)
        self._session = open_session(path)

    def forward(self, images: Tensor, taps: tuple[str, ...] = ()) -> Taps:
        """Return the embedding, which has no other form and no maps.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.
            taps: has to be empty.

        Raises:
            ConfigError: maps are asked for.
        """
        if taps:
            raise ConfigError(f"maps {', '.join(taps)} of an int8 network", "a network in float32")
        pixels = images.detach().float()
        if tuple(pixels.shape[-2:]) != self.size:
            pixels = F.interpolate(pixels, size=self.size, mode="bilinear", antialias=True, align_corners=False)
        (rows,) = self._session.run(None, {self._session.get_inputs()[0].name: np.ascontiguousarray(pixels.cpu())})
        embedding = torch.from_numpy(rows).to(self.place.device)
        return Taps(embedding=embedding, bn_embedding=embedding)

    def embed(self, images: Tensor) -> Tensor:
        """Return retrieval embeddings of length one.

        Args:
            images: (B, 3, H, W) uint8 or float RGB pixels in 0..255.

        Returns:
            (B, D) float32.
        """
        return F.normalize(self.forward(images).bn_embedding, dim=1)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX file, with as many threads as torch computes with.

    Args:
        path: of the file.

    Raises:
        CheckpointError: ONNX Runtime cannot read it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Its errors share no class of their own.
        raise CheckpointError(
            f"{path} is not a readable ONNX file ({str(error).splitlines()[0]})", "an undamaged int8.onnx of a run",
            "Run the stage that made it again.",
        ) from error  # fmt: skip
