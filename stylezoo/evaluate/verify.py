"""Verify a model against its record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from stylezoo.errors import StyleZooError
from stylezoo.runtime.base import Runtime
from stylezoo.runtime.device import INSTALL, has_torch
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.fingerprints import Fingerprint
from stylezoo.zoo.model_card import is_unstated
from stylezoo.zoo.results import weights_id
from stylezoo.zoo.spec import ModelSpec, Zoo
from stylezoo.zoo.store import check_file, check_hash, locate, read_header

if TYPE_CHECKING:
    from stylezoo.models import StyleNet

TOLERANCE = 2e-3  # of values in [0, 1]: other processors differ by 1e-5, another net by more than 1e-2


@dataclass(frozen=True)
class Finding:
    """The result of one check: the model, whether it passed, and a description."""

    name: str
    ok: bool
    what: str


def verify_model(spec: ModelSpec, path: Path | None = None, recorded: Fingerprint | None = None) -> list[Finding]:
    """Check a model's weights file (size, sha256, layout, the record in its header), its numbers and its rights.

    `path` is the file; None: where the record leads. `recorded` is the fingerprint to compare with, see
    `stylezoo.zoo.fingerprints`. For a file without a registry, whose record names no weights, the rest is
    checked, and that its results are finite. A model without weights is built from its record alone.
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
            note(*_compare_numbers(spec, recorded, _values(spec, path)))
    except (StyleZooError, ValueError) as cause:
        note(False, str(cause))
    unclear = unstated(spec)
    rights = f"unstated for {', '.join(unclear)}" if unclear else "every style states its own"
    note(not unclear, f"rights: weights {spec.license}; {rights}")
    return findings


def verify_files(zoo: Zoo, folder: Path) -> list[Finding]:
    """Check size and sha256 of the files in `folder` that the registry states besides the models' weights."""
    findings = []
    for name, stated in zoo.files.items():
        try:
            check_hash(folder / name, stated, name, "Reinstall stylezoo.")
            findings.append(Finding(name, True, f"file: {stated.bytes:,} bytes, sha256 {stated.sha256[:12]}…"))
        except StyleZooError as cause:
            findings.append(Finding(name, False, str(cause)))
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
    """Return the styles without stated rights."""
    return [style.id for style in spec.styles if is_unstated(style.rights)]


def _compare_records(spec: ModelSpec, header: ModelSpec) -> tuple[bool, str]:
    ours, theirs = map(_lasting, (spec, header))
    differing = [f for f in ("name", "family", "arch", "styles", "license") if getattr(ours, f) != getattr(theirs, f)]
    if not differing:
        return True, "header: the record of the registry"
    whose = "" if header.name == spec.name else f"of {header.name}, "
    return False, f"header: the file's record is {whose}other than the registry's in {', '.join(differing)}"


def _lasting(spec: ModelSpec) -> ModelSpec:
    """Return the record without the addresses of style images, which may change while the model stays the same."""
    return structs.replace(spec, styles=tuple(structs.replace(style, picture=None) for style in spec.styles))


def _compare_numbers(spec: ModelSpec, recorded: Fingerprint | None, values: tuple[float, ...]) -> tuple[bool, str]:
    if not all(map(math.isfinite, values)):
        return False, "fingerprint: the net gives numbers that are not finite"
    if recorded is None:
        if spec.weights is None and not spec.weightless:
            return True, "fingerprint: finite numbers, none to compare with"
        return False, "fingerprint: none is recorded for these weights"
    if len(values) != len(recorded.values):
        return False, f"fingerprint: {len(recorded.values)} values are recorded in place of {len(values)}"
    difference = max(abs(a - b) for a, b in zip(values, recorded.values, strict=True))
    fits = difference <= recorded.tolerance
    return fits, f"fingerprint: differs by {difference:.1e}, {recorded.tolerance:g} allowed"


def check_pattern(height: int = 72, width: int = 96) -> NDArray[np.float32]:
    """Return the test pattern for fingerprints, (1, 3, height, width): waves of several lengths."""
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    channels = [np.sin(6 * (k + 1) * x + 2 * k) * np.cos(5 * (3 - k) * y) + np.sin(40 * x * y + k) for k in range(3)]
    pattern: NDArray[np.float32] = (np.stack(channels)[None] / 4 + 0.5).astype(np.float32)
    return pattern


def fingerprint_of(runtime: Runtime, family: str, styles: int) -> tuple[float, ...]:
    """Return numbers that identify a net, computed from its result on a fixed pattern.

    For single-style nets: mean and deviation of each channel, and twelve pixels. For multi-style nets: the mean of
    each channel for every style. For arbitrary-style nets: also with the negative of the pattern as the style.
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
    """Return `fingerprint_of` a torch net, or the net's own fingerprint, see `StyleNet.fingerprint`."""
    import torch

    from stylezoo.torch_runtime.runtime import TorchRuntime

    if (values := net.fingerprint(torch.from_numpy(check_pattern()))) is not None:
        return tuple(round(v, 5) for v in values)
    return fingerprint_of(TorchRuntime(net.eval()), net.family, _named(net.family, net.arch))


def make_fingerprint(spec: ModelSpec, path: Path | None = None) -> Fingerprint:
    """Return the fingerprint of a model of a registry; `path` is its weights file, None: where the record leads.

    Raises:
        MissingExtraError: the model optimises each picture, which needs torch.
        WeightsError, HubError: the weights cannot be loaded.
    """
    return Fingerprint(weights=weights_id(spec), values=_values(spec, path), tolerance=TOLERANCE)


def _values(spec: ModelSpec, path: Path | None) -> tuple[float, ...]:
    stylizer = Stylizer(spec, path or (None if spec.weightless else locate(spec)))
    if spec.weightless:
        return fingerprint(stylizer.net)
    return fingerprint_of(stylizer.runtime, spec.family, _named(spec.family, spec.arch))


def _named(family: str, arch: Mapping[str, Any]) -> int:
    """Return how many styles a net knows by name."""
    return int(arch.get("styles", FAMILIES[family].kind != "arbitrary"))
