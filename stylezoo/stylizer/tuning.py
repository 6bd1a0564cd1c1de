"""Options of models that optimise each picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stylezoo.errors import OptionError, did_you_mean
from stylezoo.runtime.device import has_torch
from stylezoo.runtime.options import option_fields
from stylezoo.zoo.families import those


def check_tuning(given: Iterable[str], own: Sequence[str], model: str) -> None:
    """Raise OptionError for an option that is not among the model's `own`."""
    for name in given:
        if name in own:
            continue
        if name in _tuning_names():
            raise OptionError(
                f"{name} is for models that optimise each picture, such as gatys/vgg19, "
                f"but {model} stylizes in one pass: leave it out"
            )
        known = ["style", "mask", "progress", *option_fields(), *own]
        raise OptionError(f"{model} has no option '{name}'.{did_you_mean(name, known)}")


def _tuning_names() -> set[str]:
    """Return the options of all models that optimise each picture; empty without torch."""
    if not has_torch():
        return set()
    from stylezoo.models import net_class

    return {name for family in those(weightless=True) for name in net_class(family).options}
