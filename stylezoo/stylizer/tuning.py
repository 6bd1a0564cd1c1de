"""Options of `stylize` that only some families have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stylezoo.errors import OptionError, did_you_mean
from stylezoo.runtime.options import option_fields
from stylezoo.zoo.families import takers


def check_tuning(given: Iterable[str], own: Sequence[str], model: str) -> None:
    """Raise OptionError for an option that is not among the model's `own`."""
    for name in given:
        if name in own:
            continue
        if families := takers(name):
            raise OptionError(f"{name} is for {families} models, and {model} is none: leave it out")
        if name in ("device", "dtype", "backend"):
            raise OptionError(f"{model} has no option '{name}': pass it to stylezoo.load")
        known = ["style", "mask", "progress", *option_fields(), *own]
        raise OptionError(f"{model} has no option '{name}'.{did_you_mean(name, known)}")
