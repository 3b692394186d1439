"""Embeddings the slow way: one crop, one forward after the other."""

import numpy as np
import torch
import torch.nn.functional as F


def loop_embeddings(model, data, *, flip):
    """Return (N, D) mean embeddings of each image and its mirror image."""
    height, width = model.size
    rows = []
    for sample in data.samples:
        pixels = torch.from_numpy(np.array(data.load(sample))).permute(2, 0, 1).float()[None]
        assert pixels.shape[2:] == (height, width), "the reference does not resize"
        views = [pixels, torch.flip(pixels, [3])] if flip else [pixels]
        total = 0
        for view in views:
            normal = (view / 255 - model.mean) / model.std
            pooled = model.pooling(model.trunk(normal))
            vector = model.neck.projection(pooled)
            bn = model.neck.bn
            scaled = F.batch_norm(vector, bn.running_mean, bn.running_var, bn.weight, bn.bias, False, 0.0, bn.eps)
            total = total + scaled
        rows.append((total / len(views))[0].detach().numpy())
    return np.stack(rows)
