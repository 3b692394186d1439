"""Small networks, batches and sides for tests of training."""

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from datasets.cache import PixelCache
from datasets.loader import CropDataset
from datasets.records import ReIDData, ReIDSample
from pipeline import build
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.models.reid import ReIDModel
from pipeline.training.player import Player
from pipeline.training.progressive import Side
from pipeline.types import ReIDBatch

SIZE = (16, 8)
CLASSES = 4


class Trunk(nn.Module):
    """Two convolutions, with a BatchNorm between them or without."""

    num_features = 6
    stages: ClassVar[dict[str, str]] = {"stage1": "first", "stage2": "second"}

    def __init__(self, *, norm: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.second = nn.Conv2d(4, self.num_features, 3, stride=2, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return self.second(torch.relu(self.norm(self.first(images))))


def make_model(seed: int = 0, *, norm: bool = True, classes: int | None = CLASSES) -> ReIDModel:
    """Return a network of some hundred weights."""
    torch.manual_seed(seed)
    return ReIDModel(Trunk(norm=norm), embedding=5, num_classes=classes, size=SIZE)


def make_player(seed: int = 0, *, model: ReIDModel | None = None, **settings: Any) -> Player:
    """Return a player with a short schedule."""
    chosen = {"lr": 0.05, "weight_decay": 0.01, "total_steps": 10, "warmup": 2, "decay": 0.9, **settings}
    return Player(model or make_model(seed), **chosen)


def make_batch(seed: int, *, count: int = 8, labels: bool = True) -> ReIDBatch:
    """Return random pixels of four persons in two cameras."""
    images = torch.randint(0, 256, (count, 3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    indices = torch.arange(count)
    return ReIDBatch(images, indices, indices // 2 % CLASSES if labels else None, indices % 2)


def make_batches(seed: int = 0, *, count: int = 8, target_labels: bool = True) -> dict[str, ReIDBatch]:
    """Return a batch of each domain."""
    return {
        "source": make_batch(2 * seed, count=count),
        "target": make_batch(2 * seed + 1, count=count, labels=target_labels),
    }


def make_side(terms: dict[str, dict[str, Any]], seed: int = 0, *, learns: bool = True, **settings: Any) -> Side:
    """Return one network of the pair with its terms, centroids set."""
    model = make_model(seed)
    objectives = build.objectives(terms, student=model.shape, teacher=model.shape)
    for objective in objectives.modules().values():
        if isinstance(objective, CentroidContrast):
            rows = torch.randn(CLASSES, model.embedding_width, generator=torch.Generator().manual_seed(seed + 50))
            objective.reset(rows)
    if not learns:
        return Side(player=None, frozen=model.eval().requires_grad_(False), objectives=objectives)
    player = make_player(model=model, extras=objectives.modules(), taps=objectives.maps, **settings)
    return Side(player=player, frozen=None, objectives=objectives)


def make_crops(persons: int = 4, shots: int = 6, *, labelled: bool = True, seed: int = 0) -> CropDataset:
    """Return crops of persons, each with a colour of its own, in two cameras."""
    rng = np.random.default_rng(seed)
    count = persons * shots
    people = np.repeat(np.arange(persons), shots)
    colours = rng.integers(0, 256, (persons, 1, 1, 3))
    pixels = np.clip(colours[people] + rng.normal(0, 20, (count, *SIZE, 3)), 0, 255).astype(np.uint8)
    cameras = np.tile(np.arange(2), count // 2 + 1)[:count]
    samples = tuple(
        ReIDSample(f"{i:03d}.png", int(person) if labelled else None, str(camera + 1), "made")
        for i, (person, camera) in enumerate(zip(people, cameras, strict=True))
    )
    data = ReIDData("made", samples, lambda sample: pixels[int(sample.path[:3])], digest=f"made-{seed}")
    return CropDataset(PixelCache(data, SIZE, pixels), people if labelled else None, cameras)


def weights(module: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def are_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Return whether two copies are the same bits."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
