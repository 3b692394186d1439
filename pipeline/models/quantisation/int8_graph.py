"""The graph that an integer runtime executes: int8 weights, and marks where maps are integers."""

import copy
import io
import logging
from collections.abc import Mapping

import onnx
import torch
from torch import Tensor, nn
from torch.onnx.ops import symbolic

from pipeline.models.quantisation.calls import replace_module
from pipeline.models.quantisation.layers import MapQuantiser, QuantisedLayer, apply_layer
from pipeline.models.reid import ReIDModel

IMAGES, EMBEDDING = "images", "embedding"
# Per-channel steps need 13; runtimes from 2023 on know 18.
_OPSET = 18


class _MarkedMap(nn.Module):
    """Mark a map as uint8."""

    scale: Tensor
    zero: Tensor

    def __init__(self, quantiser: MapQuantiser) -> None:
        super().__init__()
        self.register_buffer("scale", quantiser.step.detach().clone())
        self.register_buffer("zero", quantiser.zero_point.to(torch.uint8))

    def forward(self, values: Tensor) -> Tensor:
        levels = symbolic("QuantizeLinear", [values, self.scale, self.zero], dtype=torch.uint8, shape=values.shape)
        marked: Tensor = symbolic(
            "DequantizeLinear", [levels, self.scale, self.zero], dtype=torch.float32, shape=values.shape
        )
        return marked


class _MarkedLayer(nn.Module):
    """Keep a layer's weights as int8 alone."""

    scale: Tensor
    zero: Tensor
    integers: Tensor

    def __init__(self, rounded: QuantisedLayer) -> None:
        super().__init__()
        self.layer = rounded.layer
        self.incoming = rounded.incoming
        self.outgoing = rounded.outgoing
        self.register_buffer("integers", rounded.integers())
        self.register_buffer("scale", rounded.step.detach().clone())
        self.register_buffer("zero", torch.zeros(len(self.integers), dtype=torch.int8))

    def forward(self, values: Tensor) -> Tensor:
        taken = values if self.incoming is None else self.incoming(values)
        weight = symbolic(
            "DequantizeLinear", [self.integers, self.scale, self.zero], attrs={"axis": 0}, dtype=torch.float32,
            shape=self.integers.shape,
        )  # fmt: skip
        given = apply_layer(self.layer, taken, weight)
        return given if self.outgoing is None else self.outgoing(given)


class _Embedder(nn.Module):
    """Pixels in, retrieval embedding out."""

    def __init__(self, model: ReIDModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        model = self.model
        pooled = model.pooling(model.trunk((images / 255.0 - model.mean) / model.std))
        embedding: Tensor = model.neck.bn(model.neck.projection(pooled))
        return embedding


def int8_graph(network: ReIDModel, *, facts: Mapping[str, str]) -> bytes:
    """Return an ONNX file that embeds crops with int8 weights and maps.

    Input `images` is (B, 3, H, W) float32 RGB of 0..255 at the network's own size, output `embedding` is (B, D) float32
    after the neck's norm, not L2-normalised.

    Args:
        network: made by `quantised_network`.
        facts: text by name, kept in the file's metadata.
    """
    marked = copy.deepcopy(network).cpu().eval()
    marked.reset_classifier(None)
    for layer in [m for m in marked.modules() if isinstance(m, QuantisedLayer)]:
        replace_module(marked, layer, _MarkedLayer(layer))
    for quantiser in [m for m in marked.modules() if isinstance(m, MapQuantiser)]:
        replace_module(marked, quantiser, _MarkedMap(quantiser))
    # Two images: with one, the exporter would take the batch for a constant.
    images = torch.zeros(2, 3, *network.size)
    # The exporter and what it calls tell of every step.
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    program = torch.onnx.export(
        _Embedder(marked).eval(), (images,), input_names=[IMAGES], output_names=[EMBEDDING], dynamo=True, verbose=False,
        dynamic_shapes=({0: torch.export.Dim("batch")},), opset_version=_OPSET,
    )  # fmt: skip
    assert program is not None, "the exporter returns the graph where no file is named"
    return _plain(program.model_proto, facts)


def _plain(graph: onnx.ModelProto, facts: Mapping[str, str]) -> bytes:
    """Take out what the exporter notes about the code; it makes files large, and different on each machine."""
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.graph.value_info, *graph.graph.input, *graph.graph.output, *graph.graph.initializer]:
        if hasattr(value, "metadata_props"):
            del value.metadata_props[:]
    del graph.graph.metadata_props[:]
    del graph.graph.value_info[:]
    del graph.metadata_props[:]
    for name in sorted(facts):
        entry = graph.metadata_props.add()
        entry.key, entry.value = name, facts[name]
    buffer = io.BytesIO()
    onnx.save(graph, buffer)
    return buffer.getvalue()
