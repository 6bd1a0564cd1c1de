"""The options of `stylezoo stylize`, parsed and checked before a model is loaded."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylezoo._files import real_path, sha256_of
from stylezoo.cli.console import is_closed
from stylezoo.cli.descent import check_steps, read_descent
from stylezoo.cli.folders import weights_hash
from stylezoo.cli.options import Style, files_of, label_styles, parse_region, read_options, spread_folders
from stylezoo.errors import OptionError
from stylezoo.runtime.options import StylizeOptions
from stylezoo.stylizer.batch import Job
from stylezoo.zoo.store import find

if TYPE_CHECKING:
    from stylezoo.stylizer.stylizer import Stylizer
    from stylezoo.zoo.spec import ModelSpec


@dataclass(frozen=True)
class Request:
    """The options that affect the results.

    Attributes:
        styles: label -> style. A single style has the label ""; empty if no style was given.
        several: stylize each picture in each style, and add the style to the file name.
        regions: pairs of a mask, or of a colour of the content map, and its style.
        options: how pictures are stylized.
        tuning: options of the model's family alone.
    """

    model: str
    spec: ModelSpec
    weights: Path | None
    styles: dict[str, Style]
    several: bool
    options: StylizeOptions
    cards: tuple[Path, ...]
    save_card: Path | None
    mask: Path | None
    regions: tuple[tuple[Path | str, Style], ...]
    quality: int
    save_every: int | None
    tuning: dict[str, Any]

    @property
    def facts(self) -> dict[str, Any]:
        """All options but the style, as JSON can hold them."""
        facts = {
            "cards": [str(card) for card in self.cards],
            "mask": self.mask and str(self.mask),
            "regions": [{"mask": str(place), "style": style} for place, style in self.regions],
        }
        return facts | self.options.as_dict() | ({"tuning": self.tuning} if self.tuning else {})

    @cached_property
    def shared(self) -> list[Path]:
        """The files that are read for every picture."""
        masks = [self.mask] if self.mask else []
        masks += [place for place, _ in self.regions if isinstance(place, Path)]
        maps = [Path(str(place)) for place in (self.options.content_map, self.options.style_map) if place]
        styles = (file for _, style in self.regions for file in files_of(style))
        return [*self.cards, *masks, *maps, *styles, *files_of(self.tuning.get("start"))]

    def recipe(self, label: str) -> dict[str, Any]:
        """Return everything that the results of a label depend on; files by their hashes."""
        styles = self.styles
        if not styles:
            styles = {"": self.spec.style_ids[0] if self.spec.kind == "single" and not self.cards else None}
        style = styles[label] if self.several else next(iter(styles.values()))
        files = {str(file): sha256_of(file) for file in [*self.shared, *files_of(style)]}
        hashes = {"weights": weights_hash(self.spec, self.weights), "files": files}
        return {"model": self.spec.name, "style": style, "quality": self.quality} | self.facts | hashes

    def check(self, jobs: Iterable[Job], force: bool) -> None:
        """Raise OptionError if an output is an input, or exists and `force` is not given."""
        jobs = list(jobs)
        read = [*self.shared, *(file for style in self.styles.values() for file in files_of(style))]
        check_kept(jobs, read)
        kept = [*read, *(job.source for job in jobs if job.source)]
        if self.save_card:
            check_card(self.save_card, kept, force)
        if self.save_every:
            check_steps(jobs, kept, force)

    def settle(self, stylizer: Stylizer, style: Style) -> Any:
        """Encode a style once for all photos.

        With preserve_color "stats" the encoding depends on the photo, and with a style map there is one for each
        region, so the style is only checked here.
        """
        if self.options.style_map:
            stylizer.stylize_batch([], style, **self.arguments(stylizer))
            return style
        code = stylizer.encode_style(style, style_size=self.options.style_size, **self.tuning)
        return style if self.options.preserve_color == "stats" else code

    def codes(self, stylizer: Stylizer) -> dict[str, Any]:
        """Return label -> encoded style; if no style was given, that of the only style or the only card."""
        if self.styles:
            return {label: self.settle(stylizer, style) for label, style in self.styles.items()}
        return {"": None if self.regions else self.settle(stylizer, self.stylized(stylizer)[""])}

    def stylized(self, stylizer: Stylizer) -> dict[str, Style]:
        """Return label -> style: the styles given, or the only one that the model or a single card has."""
        implied = not self.regions and (len(self.cards) == 1 or len(stylizer.styles) == 1)
        return self.styles or {"": stylizer.styles[-1] if implied else None}

    def arguments(self, stylizer: Stylizer) -> dict[str, Any]:
        """Return the arguments of `Stylizer.stylize`."""
        mask = [(self.settle(stylizer, style), place) for place, style in self.regions] or self.mask
        return self.options.as_dict() | {"mask": mask, "progress": sys.stderr.isatty()} | self.tuning


def read_request(model: str, styles: tuple[str, ...], regions: tuple[str, ...], **asked: Any) -> Request:
    """Return the request; `asked` holds the fields of `Request` and `StylizeOptions`, and the options for `tuning`.

    Raises:
        OptionError: an option cannot be parsed, or two exclude each other.
        ModelNotFoundError: there is no such model.
    """
    options = read_options(asked)
    own = {name: asked.pop(name) for name in list(asked) if name in Request.__dataclass_fields__}
    if own["mask"] and regions:
        raise OptionError("--mask and --region exclude each other: use --region MASK:STYLE for each mask")
    parts = tuple(parse_region(region, by_color=options.content_map is not None) for region in regions)
    spec, weights = find(model)
    tuning = read_descent(asked | {"save_every": own["save_every"]}, spec)
    tuning.pop("save_every", None)
    spread = spread_folders(styles, spec.style_ids)
    wanted = label_styles(spread)
    if options.style_map and len(wanted) > 1:
        raise OptionError(f"--style-map is a map of one style image, but --style names {len(wanted)}: name one")
    if options.style_map and (own["mask"] or regions):
        raise OptionError("--style-map and --mask or --region exclude each other: leave one out")
    if options.style_map and own["save_card"]:
        raise OptionError("--save-card saves one style, but --style-map makes one of each region: leave one out")
    if own["save_card"] and len(wanted) != 1:
        raise OptionError(f"--save-card saves one style, but --style names {len(wanted) or 'none'}: name one")
    several = spread != list(styles) or len(spread) > 1
    if wanted and not several:
        wanted = {"": next(iter(wanted.values()))}
    return Request(
        model, spec, weights, styles=wanted, several=several, regions=parts, options=options, tuning=tuning, **own
    )


def check_stdout(output: str, as_json: bool) -> None:
    """Raise OptionError if the picture cannot go to stdout."""
    if as_json and output == "-":
        raise OptionError("--json and --output - both use stdout: write the picture to a file")
    if output == "-" and is_closed("stdout"):
        raise OptionError("--output -: stdout is closed: name a file")
    if output == "-" and sys.stdout.isatty():
        raise OptionError("--output -: stdout is a terminal: redirect it, as in > stylized.png")


def check_kept(jobs: Iterable[Job], files: Iterable[Path]) -> None:
    """Raise OptionError if a job would overwrite one of the input files."""
    read = {real_path(file) for file in files}
    for job in jobs:
        if job.target and real_path(job.target) in read:
            raise OptionError(f"'{job.output}' is an input and is never overwritten: choose another --output")


def check_card(card: Path, files: Iterable[Path], force: bool) -> None:
    """Raise OptionError if a style card must not be written, or its file name gives no style name."""
    if real_path(card) in {real_path(file) for file in files}:
        raise OptionError(f"'{card}' is an input and is never overwritten: choose another --save-card")
    if card.is_dir() or (card.exists() and not force):
        raise OptionError(f"'{card}' exists: pass --force to overwrite a file, or choose another --save-card")
    if not card_id(card):
        raise OptionError(f"--save-card '{card}' gives no style name: use a name such as my_style.card.safetensors")


def card_id(card: Path) -> str:
    """Return the style name for a file name: 'my_style' for 'My style.card.safetensors'."""
    return re.sub(r"[^a-z0-9-]+", "_", card.name.partition(".")[0].lower()).strip("_")
