"""The limits of a page, and the models it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from stylezoo.errors import ModelNotFoundError, OptionError, did_you_mean
from stylezoo.zoo.catalog import list_models, model_info
from stylezoo.zoo.spec import ModelSpec

ANY = "any"
"""The alias of the model that the page uses for uploaded style images."""

VARIANTS = {"quick": ("", "-video", "-large"), "fine": ("-large", "", "-video"), "live": ("-video", "", "-large")}
"""What a visitor asks for -> the ends of the names of models, the most fitting first."""


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
        OptionError: a model is too slow for a page, or would never be used.
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
    _check_all_used(specs)
    return specs


def _check_all_used(specs: list[ModelSpec]) -> None:
    ranks = [rank(specs, quality) for quality in VARIANTS]
    for spec in specs:
        better = [next((s.name for s in order[: order.index(spec)] if _covers(s, spec)), "") for order in ranks]
        if all(better):
            raise OptionError(f"{spec.name} would never be used, since {better[0]} has its styles: leave one out")


def _covers(one: ModelSpec, other: ModelSpec) -> bool:
    return set(one.style_ids) >= set(other.style_ids) and (one.kind == "arbitrary" or other.kind != "arbitrary")


def default_models() -> list[ModelSpec]:
    """Return the bundled models, except arbitrary-style ones but 'any'."""
    found = [model_info(name) for name in list_models()]
    found = [spec for spec in found if spec.kind != "arbitrary" and spec.weights and spec.weights.bundled]
    return [*found, *map(model_info, list_models(ANY))]


def rank(specs: Sequence[ModelSpec], quality: str) -> list[ModelSpec]:
    """Return models in the order in which the page looks for one that has the styles of a request.

    Those of the asked variant come first, then those of the fewest styles, which are the best at them;
    arbitrary-style models come last.

    Args:
        quality: a key of `VARIANTS`.
    """
    variants = VARIANTS[quality]

    def key(spec: ModelSpec) -> tuple[bool, int, int]:
        variant = next((v for v in ("-large", "-video") if spec.name.endswith(v)), "")
        return spec.kind == "arbitrary", variants.index(variant), len(spec.styles)

    return sorted(specs, key=key)
