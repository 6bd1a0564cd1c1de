"""The records of a registry: models, and the artworks and data sets that they were made from.

`stylezoo.zoo.layout` reads and writes them as zoo.yaml. The record of a model, without its weights, also travels as
JSON in the header of each weights file, under the metadata key 'stylezoo', so that a file without a registry describes
itself.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from stylezoo._records import Record
from stylezoo.errors import WeightsError, did_you_mean
from stylezoo.zoo.explain import read_record
from stylezoo.zoo.families import FAMILIES, Kind
from stylezoo.zoo.fields import (
    ID,
    ID_FORM,
    PATH,
    FieldError,
    check_filled,
    check_harmless,
    check_hex,
    check_id,
    check_resolved,
)

Provenance = Literal["recipe", "handmade"]
Scalar = bool | int | float | str

HEADER_KEY = "stylezoo"
"""The key of a safetensors file's metadata that holds `header_record`."""

WIDTH = 1280
"""Px of the copies that are asked of Wikimedia Commons."""

UNSTATED = "unstated: add the rights to the picture before you share the net"
"""The rights to a style for which none are stated."""

CARD_KEY = "stylezoo-card"
"""The key of a style card's metadata that holds its record, a `CardSpec`."""


class PictureSpec(Record, frozen=True, kw_only=True):
    """Where to fetch a style's image: `stylezoo data get presets` does.

    `file` is its name in the data folder's presets/, `page` a page that describes it, `urls` are downloads, unnecessary
    for pages of Wikimedia Commons, and `phash` is `stylezoo.images.phash.perceptual_hash` of the original image:
    reproductions differ in size and compression, so their bytes cannot be compared.
    """

    file: str
    page: str
    urls: tuple[str, ...] = ()
    phash: str

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to download it, to be tried in turn: what a page of Wikimedia Commons describes, then the `urls`."""
        named = re.fullmatch(r"https://commons\.wikimedia\.org/wiki/File:([!->@-~]+)", self.page)
        commons = [f"https://commons.wikimedia.org/wiki/Special:FilePath/{named[1]}?width={WIDTH}"] if named else []
        return tuple(dict.fromkeys((*commons, *self.urls)))

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_-]{1,120}\.(jpg|jpeg|png|webp)", self.file):
            raise FieldError("file", f"must be a name such as great_wave.jpg, in lowercase, not '{self.file}'")
        if not self.addresses:
            raise FieldError("urls", "must be at least one URL, since the page is not on Wikimedia Commons")
        for field, url in [("page", self.page), *(("urls", url) for url in self.urls)]:
            if not re.fullmatch(r"https?://[!-~]+", url):  # visible ASCII: what goes over the wire as it stands
                raise FieldError(field, f"must be a URL https://... with %-escapes where needed, not '{url}'")
        check_hex("phash", self.phash, 16)


Palette = tuple[float, float, float, float, float, float, float, float, float]


class StyleSpec(Record, frozen=True, kw_only=True):
    """One style of a model: its style image, and the right to use it.

    Attributes:
        id: its name in calls: lowercase letters, digits, - and _.
        title: title of the image.
        artist: its artist.
        year: year of creation, as text: 'c.1831'.
        died: the artist's year of death, as text; copyright depends on it.
        rights: why the image may be used.
        source: where it comes from.
        picture: where to fetch it.
        palette: its colours in RGB from 0 to 1: three means, then the covariances RR, RG, RB, GG, GB and BB, see
            `StylizeOptions.palette`.
    """

    id: str
    title: str
    artist: str | None = None
    year: str | None = None
    died: str | None = None
    rights: str
    source: str
    picture: PictureSpec | None = None
    palette: Palette | None = None

    def __post_init__(self) -> None:
        check_id("id", self.id)
        check_filled(self, "title", "rights", "source")
        check_resolved("rights", self.rights)


class DatasetSpec(Record, frozen=True, kw_only=True):
    """A set of training images: title, what its licence allows, and the ids of its parts."""

    title: str
    terms: str
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_filled(self, "title", "terms")


class FileSpec(Record, frozen=True, kw_only=True):
    """A bundled file that is not the weights of one model: its size, hash and origin."""

    sha256: str
    bytes: int
    source: str

    def __post_init__(self) -> None:
        check_hex("sha256", self.sha256, 64)
        if self.bytes <= 0:
            raise FieldError("bytes", f"must be the file's size, not {self.bytes}")
        check_filled(self, "source")


class HubSpec(Record, frozen=True, kw_only=True):
    """A repository 'owner/name' of the Hugging Face Hub; `revision` is a branch, tag or commit (None: main).

    Both become parts of paths in the Hub's cache.
    """

    repo: str
    revision: str | None = None

    def __post_init__(self) -> None:
        if not _REPO.fullmatch(self.repo):
            raise FieldError("repo", f"must be 'owner/name', not '{self.repo}'")
        if self.revision is not None and not _REVISION.fullmatch(self.revision):
            raise FieldError("revision", f"must be a branch, tag or commit, not '{self.revision}'")
        check_filled(self)


_WORD = r"\w(?:[\w.-]{0,94}\w)?"  # as the Hub has it
_REPO = re.compile(rf"(?!.*(?:--|\.\.)){_WORD}/{_WORD}(?<!\.git)", re.ASCII)
_REVISION = re.compile(r"(?!.*(?:\.\.|//|@\{))[^\s/~^:?*\[\\-][^\s~^:?*\[\\]{0,199}(?<![/.])")  # as git has it


class WeightsSpec(Record, frozen=True, kw_only=True):
    """A weights file: `file` is its path under stylezoo/bundled/ as well as in the Hub repository.

    `sha256` is lowercase hexadecimal, `bytes` the file's size, `dtype` the type of most numbers in it: 'float32',
    'float16', or 'uint8' where large kernels are 8-bit tables.
    """

    file: str
    sha256: str
    bytes: int
    dtype: str
    bundled: bool = False
    hub: HubSpec | None = None

    def __post_init__(self) -> None:
        if not PATH.fullmatch(self.file):
            form = "a relative path a/b.safetensors within its folder, of letters, digits, ., - and _"
            raise FieldError("file", f"must be {form}, not '{self.file}'")
        if not self.file.endswith(".safetensors"):
            raise FieldError("file", f"must end in .safetensors, not '{self.file}'")
        check_hex("sha256", self.sha256, 64)
        if self.bytes <= 0:
            raise FieldError("bytes", f"must be the file's size, not {self.bytes}")
        if not (self.bundled or self.hub):
            raise FieldError("bundled", "weights must be bundled: true, or name a hub repository")
        check_filled(self, "dtype")


class ModelSpec(Record, frozen=True, kw_only=True):
    """One model. In zoo.yaml `name` is the key that the model stands under, and `weights` is required where it has any.

    `provenance` is "recipe" where one run of `recipe` made the weights, and "handmade" where anything else did: then
    `story` says what, and whose weights they are where they come from elsewhere. None: unknown, for a file without a
    registry.

    Raises a ValueError that names the field if the parts do not fit together.
    """

    name: str
    family: str
    arch: dict[str, Scalar]
    styles: tuple[StyleSpec, ...]
    license: str
    summary: str = ""
    recipe: str | None = None
    training_data: str | None = None
    provenance: Provenance | None = None
    story: str | None = None
    weights: WeightsSpec | None = None

    @property
    def kind(self) -> Kind:
        """'single' (one fixed style), 'multi' (styles by name) or 'arbitrary' (any picture)."""
        return FAMILIES[self.family].kind

    @property
    def weightless(self) -> bool:
        """Whether the model has no weights to load: all that it is stands in its record."""
        return FAMILIES[self.family].weightless

    @property
    def style_ids(self) -> tuple[str, ...]:
        """The ids of the styles, in the order of the net's style rows."""
        return tuple(style.id for style in self.styles)

    @property
    def palettes(self) -> tuple[Palette | None, ...]:
        """The colours that results in each style are brought to, see `StylizeOptions.palette`; None: the net's own.

        A net of one style has learnt no other colours.
        """
        return tuple(None if self.kind == "single" else style.palette for style in self.styles)

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            near = did_you_mean(self.family, FAMILIES)
            known = f"the families are {', '.join(FAMILIES)}"
            raise FieldError("family", f"'{self.family}' is unknown; {known}{near and '.'}{near}")
        family, slash, rest = self.name.partition("/")
        if family != self.family or not slash or not ID.fullmatch(rest):
            raise FieldError("name", f"must be '{self.family}/' and {ID_FORM}, not '{self.name}'")
        check_filled(self, "license", "story", "recipe", "training_data")
        check_resolved("training_data", self.training_data or "")
        self._check_provenance()
        for key, value in self.arch.items():
            check_harmless("arch", f"{key} {value}")
        if self.weightless and self.weights is not None:
            raise FieldError("weights", f"a {self.family} model has none: leave the key out")
        ids = self.style_ids
        if self.kind == "single" and len(ids) != 1:
            raise FieldError("styles", f"a {self.family} model has exactly one style, not {len(ids)}")
        if self.kind == "multi" and not ids:
            raise FieldError("styles", f"a {self.family} model has at least one style")
        if twice := next((i for i in ids if ids.count(i) > 1), None):
            raise FieldError("styles", f"two styles have the id '{twice}'")
        if (rows := self.arch.get("styles", len(ids))) != len(ids):
            raise FieldError("arch", f"states {rows} styles, but {len(ids)} are named")

    def _check_provenance(self) -> None:
        if self.provenance == "recipe" and self.recipe is None:
            raise FieldError("recipe", "must be named with provenance: recipe")
        if self.provenance == "handmade" and self.story is None:
            raise FieldError("story", "must say how the weights were made with provenance: handmade")
        if self.provenance != "handmade" and self.story is not None:
            raise FieldError("story", "is only for provenance: handmade")
        if self.weightless and self.provenance is not None:
            raise FieldError("provenance", f"a {self.family} model has no weights: leave the key out")


class Zoo(Record, frozen=True, kw_only=True):
    """A whole registry.

    Attributes:
        aliases: short names for models.
        models: by name.
        artworks: by id, what styles are learned from; models and recipes refer to them.
        datasets: by id, what models are trained on.
        rights: by key, the sentences that artworks share; {died} stands for the year of the artist's death.
        files: by path under stylezoo/bundled/, files that several models or recipes need.
    """

    schema: Literal[1]
    aliases: dict[str, str]
    models: dict[str, ModelSpec]
    artworks: dict[str, StyleSpec] = msgspec.field(default_factory=dict)
    datasets: dict[str, DatasetSpec] = msgspec.field(default_factory=dict)
    rights: dict[str, str] = msgspec.field(default_factory=dict)
    files: dict[str, FileSpec] = msgspec.field(default_factory=dict)


def header_record(spec: ModelSpec) -> str:
    """Return the JSON that belongs in a weights file's metadata under `HEADER_KEY`."""
    bare = msgspec.structs.replace(spec, weights=None)
    return msgspec.json.encode(bare).decode()


def parse_header(text: str, where: str) -> ModelSpec:
    """Return the model in a file's metadata; raise WeightsError, which starts with `where`, if there is none."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as cause:
        raise WeightsError(f"{where}: {HEADER_KEY}: the record in the file's header is not JSON: {cause}.") from cause
    return read_record(value, ModelSpec, (HEADER_KEY,), where, WeightsError)
