"""Files of networks that embed: those in float32, and those in int8, which ONNX Runtime executes."""

import base64
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pipeline.checkpoint import LoadedModel, load_model, match_of_header
from pipeline.checkpoint_file import HEADER_KEY, HEADER_SCHEMA
from pipeline.errors import CheckpointError, ConfigError
from pipeline.metrics.match_record import MatchRecord
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.complexity import count_macs, count_parameters
from pipeline.models.reid import ReIDModel

if TYPE_CHECKING:
    from pipeline.models.quantisation.int8_network import Int8Network

SUFFIX = ".onnx"
_WRITERS, _READERS = ("onnx", "onnxscript", "onnxruntime"), ("onnxruntime",)


def check_int8_packages(*, writes: bool) -> None:
    """Check that what int8 networks need is installed; nothing else of this program needs it.

    Args:
        writes: whether a file is to be made, or one executed alone.

    Raises:
        ConfigError: a package is missing.
    """
    missing = [name for name in (_WRITERS if writes else _READERS) if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"an int8 network needs {' and '.join(missing)}", "installed packages",
            f"Run `pip install {' '.join(missing)}`.",
        )  # fmt: skip


def load_embedder(path: Path | str) -> LoadedModel:
    """Read a network that embeds crops, whichever way it computes.

    Args:
        path: a .safetensors file, or the .onnx file of an int8 network.

    Raises:
        CheckpointError: not there, damaged, of another program or of a newer schema.
        ConfigError: a package that int8 networks need is missing.
    """
    path = Path(path)
    return _load_int8(path) if path.suffix == SUFFIX else load_model(path)


def save_int8(path: Path, network: ReIDModel, *, spec: Mapping[str, Any], meta: Mapping[str, Any]) -> "Int8Network":
    """Write a rounded network as a file that is executed in int8, and return it at work.

    Args:
        path: file to write; the caller commits it by the manifest.
        network: made by `quantised_network`.
        spec: arguments of `build.reid_model` that the network in float32 was made from.
        meta: facts to keep in the header.
    """
    # Imported here: most runs have no int8 network, and its packages need not be installed.
    from pipeline.models.quantisation.int8_graph import int8_graph

    cost = {"params": count_parameters(network), "macs": count_macs(network, network.size)}
    width = {"embedding_width": network.embedding_width}
    header = {"schema": HEADER_SCHEMA, "spec": dict(spec), "meta": dict(meta), "cameras": [], **cost, **width}
    path.write_bytes(int8_graph(network, facts={HEADER_KEY: json.dumps(header, sort_keys=True)}))
    return cast("Int8Network", _load_int8(path).model)


def add_cameras(path: Path, cameras: CameraStatistics) -> None:
    """Put per-camera statistics into the header of an int8 file.

    Args:
        path: of the file.
        cameras: of the embeddings of this very network.
    """
    statistics = {"camera_mean": _text(cameras.mean), "camera_std": _text(cameras.std)}
    _add_to_header(path, {"cameras": list(cameras.names), **statistics})


def add_match(path: Path, match: MatchRecord) -> None:
    """Put thresholds for 'the same person' into the header of an int8 file.

    Args:
        path: of the file.
        match: for the embeddings of this very network.
    """
    _add_to_header(path, {"match": match.to_json()})


def _add_to_header(path: Path, facts: Mapping[str, Any]) -> None:
    import onnx

    graph = onnx.load(str(path))
    (entry,) = [entry for entry in graph.metadata_props if entry.key == HEADER_KEY]
    entry.value = json.dumps({**json.loads(entry.value), **facts}, sort_keys=True)
    onnx.save(graph, str(path))


def _load_int8(path: Path) -> LoadedModel:
    check_int8_packages(writes=False)
    from pipeline.models.quantisation.int8_network import Int8Network, open_session

    if not path.is_file():
        raise CheckpointError(f"there is no model file {path}", "the .onnx file of a run")
    text = open_session(path).get_modelmeta().custom_metadata_map.get(HEADER_KEY)
    header = {} if text is None else json.loads(text)
    if header.get("schema") != HEADER_SCHEMA:
        raise CheckpointError(
            f"{path} has header schema {header.get('schema')}", f"schema {HEADER_SCHEMA}",
            "Give the .onnx file that a stage `quantise` of this version left.",
        )  # fmt: skip
    spec, width = header["spec"], header["embedding_width"]
    network = Int8Network(
        path, size=tuple(spec["size"]), embedding_width=width, params=header["params"], macs=header["macs"]
    )
    cameras = None
    if header["cameras"]:
        mean, std = (_rows(header[name], width) for name in ("camera_mean", "camera_std"))
        cameras = CameraStatistics(names=tuple(header["cameras"]), mean=mean, std=std)
    match = match_of_header(path, header)
    return LoadedModel(cast("ReIDModel", network.eval()), spec, cameras, header["meta"], match)


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _rows(text: str, width: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32).reshape(-1, width)
