"""Instance normalisation whose statistics can be recorded on a whole picture and frozen for its tiles.

Ulyanov et al. 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization" (arXiv:1607.08022).
Scale and shift are not parameters of the layer: they come with every call, from one style's row, a mix of
rows (Dumoulin et al. 2017, arXiv:1610.07629) or a prediction, so that all families share the layer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.nn.stats import region_moments
from stylezoo.runtime.base import LIMIT, SHIFT

Statistics = dict[str, tuple[Tensor, Tensor]]
"""For each norm, by its name in the net: mean and inverse standard deviation, float32, both (N, C, 1, 1); of a
`Whitening` the mean and the covariance, (N, C * C, 1, 1).

Where a picture has regions, both may be (K, C, 1, 1): for each region those of the whole picture in its style, or
those of its own part of the picture, see `own_statistics`."""


class InstanceNorm(nn.Module):
    """(x - mean) / std * gamma + beta with mean and std over the pixels of each channel of each picture.

    Args:
        channels: C of the input.
        eps: added to the variance.
        correction: 1 divides the sum of squares by one less than the pixels (Bessel), as some releases do.
        by_part: frozen statistics of regions are of their own parts of a picture, see `own_statistics`; else of the
            whole picture in each region's style.
    """

    def __init__(self, channels: int, eps: float = 1e-5, correction: int = 0, by_part: bool = False) -> None:
        super().__init__()
        self.by_part = by_part
        self.channels = channels
        self.eps = eps
        self.correction = correction
        self._frozen: tuple[Tensor, Tensor] | None = None
        self._recording: list[tuple[Tensor, Tensor]] | None = None
        self._mix: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
        self._own = False

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor | None = None) -> Tensor:
        """Normalise `x`, (N, C, H, W), with `gamma` and `beta`, each (N or 1, C).

        With `shares`, (N or 1, K, H, W), they are (K, C), and every pixel has its own mix of them; statistics that are
        frozen are then one for all of `x`, or one a region.
        """
        if shares is not None:
            return self._by_regions(x, gamma, beta, shares)
        free = self.free and not self.correction
        if free and gamma.shape[:-1] == (1,):  # one pass over x in place of three
            return F.instance_norm(x, weight=gamma[0].to(x.dtype), bias=beta[0].to(x.dtype), eps=self.eps)
        gamma, beta = (v[..., None, None].to(x.dtype) for v in (gamma, beta))
        if free:
            return F.instance_norm(x, eps=self.eps) * gamma + beta
        mean, inverse = self._statistics(x)
        if self._frozen is not None or self._mix is not None:  # one step over the memory in place of four
            scale = inverse * gamma
            return torch.addcmul(beta - mean * scale, x.float(), scale).to(x.dtype)
        return ((x.float() - mean) * inverse).to(x.dtype) * gamma + beta

    def _by_regions(self, x: Tensor, gamma: Tensor, beta: Tensor, shares: Tensor) -> Tensor:
        mean, inverse = self._statistics(x, shares)
        if (self._own or self._frozen is not None) and len(mean) == len(gamma):
            if self._own or self.by_part:  # every part has its own statistics, so what they give is mixed
                scale = inverse.flatten(1) * gamma
                scale, shift = _mixed(shares, scale, beta - mean.flatten(1) * scale)
                return torch.addcmul(shift, x.float(), scale).to(x.dtype)
            mean, inverse = _mixed(shares, mean.flatten(1), inverse.flatten(1))
        gamma, beta = _mixed(shares, gamma, beta)
        scale = inverse * gamma
        return torch.addcmul(beta - mean * scale, x.float(), scale).to(x.dtype)

    def _statistics(self, x: Tensor, shares: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the statistics that count for `x`; they are recorded where somebody wants them."""
        mean, inverse = self._frozen or self.measure(x, shares if self._own else None)
        if self._mix is not None and self._frozen is None:  # those that are frozen were mixed when they were measured
            mean, inverse = self._mix(mean, inverse)
        if self._recording is not None:
            self._recording.append((mean, inverse))
        return mean, inverse

    @property
    def sizes(self) -> tuple[int, int]:
        """How many numbers each of the two statistics of a picture has."""
        return self.channels, self.channels

    @property
    def free(self) -> bool:
        """Whether each picture has statistics of its own, and nobody asks for them."""
        return self._frozen is None and self._recording is None and self._mix is None

    def measure(self, x: Tensor, shares: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the float32 mean and inverse standard deviation of `x`, (N, C, H, W), both (N, C, 1, 1).

        With `shares`, (1, K, H, W), those of K regions of one picture, both (K, C, 1, 1), see `region_moments`.
        """
        if shares is not None:
            mean, variance = (value[..., None, None] for value in region_moments(x, shares))
            return mean, torch.rsqrt(variance + self.eps)
        variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=self.correction, keepdim=True)
        return mean, torch.rsqrt(variance + self.eps)

    def moments(self) -> Moments:
        """Return what gathers the statistics of a whole from its parts."""
        return Moments(self)

    def smooth(self, own: tuple[Tensor, Tensor], before: tuple[Tensor, Tensor], share: float) -> tuple[Tensor, Tensor]:
        """Return statistics mixed with those `before`, by `share`; of these, what is far from the `own` is clamped."""
        mean, inverse = own
        half = SHIFT / inverse
        mean = torch.lerp(mean, before[0].clamp(mean - half, mean + half), share)
        return mean, torch.lerp(inverse, before[1].clamp(inverse / LIMIT, inverse * LIMIT), share)

    @property
    def frozen(self) -> tuple[Tensor, Tensor] | None:
        """The statistics that are used whatever the layer is fed, if there are such: see `frozen_statistics`."""
        return self._frozen

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixed(shares: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
    """Return what two rows, (K, C) each, are for every pixel: (N, C, H, W) each."""
    rows = torch.cat([first, second], dim=1).float()
    return torch.einsum("nkhw,kc->nchw", shares.float(), rows).chunk(2, dim=1)


def _norms(net: nn.Module) -> dict[str, InstanceNorm]:
    return {name: module for name, module in net.named_modules() if isinstance(module, InstanceNorm)}


@contextmanager
def recorded_statistics(net: nn.Module) -> Iterator[Statistics]:
    """Yield a dictionary that holds the statistics of every norm of `net` after one forward pass inside the block."""
    norms, statistics = _norms(net), Statistics()
    try:
        for norm in norms.values():
            norm._recording = []
        yield statistics
        for name, norm in norms.items():
            if norm._recording:
                statistics[name] = norm._recording[-1]
    finally:
        for norm in norms.values():
            norm._recording = None


@contextmanager
def frozen_statistics(net: nn.Module, statistics: Statistics | None) -> Iterator[None]:
    """Make every norm of `net` use `statistics` inside the block, whatever it is fed; None: leave it. Blocks nest."""
    norms = {} if statistics is None else _norms(net)
    statistics = statistics or {}
    before = {name: norm._frozen for name, norm in norms.items()}
    try:
        for name, norm in norms.items():
            norm._frozen = statistics[name]
        yield
    finally:
        for name, norm in norms.items():
            norm._frozen = before[name]


@contextmanager
def own_statistics(net: nn.Module) -> Iterator[None]:
    """Make every norm of `net` normalise each region by its own part of the picture, where it is given regions."""
    norms = _norms(net).values()
    try:
        for norm in norms:
            norm._own = True
        yield
    finally:
        for norm in norms:
            norm._own = False


def statistics_of_regions(net: nn.Module, measure: Callable[[Tensor], Statistics], codes: Tensor) -> Statistics | None:
    """Return for the norms of `net` what `measure` gives of the whole picture in each of `codes`, (K, D), one a region.

    With them frozen, a region is stylized as if all of the picture had its style: no style pales or tints another, as
    statistics that they share would make it. None: no norm stands behind the styles, or they are all the same.
    """
    if len(_norms(net)) < 2 or bool((codes == codes[:1]).all()):  # what the first is fed has no style yet
        return None
    found = [measure(code) for code in codes.split(1)]
    return {name: (torch.cat([f[name][0] for f in found]), torch.cat([f[name][1] for f in found])) for name in found[0]}


@contextmanager
def smoothed_statistics(net: nn.Module, statistics: Statistics, share: float) -> Iterator[None]:
    """Give every norm of `net` inside the block a mix of its statistics: `share` of those in `statistics`, if any.

    What is far from a norm's own counts as the nearest that is not, see `LIMIT` and `SHIFT` of `stylezoo.runtime.base`.
    The mix takes their place there, for the next block. A norm that is passed several times has an entry for each.
    """
    passes: Counter[str] = Counter()

    def mix_of(name: str, norm: InstanceNorm) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        def mix(mean: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
            passes[name] += 1
            key = f"{name}#{passes[name]}"
            if (before := statistics.get(key)) is not None and before[0].shape == mean.shape:
                mean, inverse = norm.smooth((mean, inverse), before, share)
            statistics[key] = mean, inverse
            return mean, inverse

        return mix

    norms = _norms(net)
    try:
        for name, norm in norms.items():
            norm._mix = mix_of(name, norm)
        yield
    finally:
        for norm in norms.values():
            norm._mix = None


class Moments:
    """Mean and variance of what comes in parts, exactly as of the whole: the parts' own, merged in float64.

    Args:
        norm: whose statistics they are to be.
    """

    def __init__(self, norm: InstanceNorm) -> None:
        self.norm = norm
        self.count, self.mean, self.squares = torch.zeros(()), torch.zeros(()), torch.zeros(())

    def add(self, x: Tensor, shares: Tensor | None = None) -> None:
        """Count the pixels of `x`, (N, C, h, w); with `shares`, (1, K, h, w), as far as they are in each region."""
        count = torch.tensor(float(x.shape[-2] * x.shape[-1]), dtype=torch.float64)
        if shares is None:
            x = x.float()
            average = x.mean(dim=(2, 3), keepdim=True)
            variance = (x - average).square_().mean(dim=(2, 3), keepdim=True)  # far faster than var_mean on a CPU
        else:
            average, variance = (value[..., None, None] for value in region_moments(x, shares))
            count = shares.cpu().double().sum(dim=(2, 3)).view(-1, 1, 1, 1).clamp_min(1e-12)
        self.merge(average.cpu().double(), variance.cpu().double(), count)

    def merge(self, mean: Tensor, spread: Tensor, count: Tensor) -> None:
        """Add a part of `count` pixels, by its mean and its variance or covariance (Chan et al. 1979)."""
        total, apart = self.count + count, mean - self.mean
        self.squares = self.squares + spread * count + self.outer(apart) * (self.count * count / total)
        self.mean = self.mean + apart * (count / total)
        self.count = total

    def outer(self, apart: Tensor) -> Tensor:
        """Return what the distance between two means adds to the squares."""
        return apart**2

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Return what `norm.measure` would of the whole, on the CPU."""
        correction = self.norm.correction if self.count.ndim == 0 else 0
        variance = self.squares / (self.count - correction).clamp_min(1 if self.count.ndim == 0 else 1e-12)
        return self.mean.float(), torch.rsqrt(variance + self.norm.eps).float()


class Unmeasured(Exception):  # noqa: N818 - nothing went wrong
    """A pass has come to a norm without statistics: its `name`, the `norm` and its input `x`."""

    def __init__(self, name: str, norm: InstanceNorm, x: Tensor) -> None:
        self.name, self.norm, self.x = name, norm, x


@contextmanager
def partial_statistics(net: nn.Module, statistics: Statistics) -> Iterator[None]:
    """Freeze the norms that are in `statistics`; a pass raises `Unmeasured` at the first that is not.

    So the statistics of a whole can be gathered from its parts, norm after norm, as each depends on those before.
    """

    def stop(name: str, norm: InstanceNorm) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            raise Unmeasured(name, norm, args[0])

        return norm.register_forward_pre_hook(hook)

    norms = _norms(net)
    known = {name: norm for name, norm in norms.items() if name in statistics}
    before = {name: norm._frozen for name, norm in known.items()}
    hooks = [stop(name, norm) for name, norm in norms.items() if name not in known]
    try:
        for name, norm in known.items():
            norm._frozen = statistics[name]
        yield
    finally:
        for name, norm in known.items():
            norm._frozen = before[name]
        for hook in hooks:
            hook.remove()
