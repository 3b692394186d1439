"""The kinds of data of plain classification that a configuration can name."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.datasets import load_digits

from datasets.class_archives import read_arrays
from datasets.class_lists import Split, array_data, file_list, part_of
from datasets.class_records import ClassData
from datasets.listing import list_images, open_root
from pipeline.errors import DataError


def digits(*, split: Split = "train", share: float = 0.5, seed: int = 0) -> ClassData:
    """Read the 1797 handwritten digits of 8 x 8 pixels that scikit-learn brings along.

    Args:
        split: 'train', 'test' or 'all'.
        share: of each class that trains.
        seed: of the split.
    """
    found = load_digits()
    # Its grey values run from 0 to 16.
    images = np.round(found.images * (255.0 / 16.0)).astype(np.uint8)
    data = array_data("digits", images, found.target.astype(np.int64), class_names=[str(k) for k in range(10)])
    return part_of(data, split, share=share, seed=seed)


def class_folder(
    *,
    root: str,
    folder: str = "",
    split: Split = "all",
    share: float | None = None,
    seed: int = 0,
) -> ClassData:
    """Read a folder that has one sub-folder of images for each class, as Office-31's domains and many others come.

    Args:
        root: the data set's folder.
        folder: folder of the classes below the root, such as 'amazon/images'; empty where it is the root itself.
        split: without a share the name of a sub-folder, 'train' or 'test', above the classes; 'all' has none.
        share: of each class that trains; 'train' and 'test' are then drawn by the seed.
        seed: of the split.

    Raises:
        DataError: the folder is not there, or images lie outside of class folders.
    """
    is_drawn = share is not None or split == "all"
    base = open_root("/".join(filter(None, (root, folder, "" if is_drawn else split))))
    listing = list_images(base)
    loose = [name for name in listing.names if "/" not in name]
    if loose:
        raise DataError(
            f"{str(base)!r} holds {len(loose)} images beside its folders (the first is {loose[0]!r})",
            "one folder for each class, and every image in one",
            "Give the folder of the classes as `root` and `folder`.",
        )
    labels = {name: name.split("/")[0] for name in listing.names}
    name = "/".join(filter(None, (Path(root).absolute().name, folder)))
    data = file_list(base, labels, skipped=listing.skipped, name=name)
    return data if share is None else part_of(data, split, share=share, seed=seed)


def class_arrays(
    *, root: str, file: str = "data.npz", split: Split = "all", share: float | None = None, seed: int = 0
) -> ClassData:
    """Read a NumPy archive with images and labels.

    The arrays are called `images` and `labels`, or `train_images`, `train_labels`, `test_images`, `test_labels`; the
    spelling `x_train`, `y_train` is read as well. An array `class_names` names the classes, else their numbers do.

    Args:
        root: folder of the archive.
        file: the archive's name.
        split: without a share which of the archive's parts is read.
        share: of each class that trains; 'train' and 'test' are then drawn from the whole archive by the seed.
        seed: of the split.

    Raises:
        DataError: the archive or an array is not there, is damaged or has another shape.
    """
    part = "all" if share is not None else split
    images, labels, class_names = read_arrays(open_root(root) / file, part)
    data = array_data(Path(file).stem, images, labels, class_names=class_names)
    return data if share is None else part_of(data, split, share=share, seed=seed)


def cifar100(*, root: str, split: Literal["train", "test"] = "train") -> ClassData:
    """Read CIFAR-100 as its authors publish it (folder `cifar-100-python`), through torchvision's reader.

    That reader opens a file only where its checksum is the published one; nothing is downloaded.

    Args:
        root: the folder that holds `cifar-100-python`.
        split: 'train' or 'test'.

    Raises:
        DataError: the files are not there, or are not the published ones.
    """
    # Imported here: torchvision's data sets take a second to import, and nothing else needs them.
    from torchvision.datasets import CIFAR100

    base = open_root(root)
    try:
        found = CIFAR100(str(base), train=split == "train", download=False)
    except RuntimeError as error:
        raise DataError(
            f"{root!r} does not hold CIFAR-100 as published (folder cifar-100-python, checked by its checksums)",
            "the unpacked archive cifar-100-python.tar.gz",
            "Unpack it there, or give the images as kind: class_folder or class_arrays.",
        ) from error
    labels = np.asarray(found.targets, np.int64)
    return array_data(f"cifar100 ({split})", np.asarray(found.data), labels, class_names=found.classes)


CLASS_KINDS: dict[str, Callable[..., ClassData]] = {
    "cifar100": cifar100,
    "class_arrays": class_arrays,
    "class_folder": class_folder,
    "digits": digits,
}
