"""Layers that compute with rounded weights on rounded maps, and learn how to round."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.models.quantisation.lsq import best_start, lsq_quantise

# Maps are integers of 0..255 around a zero point, weights of -127..127.
LEVELS = 255
WEIGHT_LIMIT = 127


class MapQuantiser(nn.Module):
    """Round a map to 256 levels; the step is learned, the level of zero is fixed when it is calibrated.

    The logarithm of the step is what learns, so that it stays above 0 and AdamW moves it by a share of itself.
    """

    log_step: nn.Parameter
    zero_point: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.log_step = nn.Parameter(torch.zeros(()))
        self.register_buffer("zero_point", torch.zeros((), dtype=torch.int64))
        self.level_of_zero = 0
        self.is_calibrating = False

    @property
    def step(self) -> Tensor:
        """Distance of two levels, a scalar."""
        return self.log_step.exp()

    @torch.no_grad()
    def calibrate(self, values: Tensor) -> None:
        """Choose level of zero and first step from values that the map has.

        Args:
            values: any shape, float.
        """
        low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
        # At least one level stays above zero, whatever the values are.
        self.level_of_zero = min(LEVELS - 1, round(LEVELS * -low / max(high - low, 1e-12)))
        self.zero_point.fill_(self.level_of_zero)
        start = best_start(values.float().reshape(1, -1), lower=-self.level_of_zero, upper=LEVELS - self.level_of_zero)
        self.log_step.copy_(start[0].log())

    def forward(self, values: Tensor) -> Tensor:
        """Return the rounded map; while calibrating, the map as it is."""
        if self.is_calibrating:
            self.calibrate(values)
            return values
        return lsq_quantise(values, self.step, lower=-self.level_of_zero, upper=LEVELS - self.level_of_zero)

    def _load_from_state_dict(self, *arguments: object, **named: object) -> None:
        super()._load_from_state_dict(*arguments, **named)
        # Kept as a number too: reading it from a device in every forward would wait for the device.
        self.level_of_zero = int(self.zero_point)


class QuantisedLayer(nn.Module):
    """A convolution or linear layer whose weights are rounded, each output channel with a step of its own.

    Args:
        layer: `nn.Conv2d` or `nn.Linear`; its weights go on learning.
        incoming: rounds what goes in, or None where that is rounded already.
        outgoing: rounds what comes out, or None where an activation follows that does.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear, incoming: MapQuantiser | None, outgoing: MapQuantiser | None):
        super().__init__()
        self.layer, self.incoming, self.outgoing = layer, incoming, outgoing
        rows = layer.weight.detach().flatten(1)
        self.log_step = nn.Parameter(best_start(rows, lower=-WEIGHT_LIMIT, upper=WEIGHT_LIMIT).log())

    @property
    def step(self) -> Tensor:
        """Distance of two levels, (C,) for C output channels."""
        return self.log_step.exp()

    def integers(self) -> Tensor:
        """Return the weights as int8 of -127..127."""
        ratio = self.layer.weight.detach() / self._spread(self.step.detach())
        return ratio.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT).round().to(torch.int8)

    def forward(self, values: Tensor) -> Tensor:
        """Return what the layer makes of rounded values by rounded weights."""
        taken = values if self.incoming is None else self.incoming(values)
        weight = lsq_quantise(self.layer.weight, self._spread(self.step), lower=-WEIGHT_LIMIT, upper=WEIGHT_LIMIT)
        given = apply_layer(self.layer, taken, weight)
        return given if self.outgoing is None else self.outgoing(given)

    def _spread(self, step: Tensor) -> Tensor:
        return step.view(-1, *[1] * (self.layer.weight.ndim - 1))


def apply_layer(layer: nn.Conv2d | nn.Linear, values: Tensor, weight: Tensor) -> Tensor:
    """Return what a layer makes of values with other weights than its own.

    Args:
        layer: says stride, padding and bias.
        values: its input.
        weight: of the shape of its own.
    """
    if isinstance(layer, nn.Linear):
        return F.linear(values, weight, layer.bias)
    return F.conv2d(values, weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)


class RestingNorm(nn.Module):
    """A batch norm that could not be folded; it keeps its statistics while the network learns.

    Args:
        norm: of any dimension.
    """

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.train(False)

    def train(self, mode: bool = True) -> "RestingNorm":
        """Stay in eval mode, whatever is asked for."""
        del mode
        return super().train(False)

    def forward(self, values: Tensor) -> Tensor:
        """Return the normalised values."""
        normalised: Tensor = self.norm(values)
        return normalised
