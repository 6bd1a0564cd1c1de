"""A small net learns to copy the pictures of a trained one, before it learns from the loss.

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv:1503.02531). A step costs a
fraction of one through VGG, forward and back, and says of every pixel what it should be.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylezoo.data.style_set import StyleSet
from stylezoo.errors import RecipeError
from stylezoo.losses.perceptual import PHOTO
from stylezoo.losses.terms import content_loss
from stylezoo.stylizer import load
from stylezoo.train.recipe import Recipe


class Teacher:
    """The net that a recipe names as its teacher.

    Args:
        pictures: what a net of any style learns from, and the teacher then paints in too; None: the recipe's styles,
            which the teacher knows by their ids.

    Raises:
        RecipeError: it does not know them.
    """

    def __init__(self, recipe: Recipe, pictures: StyleSet | None, device: torch.device) -> None:
        teacher = load(str(recipe.model.teacher), device=device)
        self.net, self.pictures = teacher.net, pictures
        if pictures is not None and teacher.kind != "arbitrary":
            raise RecipeError(f"model.teacher: {teacher.spec.name} takes no picture as a style: name a net that does")
        self.codes: list[Tensor | None] = []
        for style in recipe.styles if pictures is None else ():
            if style.id not in teacher.styles:
                known = ", ".join(teacher.styles)
                raise RecipeError(f"model.teacher: {teacher.spec.name} has no style '{style.id}': it has {known}")
            self.codes.append(self.net.named_code(teacher.styles.index(style.id)))

    @torch.no_grad()
    def paint(self, photos: Tensor, style: Tensor) -> Tensor:
        """Return `photos`, (N, 3, H, W) in [0, 1], in the styles (N,), by index; PHOTO leaves the photo."""
        painted = photos.clone()
        for index in style.unique().tolist():
            chosen = style == index
            if index == PHOTO:
                continue
            if self.pictures is None:
                code = self.codes[index]
            else:
                code = self.net.encode(self.pictures.at(torch.tensor([index])).to(photos.device))
            painted[chosen] = self.net(photos[chosen].float(), code).to(photos.dtype)
        return painted

    def errors(self, output: Tensor, photos: Tensor, style: Tensor) -> Tensor:
        """Return the relative squared error, (N,), of a net's pictures `output` against the teacher's."""
        return content_loss(output, self.paint(photos, style))
