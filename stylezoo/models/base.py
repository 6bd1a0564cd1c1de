"""What every style-transfer net is to the rest of the package."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stylezoo._files import replacing
from stylezoo.data.style_set import StyleSet
from stylezoo.errors import StyleError, WeightsError
from stylezoo.models.sampling import NamedStyles, PictureStyles, StyleSampler
from stylezoo.recipe import Recipe
from stylezoo.runtime.tables import unpack
from stylezoo.runtime.weights import misfits
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.spec import HEADER_KEY, ModelSpec, header_record


class StyleNet(nn.Module, abc.ABC):
    """A net that stylizes pictures; `forward` takes and gives float NCHW RGB in [0, 1], any other scaling is its own.

    Attributes:
        family: the family's id, for example "johnson".
        arch: the arguments that build this net again.
        multiple: height and width given to `forward` must be multiples of this many pixels,
        minimum: and at least this many.
        wraps: whether `stylezoo.nn.circular` makes it give pictures that tile.
        period: sides of a picture that tiles must be multiples of this, for `stylezoo.nn.circular` to be exact.
        overlap: how many pixels around a tile its inner pixels depend on, when the norms' statistics are frozen.
        sections: overlaps of the parts of the forward pass, see `section`; a net in one part has just its `overlap`.
        tiles: whether tiles with the whole picture's statistics give the whole's result.
        measures_photo: whether `photo_code` depends on the photos, and that by the norms' statistics alone: while they
            are frozen, any part of a photo has the code of the whole.
        measures_parts: whether the norms can normalise each region of a photo by the region's own part of it.
        gives_back: whether `render` adds what the net cannot give back of the photo, so that strength 0 is the photo.
        mixes: whether codes can be added and scaled, and so mixed.
        takes_palette: whether results are brought to the palette of the style image, see `StylizeOptions.palette`.
        exports: whether `forward` can be traced, so that other programs can run the net.
        encoder_layers: the layers of vgg19:caffe that the net itself computes with.
    """

    family: ClassVar[str]
    tiles: ClassVar[bool] = True
    wraps: ClassVar[bool] = True
    measures_photo: ClassVar[bool] = False
    measures_parts: ClassVar[bool] = False
    gives_back: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    takes_palette: ClassVar[bool] = True
    exports: ClassVar[bool] = True
    encoder_layers: ClassVar[tuple[str, ...]] = ()
    arch: dict[str, Any]
    multiple: int
    minimum: int
    overlap: int

    @abc.abstractmethod
    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], in the style `code`, (N or 1, D); the result has the shape of `x`.

        With `regions`, (N or 1, K, H, W), `code` is (K, D), and every pixel has its own mix of the K styles; the
        shares of a pixel sum to 1.
        """

    def load_weights(self, weights: Mapping[str, Tensor] | str | Path) -> Self:
        """Load a state dict or a .safetensors file; values are cast to the dtype of this net.

        Raises:
            WeightsError: unreadable, or the names or shapes are not this net's.
        """
        where = "the state dict"
        if not isinstance(weights, Mapping):
            where = str(weights)
            try:
                weights = unpack(load_file(where), where)
            except (OSError, SafetensorError) as cause:
                raise WeightsError(f"cannot read {where} as safetensors: {cause}") from cause
        weights = self.adapt_state_dict(dict(weights), where)
        self.check_fit(weights, {name: value.shape for name, value in self.state_dict().items()}, where)
        self.load_state_dict(weights)
        return self

    def save_weights(self, path: str | Path, spec: ModelSpec, dtype: torch.dtype | None = None) -> None:
        """Write the weights as safetensors, by rename, with the record in the header; cast to `dtype` if given."""
        tensors = {k: v.detach().to("cpu", dtype or v.dtype).contiguous() for k, v in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {HEADER_KEY: header_record(spec)})

    def adapt_state_dict(self, weights: dict[str, Tensor], where: str = "the state dict") -> dict[str, Tensor]:
        """Return `weights` with the names of this net where the family knows other layouts; `where` is for messages."""
        return weights

    def check_fit(self, weights: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], where: str) -> None:
        """Raise WeightsError unless `weights` has just the names and shapes of `shapes`."""
        if problems := misfits({name: getattr(value, "shape", ()) for name, value in weights.items()}, shapes):
            arch = ", ".join(f"{key}={value}" for key, value in self.arch.items())
            raise WeightsError(f"{where} does not fit {self.family}({arch}): {problems}")

    def named_code(self, style: int) -> Tensor:
        """Return the code, (1, D), of the style with that index among those that the net knows by name."""
        raise StyleError(f"a {self.family} net has no named styles: give a style image")

    def encode(self, style: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return the codes, (N, D), of style pictures, (N, 3, H, W) in [0, 1]; of nets that take any picture.

        With `regions`, (1, K, H, W) of at least 0, those of the K parts of one picture, (K, D): a position counts by
        its share of a part. For families whose record says `takes_maps`.
        """
        raise StyleError(f"a {self.family} net takes no style image: name one of its styles")

    def encode_unpadded(self, style: Tensor) -> Tensor:
        """Return what `encode` does, of style images with sides of at least 64 px alone; for exported files."""
        return self.encode(style)

    @property
    def code_width(self) -> int | None:
        """D, how many numbers a code has; None: that depends on the style image."""
        return self.named_code(0).shape[1]

    def tuned(self, **options: Any) -> Self:
        """Return this net with other values of `Family.options`; another name is a TypeError."""
        if options:
            raise TypeError(f"a {self.family} net takes no {', '.join(options)}")
        return self

    def photo_code(self, x: Tensor) -> Tensor | None:
        """Return the code, (N or 1, D), that comes nearest to giving the photos `x`, (N, 3, H, W), back.

        It is the start of the line that `strength` walks. None: the net has no such code.
        """
        return None

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        """Raise RecipeError, which starts with the key, for values that this family cannot be trained with."""

    @classmethod
    def style_sampler(cls, recipe: Recipe, pictures: StyleSet | None) -> StyleSampler:
        """Return what chooses the styles of a training step; `pictures` are those that a net of any style learns from.

        By default the net's own style, one of its named styles in turn, or any picture, encoded by the net.
        """
        if pictures is not None:
            return PictureStyles(recipe, pictures)
        return NamedStyles(recipe) if FAMILIES[cls.family].kind == "multi" else StyleSampler(recipe)

    @torch.no_grad()
    def init_from(self, other: StyleNet, known: Mapping[int, int], name: str) -> None:
        """Take over what this net can start from of a trained net, of a family that `Family.starts_from` names.

        Args:
            known: for styles that both have, the index here and the index there.
            name: what messages call the other net.

        Raises:
            WeightsError: the other net is of another size.
        """
        self.check_fit(other.state_dict(), {key: tuple(v.shape) for key, v in self.state_dict().items()}, name)
        self.load_state_dict(other.state_dict())

    def init_encoder_from(self, teacher: StyleNet) -> None:
        """Take over what fits of how another net reads style images; by default nothing."""

    def on_same_trunk(self, styles: int) -> StyleNet:
        """Return a net of `Family.extension` with this one's trunk, frozen, and rows for that many other styles."""
        raise StyleError(f"a {self.family} net cannot learn more styles")

    def fold(self) -> StyleNet:
        """Return the same net without what training alone needs."""
        return self

    def fingerprint(self, pattern: Tensor) -> list[float] | None:
        """Return numbers that tell this net from another, made of `pattern`, (1, 3, H, W) in [0, 1].

        None: the numbers are to be made of its pictures, see `stylezoo.evaluate.verify`.
        """
        return None

    @property
    def period(self) -> int:
        return self.multiple

    @property
    def sections(self) -> tuple[int, ...]:
        return (self.overlap,)

    @contextmanager
    def section(self, index: int) -> Iterator[None]:
        """Make `forward` no more than one part of itself inside the block, of those that `sections` counts.

        The first takes pictures and gives activations, the last takes activations and gives pictures. Nets part where
        activations are so small that those of a whole picture can be kept, while others are not to be held at once.
        """
        yield

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype
