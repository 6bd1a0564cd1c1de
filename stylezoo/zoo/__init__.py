"""The registry of models, their files and the Hub, as plain data: nothing here imports torch, numpy or PIL.

`families` lists the families of nets, `spec` has the frozen records, `layout` reads and writes them as zoo.yaml,
`catalog` finds them by name, wildcard or alias, and `store` finds the verified weights file of a record.
"""

from __future__ import annotations

from stylezoo.zoo.catalog import default_zoo, list_models, model_info
from stylezoo.zoo.families import FAMILIES, Family, register
from stylezoo.zoo.spec import (
    HubSpec,
    ModelSpec,
    StyleSpec,
    WeightsSpec,
    Zoo,
)
from stylezoo.zoo.store import locate, read_header

__all__ = [
    "FAMILIES",
    "Family",
    "HubSpec",
    "ModelSpec",
    "StyleSpec",
    "WeightsSpec",
    "Zoo",
    "default_zoo",
    "list_models",
    "locate",
    "model_info",
    "read_header",
    "register",
]
