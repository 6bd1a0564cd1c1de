"""The families of models as records: all that the rest of the package knows of one without its net.

What a family does, its net says: methods of `stylezoo.models.StyleNet`, and of `stylezoo.runtime.layout.Layout` where
onnxruntime computes it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Kind = Literal["single", "multi", "arbitrary"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family.

    Attributes:
        id: what names of models begin with.
        kind: the styles that its models know: one ("single"), several by name ("multi") or any picture ("arbitrary").
        paper: where it was published, with its "arXiv:" number.
        net: the class of its nets, a `StyleNet`, as "module:Class".
        layout: what its weights are without torch, a `Layout`, as "module:Class"; None: torch alone computes its nets.
        weightless: whether its models have no weights of their own, and nothing to train: they optimise each picture.
        takes_cards: whether styles are rows of a table, which style cards hold.
        extension: the family of the nets that learn further styles on the trunk of one of this family, if any can.
        starts_from: the families from whose trained nets one of this family can start.
    """

    id: str
    kind: Kind
    paper: str
    net: str
    layout: str | None = None
    weightless: bool = False
    takes_cards: bool = False
    extension: str | None = None
    starts_from: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {}
"""Every family by its id."""


def register(family: Family) -> None:
    """Add a family, in place of one of the same id."""
    FAMILIES[family.id] = family


def resolve(place: str) -> Any:
    """Return what "module:name" names, importing the module."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def those(**facts: Any) -> list[str]:
    """Return the ids of the families whose fields have these values, as in `those(takes_cards=True)`."""
    return [f.id for f in FAMILIES.values() if all(getattr(f, name) == value for name, value in facts.items())]


register(
    Family(
        id="johnson",
        kind="single",
        paper="Johnson et al. 2016, arXiv:1603.08155, with the instance norm of Ulyanov et al. 2016, arXiv:1607.08022",
        net="stylezoo.models.johnson:Johnson",
        layout="stylezoo.runtime.trunk:JohnsonLayout",
        starts_from=("johnson", "cin", "ghiasi"),
    )
)
register(
    Family(
        id="cin",
        kind="multi",
        paper="Dumoulin et al. 2017, arXiv:1610.07629",
        net="stylezoo.models.cin:CIN",
        layout="stylezoo.runtime.trunk:CINLayout",
        takes_cards=True,
        extension="cin",
        starts_from=("johnson", "cin", "ghiasi"),
    )
)
register(
    Family(
        id="adain",
        kind="arbitrary",
        paper="Huang & Belongie 2017, arXiv:1703.06868",
        net="stylezoo.models.adain:AdaIN",
        layout="stylezoo.runtime.adain:AdaINLayout",
        takes_cards=True,
    )
)
register(
    Family(
        id="ghiasi",
        kind="arbitrary",
        paper="Ghiasi et al. 2017, arXiv:1705.06830",
        net="stylezoo.models.ghiasi:Ghiasi",
        layout="stylezoo.runtime.trunk:GhiasiLayout",
        takes_cards=True,
        extension="cin",  # learnt rows on its trunk
        starts_from=("cin", "ghiasi"),
    )
)
register(
    Family(
        id="gatys",
        kind="arbitrary",
        paper="Gatys et al. 2016, arXiv:1508.06576",
        net="stylezoo.models.gatys:Gatys",
        weightless=True,
    )
)
