"""The families of models as records: all that the rest of the package knows about a family.

Behaviour is in the methods of its net, a `stylezoo.models.StyleNet`, and of its `stylezoo.runtime.layout.Layout` if it
also runs on onnxruntime.
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
        id: the first part of the models' names.
        kind: the styles of its models: one ("single"), several by name ("multi") or any image ("arbitrary").
        paper: the publication, with its "arXiv:" number.
        net: the class of its nets, a `StyleNet`, as "module:Class".
        layout: reads its weights without torch, a `Layout`, as "module:Class"; None: its nets need torch.
        reconstructs: whether its nets learn to give photos back, and so from no style.
        weightless: whether its models have no weights and are not trained: they optimise each picture.
        takes_cards: whether styles are rows of a table, which style cards hold.
        takes_maps: whether its nets encode the parts of a style image (`StyleNet.encode` with `regions`), for maps.
        extension: the family of the nets that add styles to a trained net of this family, if any.
        options: of `stylize`, for models of this family alone, see `StyleNet.tuned`.
        starts_from: the families whose trained nets can initialise one of this family.
    """

    id: str
    kind: Kind
    paper: str
    net: str
    layout: str | None = None
    reconstructs: bool = False
    weightless: bool = False
    takes_cards: bool = False
    takes_maps: bool = False
    extension: str | None = None
    options: tuple[str, ...] = ()
    starts_from: tuple[str, ...] = ()

    @property
    def learns_any(self) -> bool:
        """Whether its nets learn from a folder of style images."""
        return self.kind == "arbitrary" and not self.reconstructs


FAMILIES: dict[str, Family] = {}
"""Every family by its id."""


def register(family: Family) -> None:
    """Add a family; it replaces one with the same id."""
    FAMILIES[family.id] = family


def resolve(place: str) -> Any:
    """Import and return "module:name"."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def those(**facts: Any) -> list[str]:
    """Return the ids of the families whose fields have these values, as in `those(takes_cards=True)`."""
    return [f.id for f in FAMILIES.values() if all(getattr(f, name) == value for name, value in facts.items())]


def takers(option: str) -> str:
    """Return the ids of the families that have an option of `stylize` of their own, for messages; '' if none has."""
    return " and ".join(f.id for f in FAMILIES.values() if option in f.options)


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
        takes_maps=True,
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
        takes_maps=True,
        extension="cin",  # learnt rows on its trunk
        starts_from=("cin", "ghiasi"),
    )
)
register(
    Family(
        id="wct",
        kind="arbitrary",
        paper="Li et al. 2017, arXiv:1705.08086",
        net="stylezoo.models.wct:WCT",
        layout="stylezoo.runtime.wct:WCTLayout",
        takes_maps=True,
        reconstructs=True,
        starts_from=("adain", "wct"),
    )
)
register(
    Family(
        id="styleswap",
        kind="arbitrary",
        paper="Chen & Schmidt 2016, arXiv:1612.04337",
        net="stylezoo.models.styleswap:StyleSwap",
        layout="stylezoo.runtime.styleswap:StyleSwapLayout",
        takes_maps=True,
        reconstructs=True,
        options=("patch", "stride"),
        starts_from=("wct", "styleswap"),
    )
)
register(
    Family(
        id="gatys",
        kind="arbitrary",
        paper="Gatys et al. 2016, arXiv:1508.06576",
        net="stylezoo.models.gatys:Gatys",
        takes_maps=True,
        weightless=True,
        options=(
            *("steps", "optimizer", "lr", "start", "stages", "content_layers", "style_layers", "content_weight"),
            *("style_weight", "tv_weight", "pooling", "seed", "callback", "progress"),
        ),
    )
)
