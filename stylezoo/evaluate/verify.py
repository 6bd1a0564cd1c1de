"""Is a model what its record says?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import StyleZooError
from stylezoo.runtime.base import Runtime
from stylezoo.runtime.device import INSTALL, has_torch
from stylezoo.stylizer import Stylizer
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.model_card import is_unstated
from stylezoo.zoo.spec import CheckSpec, ModelSpec
from stylezoo.zoo.store import check_file, locate, read_header

if TYPE_CHECKING:
    from stylezoo.models import StyleNet

TOLERANCE = 2e-3  # of values in [0, 1]: other processors differ by 1e-5, another net by more than 1e-2


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: of which model, whether it holds, and what."""

    name: str
    ok: bool
    what: str


def verify_model(spec: ModelSpec, path: Path | None = None) -> list[Finding]:
    """Check a model's weights file (size, sha256, layout, the record in its header), its numbers and its rights.

    `path` is the file; None: where the record leads. Of a lone file, whose record names no weights and no fingerprint,
    the rest is checked, and that it paints finite numbers. A model that has no weights is built from its record alone.
    """
    findings: list[Finding] = []

    def note(ok: bool, what: str) -> None:
        findings.append(Finding(spec.name, ok, what))

    try:
        if spec.weightless:
            note(True, "weights: none, it optimises each picture")
        else:
            path = path or locate(spec)
            _check_weights(spec, path, note)
        if spec.weightless and not has_torch():
            note(True, f"fingerprint: not compared, as it needs PyTorch: {INSTALL}")
        else:
            stylizer = Stylizer(spec, path)
            count = int(spec.arch.get("styles", 1))
            values = (
                fingerprint(stylizer.net) if spec.weightless else fingerprint_of(stylizer.runtime, spec.family, count)
            )
            note(*_compare_numbers(spec, values))
    except (StyleZooError, ValueError) as cause:
        note(False, str(cause))
    unclear = unstated(spec)
    rights = f"unstated for {', '.join(unclear)}" if unclear else "every style states its own"
    note(not unclear, f"rights: weights {spec.license}; {rights}")
    return findings


def _check_weights(spec: ModelSpec, path: Path, note: Callable[[bool, str], None]) -> None:
    header = read_header(path)
    if spec.weights is None:
        note(True, f"weights: {path.stat().st_size:,} bytes, no hash to compare with")
        return
    check_file(path, spec)
    note(True, f"weights: {spec.weights.bytes:,} bytes, sha256 {spec.weights.sha256[:12]}…")
    note(*_compare_records(spec, header))


def unstated(spec: ModelSpec) -> list[str]:
    """Return the styles that nobody has stated the rights of."""
    return [style.id for style in spec.styles if is_unstated(style.rights)]


def _compare_records(spec: ModelSpec, header: ModelSpec) -> tuple[bool, str]:
    differing = [f for f in ("name", "family", "arch", "styles", "license") if getattr(spec, f) != getattr(header, f)]
    if not differing:
        return True, "header: the record of the registry"
    whose = "" if header.name == spec.name else f"of {header.name}, "
    return False, f"header: the file's record is {whose}other than the registry's in {', '.join(differing)}"


def _compare_numbers(spec: ModelSpec, values: tuple[float, ...]) -> tuple[bool, str]:
    if not all(map(math.isfinite, values)):
        return False, "fingerprint: the net gives numbers that are not finite"
    if spec.check is None:
        lone = spec.weights is None
        return (
            lone,
            "fingerprint: finite numbers, none to compare with" if lone else "fingerprint: none in the registry",
        )
    if len(values) != len(spec.check.values):
        return False, f"fingerprint: {len(spec.check.values)} values in the registry in place of {len(values)}"
    difference = max(abs(a - b) for a, b in zip(values, spec.check.values, strict=True))
    fits = difference <= spec.check.tolerance
    return fits, f"fingerprint: differs by {difference:.1e}, {spec.check.tolerance:g} allowed"


def check_pattern(height: int = 72, width: int = 96) -> NDArray[np.float32]:
    """Return the picture that fingerprints are made on, (1, 3, height, width): waves of several lengths."""
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    channels = [np.sin(6 * (k + 1) * x + 2 * k) * np.cos(5 * (3 - k) * y) + np.sin(40 * x * y + k) for k in range(3)]
    pattern: NDArray[np.float32] = (np.stack(channels)[None] / 4 + 0.5).astype(np.float32)
    return pattern


def fingerprint_of(runtime: Runtime, family: str, styles: int) -> tuple[float, ...]:
    """Return what tells a net from another, from what it makes of a fixed pattern.

    Each channel's mean and deviation and twelve pixels for a net of one style; of several, each channel's mean for
    every style, and of one that takes any picture, for the pattern's own negative as the style too.
    """
    x = check_pattern()
    codes = [runtime.named_code(i) for i in range(styles)]
    if FAMILIES[family].kind == "arbitrary":
        codes.append(runtime.encode(1 - x))
    results = [runtime.run(x, code)[0].astype(np.float64) for code in codes]
    values = [value for y in results for value in y.mean(axis=(1, 2))]
    if len(results) == 1:
        values += [*results[0].std(axis=(1, 2), ddof=1), *results[0][:, 9::18, 12::24].reshape(-1)[::4]]
    return tuple(round(float(v), 5) for v in values)


def fingerprint(net: StyleNet) -> tuple[float, ...]:
    """Return `fingerprint_of` a net of torch, or what the net itself says, see `StyleNet.fingerprint`."""
    import torch

    from stylezoo.torch_runtime.runtime import TorchRuntime

    if (values := net.fingerprint(torch.from_numpy(check_pattern()))) is not None:
        return tuple(round(v, 5) for v in values)
    return fingerprint_of(TorchRuntime(net.eval()), net.family, int(net.arch.get("styles", 1)))


def make_check(net: StyleNet) -> CheckSpec:
    """Return the fingerprint of `net` for the registry."""
    return CheckSpec(values=fingerprint(net), tolerance=TOLERANCE)
