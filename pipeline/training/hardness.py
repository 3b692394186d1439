"""How hard each state of a teacher is for a student: the distance of their answers on images without labels."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from datasets.loader import CropDataset
from pipeline.errors import ConfigError
from pipeline.models.reid import ReIDModel
from pipeline.teaching.responses import respond
from pipeline.teaching.routed import RoutedTeacher

# Evenly over the listing; a mean over so many images does not change the choice of an anchor.
JUDGED_CROPS = 512


def hardness_row(student: ReIDModel, route: RoutedTeacher, crops: CropDataset, *, batch: int = 256) -> list[float]:
    """Return ``H_j = mean KL(C_j(x) || phi(x))`` for each state j of a route, at T = 1.

    Args:
        student: phi; runs in eval mode and is left in the mode that it came in.
        route: of the teacher C; stands afterwards where it stood before.
        crops: not augmented, their labels are not read.
        batch: images a forward.

    Reference:
        Jin et al. ICCV 2019 (greedy search). Re-implementation; measured on unlabelled target images, which is ours.
    """
    chosen = np.unique(np.linspace(0, len(crops) - 1, min(JUDGED_CROPS, len(crops))).astype(np.int64))
    was_training = student.training
    before = {name: value.clone() for name, value in route.network.state_dict().items()}
    said = _log_answers(student, crops, chosen, batch=batch)
    row = []
    for state in route.states:
        route.network.load_state_dict(dict(state))
        taught = _log_answers(route.network, crops, chosen, batch=batch)  # type: ignore[arg-type]
        row.append(float(F.kl_div(said, taught, reduction="batchmean", log_target=True)))
    route.network.load_state_dict(before)
    student.train(was_training)
    return row


def _log_answers(model: ReIDModel, crops: CropDataset, chosen: np.ndarray, *, batch: int) -> Tensor:
    device = next(model.parameters()).device
    rows = []
    for first in range(0, len(chosen), batch):
        images = crops.collect([(int(i), 0) for i in chosen[first : first + batch]], is_augmented=False).images
        logits = respond(model, images.to(device)).logits
        if logits is None:
            raise ConfigError("route.rule greedy with a network without a classifier", "identity logits of both")
        rows.append(F.log_softmax(logits, dim=1).cpu())
    return torch.cat(rows)
