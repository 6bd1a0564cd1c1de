"""The limits of a page, and the models it shows."""

from __future__ import annotations

from dataclasses import dataclass, fields

from stylezoo.errors import ModelNotFoundError, OptionError, did_you_mean
from stylezoo.zoo.catalog import list_models, model_info
from stylezoo.zoo.spec import ModelSpec

ANY = "any"
"""The alias of the model that the page uses for uploaded style images."""


@dataclass(frozen=True)
class Settings:
    """Limits of a page.

    Attributes:
        models: names or patterns of the models to show; empty: see `default_models`.
        device: see `stylezoo.load`.
        queue: maximum number of waiting requests; later ones are asked to try again.
        max_bytes: maximum size of an uploaded file.
        max_pixels: maximum width x height of an uploaded picture.
        rate: uploads and results per minute and client; 0: no limit.
    """

    models: tuple[str, ...] = ()
    device: str = "auto"
    queue: int = 64
    max_bytes: int = 32 * 2**20
    max_pixels: int = 40_000_000
    rate: int = 120

    def __post_init__(self) -> None:
        least = {"queue": 1, "max_bytes": 1024, "max_pixels": 1024, "rate": 0}
        for field in fields(self):
            value, low = getattr(self, field.name), least.get(field.name)
            if low is not None and value < low:
                raise OptionError(f"{field.name} must be at least {low}, not {value}")


def find_models(patterns: tuple[str, ...]) -> list[ModelSpec]:
    """Return the records of models by names or patterns, in this order; by default `default_models`.

    Raises:
        ModelNotFoundError: no model matches.
        OptionError: a model is too slow for a page.
    """
    names: list[str] = []
    for pattern in patterns:
        found = list_models(pattern)
        if not found:
            known = list_models()
            raise ModelNotFoundError(f"no model matches '{pattern}'.{did_you_mean(pattern, known)}")
        names += [name for name in found if name not in names]
    specs = [model_info(name) for name in names] if patterns else default_models()
    for spec in specs:
        if spec.weightless:
            raise OptionError(f"{spec.name} takes minutes per picture: choose a one-pass model")
    if not specs:
        raise OptionError("no model to show: name one with --model")
    return specs


def default_models() -> list[ModelSpec]:
    """Return bundled models: multi-style ones, smallest first; the smallest of each single style; and 'any'."""
    bundled = [spec for name in list_models() if (spec := model_info(name)).weights and spec.weights.bundled]
    bundled.sort(key=_tenths)
    singles = {spec.style_ids[0]: spec for spec in reversed(bundled) if spec.kind == "single"}
    several = [spec for spec in bundled if spec.kind == "multi"]
    return [*several, *sorted(singles.values(), key=_tenths), *map(model_info, list_models(ANY))]


def _tenths(spec: ModelSpec) -> tuple[int, str]:
    assert spec.weights is not None
    return round(
        spec.weights.bytes / 1e5
    ), spec.name  # nets with the same trunk differ only in the length of their records
