"""One table of camera statistics for the cameras of several sites, which may have given the same names."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.models.camera_statistics import CameraStatistics, FloatArray, IntArray, fit_camera_statistics

SEPARATOR = "/"


def joined_statistics(
    sites: Mapping[str, tuple[FloatArray, IntArray, tuple[str, ...]]],
) -> CameraStatistics:
    """Fit every site's cameras among the images of that site, and put them into one table.

    A name that several sites have given stands as ``SITE/NAME``; all others stay as they are. The row of unknown
    cameras is taken over the images of all sites.

    Args:
        sites: by name: (N, D) embeddings, (N,) camera positions, -1 = unknown, and the names of the cameras.

    Returns:
        the statistics of all cameras, site by site.

    Raises:
        DataError: a site has no image, or a camera position without a name.
    """
    counts = Counter(name for _, _, names in sites.values() for name in names)
    fitted = {site: fit_camera_statistics(rows, cameras, names=names) for site, (rows, cameras, names) in sites.items()}
    everything = np.concatenate([rows for rows, _, _ in sites.values()])
    unknown = fit_camera_statistics(everything, np.full(len(everything), -1, np.int64), names=())
    names = [
        f"{site}{SEPARATOR}{name}" if counts[name] > 1 else name
        for site, statistics in fitted.items()
        for name in statistics.names
    ]
    return CameraStatistics(
        names=tuple(names),
        mean=np.concatenate([*(one.mean[:-1] for one in fitted.values()), unknown.mean]),
        std=np.concatenate([*(one.std[:-1] for one in fitted.values()), unknown.std]),
    )


def camera_positions(names: Sequence[str], statistics: CameraStatistics, *, site: str = "") -> dict[str, int]:
    """Return where each camera stands in a table, by its name at one site.

    Args:
        names: of the site's cameras.
        statistics: of one site, or joined from several.
        site: the site's name; its own entry ``SITE/NAME`` goes before a plain one.

    Returns:
        position by name; cameras that the table does not have are left out.
    """
    known = {name: position for position, name in enumerate(statistics.names)}
    spellings = {name: (f"{site}{SEPARATOR}{name}", name) for name in names}
    found = {name: [known[way] for way in ways if way in known] for name, ways in spellings.items()}
    return {name: positions[0] for name, positions in found.items() if positions}


def sites_of(names: Sequence[str], statistics: CameraStatistics) -> tuple[str, ...]:
    """Return the sites that have a camera of one of these names, where several sites gave the same names.

    Args:
        names: of cameras, without a site.
        statistics: joined from several sites.
    """
    pairs = [name.partition(SEPARATOR) for name in statistics.names]
    return tuple(dict.fromkeys(site for site, mark, name in pairs if mark and name in names))
