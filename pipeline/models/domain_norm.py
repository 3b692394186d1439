"""Domain-specific batch norm: one set of statistics a domain while training, one plain network afterwards."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import ConfigError


class DomainBatchNorm(nn.Module):
    """Batch norm with running statistics, and optionally scale and shift, of its own for each domain.

    Args:
        plain: batch norm that every domain starts from.
        domains: number of domains, at least 1.
        shared_affine: one scale and shift for all domains; otherwise one each.

    Reference:
        Chang et al. Domain-specific batch normalization for unsupervised domain adaptation. CVPR 2019
        (separate scale and shift).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, plain: nn.BatchNorm1d | nn.BatchNorm2d, *, domains: int, shared_affine: bool = True) -> None:
        super().__init__()
        assert plain.running_mean is not None, "a norm without statistics has none to separate"
        assert plain.running_var is not None, "a norm without statistics has none to separate"
        rows = 1 if shared_affine else domains
        # In a tuple, so that the template's tensors are not registered a second time.
        self._template = (plain,)
        self.domain, self.domains, self.momentum, self.eps = 0, domains, plain.momentum, plain.eps
        self.weight = _repeat(plain.weight, rows)
        self.bias = _repeat(plain.bias, rows)
        self.register_buffer("running_mean", plain.running_mean.detach().repeat(domains, 1))
        self.register_buffer("running_var", plain.running_var.detach().repeat(domains, 1))
        # timm's fused norms carry their activation with them.
        extra = [copy.deepcopy(getattr(plain, name)) for name in ("drop", "act") if hasattr(plain, name)]
        self.after = nn.Sequential(*extra)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C) or (B, C, h, w) with the statistics of the current domain."""
        affine = self.domain if len(self.weight) > 1 else 0
        momentum = 0.1 if self.momentum is None else self.momentum
        mean, variance = self.running_mean[self.domain], self.running_var[self.domain]
        weight, bias = self.weight[affine], self.bias[affine]
        return self.after(F.batch_norm(x, mean, variance, weight, bias, self.training, momentum, self.eps))

    def export(self, domain: int) -> nn.Module:
        """Return the plain batch norm of one domain.

        Args:
            domain: position in 0..domains-1.
        """
        plain = copy.deepcopy(self._template[0]).to(self.weight.device)
        affine = domain if len(self.weight) > 1 else 0
        assert plain.running_mean is not None
        assert plain.running_var is not None
        with torch.no_grad():
            plain.weight.copy_(self.weight[affine])
            plain.bias.copy_(self.bias[affine])
            plain.running_mean.copy_(self.running_mean[domain])
            plain.running_var.copy_(self.running_var[domain])
        return plain.train(self.training)


def convert_domain_batchnorm(model: nn.Module, domains: int, *, shared_affine: bool = True) -> nn.Module:
    """Replace every batch norm below a model by a domain-specific one, in place.

    Instance norms and the batch half of IBN layers are kept: the former have no statistics, the latter are converted.

    Args:
        model: network with plain batch norms; synchronised batch norm comes after this conversion, not before.
        domains: number of domains.
        shared_affine: one scale and shift for all domains.

    Returns:
        The same model; its current domain is 0.

    Raises:
        ConfigError: fewer than one domain.
    """
    if domains < 1:
        raise ConfigError(f"domains is {domains}", "at least 1")
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            # InstanceNorm shares a base class with BatchNorm, so the check names the two classes that are meant.
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d) and child.track_running_stats and child.affine:
                norm = DomainBatchNorm(child, domains=domains, shared_affine=shared_affine).train(child.training)
                setattr(parent, name, norm)
    return model


def set_domain(model: nn.Module, domain: int) -> None:
    """Choose the domain that the next forward passes belong to.

    Args:
        model: converted network.
        domain: position in 0..domains-1.

    Raises:
        ConfigError: the model has no domain-specific norm or fewer domains.
    """
    norms = [module for module in model.modules() if isinstance(module, DomainBatchNorm)]
    if not norms or not 0 <= domain < norms[0].domains:
        raise ConfigError(f"domain {domain} was asked for", f"one of {norms[0].domains if norms else 0} domains")
    for norm in norms:
        norm.domain = domain


def export_domain(model: nn.Module, domain: int) -> nn.Module:
    """Return a copy of the model with the plain batch norms of one domain.

    Args:
        model: converted network; it is left as it is.
        domain: position in 0..domains-1.

    Raises:
        ConfigError: the model has no domain-specific norm or fewer domains.
    """
    exported = copy.deepcopy(model)
    set_domain(exported, domain)
    for parent in list(exported.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, DomainBatchNorm):
                setattr(parent, name, child.export(domain))
    return exported


def _repeat(parameter: nn.Parameter, rows: int) -> nn.Parameter:
    return nn.Parameter(parameter.detach().repeat(rows, 1), requires_grad=parameter.requires_grad)
