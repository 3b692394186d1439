import logging
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import CheckpointError
from pipeline.models.osnet import CHANNELS, OSNet
from pipeline.models.reid import ReIDModel
from pipeline.models.trunks import build_trunk
from pipeline.models.weights import load_weights, read_state

SMALL = {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]}


def make_trunk() -> torch.nn.Module:
    return build_trunk("timm/resnet18", args=SMALL)


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("prefix", ["", "body.", "trunk.body.", "backbone."])
def test_a_trunk_finds_its_part_in_a_file(tmp_path: Path, suffix: str, prefix: str) -> None:
    source, network = make_trunk(), make_trunk()
    state = {f"{prefix}{name.removeprefix('body.')}": value for name, value in source.state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(state, path)
    report = load_weights(network, path)
    assert report.missing == report.unexpected == ()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, source.state_dict()[name])


def test_a_whole_model_takes_a_trunks_file_and_says_what_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, path = make_trunk(), tmp_path / "trunk.pth"
    torch.save({"state_dict": {f"module.{n}": v for n, v in source.body.state_dict().items()}, "epoch": 3}, path)
    model = ReIDModel(make_trunk(), embedding=12, size=(64, 32))
    with caplog.at_level(logging.WARNING):
        report = load_weights(model, path)
    torch.testing.assert_close(model.trunk.body.conv1.weight, source.body.conv1.weight)
    assert "neck.projection.weight" in report.missing
    assert "missing tensors: neck.bn.bias" in caplog.text


def test_unexpected_names_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "more.safetensors"
    save_file({**make_trunk().body.state_dict(), "fc.weight": torch.zeros(2)}, path)
    assert load_weights(make_trunk(), path).unexpected == ("body.fc.weight",)


def test_published_osnet_names_reach_a_whole_model(tmp_path: Path) -> None:
    source, path = OSNet(channels=CHANNELS["x0_25"]), tmp_path / "osnet.pth"
    torch.save({"conv2.0.conv2b.1.conv1.weight": source.conv2[0].streams[1][1].conv1.weight.data}, path)
    model = ReIDModel(OSNet(channels=CHANNELS["x0_25"]), embedding=12)
    assert load_weights(model, path).loaded == 1
    torch.testing.assert_close(
        model.trunk.conv2[0].streams[1][1].conv1.weight, source.conv2[0].streams[1][1].conv1.weight
    )


def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "evil.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "extra": Evil(marker)}, path)
    with pytest.raises(CheckpointError, match=r"cannot be read as plain weights.*safetensors"):
        read_state(path)
    path.write_bytes(pickle.dumps(Evil(marker), protocol=2))
    with pytest.raises(CheckpointError, match="cannot be read as plain weights"):
        read_state(path)
    assert not marker.exists()


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no weights file"):
        read_state(tmp_path / "nowhere.pth")
    for name in ("cut.safetensors", "cut.pth"):
        (tmp_path / name).write_bytes(b"\x10\x00")
        with pytest.raises(CheckpointError, match=name):
            read_state(tmp_path / name)
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list without tensors"):
        read_state(tmp_path / "list.pth")


def test_another_width_is_refused_with_both_shapes(tmp_path: Path) -> None:
    path = tmp_path / "wide.safetensors"
    save_file(build_trunk("timm/resnet18", args={**SMALL, "channels": [8, 16, 24, 40]}).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"body\.layer4.*40.*expected \(32"):
        load_weights(make_trunk(), path)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"something": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="has no tensor of TimmTrunk; its first names are something"):
        load_weights(make_trunk(), path)
