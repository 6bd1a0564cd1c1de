"""YAML in and out. In a module of its own: importing the library takes longer than finding a model in the registry."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from stylezoo.errors import StyleZooError
from stylezoo.types import PathLike

try:
    from yaml import CSafeLoader as _Safe  # of libyaml: nine times as quick
except ImportError:
    from yaml import SafeLoader as _Safe  # type: ignore[assignment]

DEEPEST = 100  # levels of lists and mappings in each other


def read_yaml(
    path: PathLike, error: type[StyleZooError], where: str | None = None, *, aliases: bool = True
) -> dict[str, Any]:
    """Return the mapping in a YAML file; raise `error` if the file is missing, broken or holds something else.

    `where` is what messages call the file. `aliases` False refuses references within it, by which a file of a few
    lines from elsewhere could stand for gigabytes.
    """
    where = where or str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
        _check_shape(text, aliases)
        value = yaml.load(text, _Loader)
    except (OSError, UnicodeDecodeError) as cause:
        raise error(f"cannot read {where}: {getattr(cause, 'strerror', None) or cause}") from cause
    except (yaml.YAMLError, ValueError) as cause:  # ValueError: of a date such as 2026-99-99
        problem = " ".join(str(cause).split())
        if "maximum nesting depth" in problem:  # libyaml of PyYAML 6.0.4 and later has a bound of its own
            raise error(f"{where} is not usable: it is nested too deeply") from cause
        raise error(f"{where} is not valid YAML: {problem}") from cause
    except RecursionError as cause:
        raise error(f"{where} is not usable: it is nested too deeply") from cause
    if not isinstance(value, dict):
        raise error(f"{where} must hold a mapping of keys to values, but holds {type(value).__name__}")
    return value


class _Loader(_Safe):
    """A safe loader that refuses a key given twice, of which YAML's own would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key in (self.construct_object(key, deep=True) for key, _ in node.value):
            if not isinstance(key, Hashable):  # which is refused below
                continue
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' occurs twice", node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _check_shape(text: str, aliases: bool) -> None:
    """Refuse nesting that would overflow the stack of libyaml, which has no bound of its own, and unwanted aliases."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) and not aliases:
            mark: Any = event.start_mark  # libyaml's own, which the stubs do not expect here
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed", mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise RecursionError


def dump_yaml(value: Any, *, width: float = 120) -> str:
    """Return plain `value` as YAML: keys in their order, lines folded at `width` characters."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=width)
