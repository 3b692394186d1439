"""Looking for people among the tracklets of several cameras."""

from pathlib import Path

import numpy as np
import torch

from datasets.images import load_image
from datasets.records import ReIDData, ReIDSample
from pipeline.errors import ConfigError
from pipeline.metrics.match_record import required_record
from pipeline.report.found_people import FoundTracklet, SoughtPerson
from pipeline.training.embedder_file import load_embedder
from pipeline.training.tracklet_gallery import embed_crops, embed_tracklets


class PersonSearch:
    """A gallery of tracklets and the network that compares with it.

    Args:
        model: file of the network.
        folder: that holds tracklets.csv.
        device: where to compute.
        is_standardised: whether to use the camera statistics in the model's file, where it has some.
        site: name of the cameras' target, for a model that was adapted to several.
        match_rate: false-match rate of the stored threshold below which a tracklet shows the same person; None says
            nothing of that.

    Raises:
        PipelineError: the model or the folder cannot be used, or the model has no such threshold.
    """

    def __init__(
        self,
        model: Path,
        folder: Path,
        *,
        device: torch.device,
        is_standardised: bool = True,
        site: str = "",
        match_rate: float | None = None,
    ) -> None:
        self._model, self._device, self._site = model, device, site
        loaded = load_embedder(model)
        self._is_standardised = is_standardised and loaded.cameras is not None
        self.threshold: float | None = None
        if match_rate is not None:
            record = required_record(loaded.match, model)
            evidence, point = record.chosen(match_rate, is_standardised=self._is_standardised)
            self.threshold, self._evidence = point.threshold, f"{point.rate:g} of {evidence.words}"
        self.gallery = embed_tracklets(model, folder, device=device, is_standardised=self._is_standardised, site=site)

    @property
    def span(self) -> tuple[float, float]:
        """Return the first and the last second of all tracklets."""
        return float(self.gallery.spans[:, 0].min()), float(self.gallery.spans[:, 1].max())

    @property
    def words(self) -> str:
        """Return the size of the gallery in words."""
        cameras = len(set(self.gallery.cameras))
        return f"{len(self.gallery)} tracklets ({len(self.gallery.data)} crops) of {cameras} camera(s)"

    @property
    def legend(self) -> str:
        """Return what the marks of people found mean."""
        if self.threshold is None:
            return "Nothing is said of who is the same person: the nearest may be somebody else."
        return (
            f"✓ solid green: taken for the same person, the distance is below {self.threshold:.3f}, the threshold that "
            f"{self._evidence} pairs of two people pass. ✗ dashed red: taken for somebody else."
        )

    def embed(self, samples: list[ReIDSample], root: Path) -> np.ndarray:
        """Return (N, D) float32 embeddings of pictures, as the gallery's are compared.

        Args:
            samples: one a picture; those without a camera are standardised by the statistics of all cameras.
            root: the folder that their paths are relative to.
        """
        data = ReIDData(str(root), tuple(samples), lambda sample: load_image(root / sample.path), digest="")
        return embed_crops(
            self._model, data, device=self._device, is_standardised=self._is_standardised, site=self._site
        )

    def look_for(self, who: str, *, count: int) -> SoughtPerson:
        """Return where somebody may have been.

        Args:
            who: name of a tracklet, or a picture file of one person cut out.
            count: tracklets of each camera.

        Raises:
            ConfigError: there is neither such a tracklet nor such a file.
            DataError: the picture cannot be read.
        """
        if who in self.gallery.names:
            own = self.gallery.names.index(who)
            query = self.gallery.features[own]
            image = self.gallery.likest_crop(query, own)
            return self.answer(query, image, f"tracklet {who}", count=count, own=own)
        path = Path(who).expanduser()
        if not path.is_file():
            few = ", ".join(self.gallery.names[:3])
            raise ConfigError(f"--query {who!r} is neither a tracklet nor a file", f"a picture, or a name like {few}")
        query = self.embed([ReIDSample(path.name, None, None, "query")], path.parent)[0]
        return self.answer(query, load_image(path), path.name, count=count)

    def answer(self, query: np.ndarray, image: np.ndarray, label: str, *, count: int, own: int = -1) -> SoughtPerson:
        """Return the nearest tracklets of every camera.

        Args:
            query: (D,) embedding.
            image: (H, W, 3) uint8 RGB of the query.
            label: what to call it.
            count: tracklets of each camera.
            own: position of the query's own tracklet; -1 where it has none.
        """
        gallery, distances = self.gallery, self.gallery.distances(query)

        def found(position: int) -> FoundTracklet:
            distance = float(distances[position])
            verdict = None if self.threshold is None else distance < self.threshold
            first, last = gallery.spans[position].tolist()
            crop = gallery.likest_crop(query, position)
            return FoundTracklet(
                gallery.names[position], gallery.cameras[position], (first, last), distance, crop, verdict
            )

        nearest = gallery.nearest(distances, count, without=own)
        itself = (
            None if own < 0 else (gallery.cameras[own], (float(gallery.spans[own, 0]), float(gallery.spans[own, 1])))
        )
        rows = {camera: tuple(map(found, positions.tolist())) for camera, positions in nearest.items()}
        return SoughtPerson(label, image, rows, itself)
