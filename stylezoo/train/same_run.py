"""Compare recipes: is a run the same, or the same with a later end?"""

from __future__ import annotations

from typing import Any

from stylezoo.recipe import Recipe, StyleSource, plain


def same_run(a: Recipe, b: Recipe) -> list[str]:
    """Return the dotted keys in which two recipes differ, except those that do not affect the weights."""
    free = {"run.log_every", "run.sample_every", "run.checkpoint_every", "run.memory_mb"}
    free |= {"summary", "license", "training_data"}
    left, right = ({**_flat(plain(r)), "styles": [_learned(style) for style in r.styles]} for r in (a, b))
    return sorted(k for k in left.keys() | right.keys() if k not in free and left.get(k) != right.get(k))


def _learned(style: StyleSource) -> tuple[Any, ...]:
    return style.id, style.image, style.size, style.extra_sizes, style.crop, style.whole_colors


def prolongs(before: Recipe, after: Recipe) -> bool:
    """Whether the run `after` is the run `before` with a later end, which a constant learning rate allows."""
    run, longer = before.run, after.run
    later = longer.minutes > run.minutes > 0 if run.minutes else not longer.minutes and longer.steps > run.steps
    constant = before.optim.schedule == after.optim.schedule == "constant"
    return constant and later and set(same_run(before, after)) <= {"run.steps", "run.minutes", "optim.anneal"}


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for key, item in value.items() for k, v in _flat(item, f"{path}.{key}" if path else str(key)).items()}
