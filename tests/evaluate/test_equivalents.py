from __future__ import annotations

from pathlib import Path

import pytest
import torch

import stylezoo
from stylezoo.backbones import create_backbone
from stylezoo.errors import OptionError, StyleError
from stylezoo.evaluate.equivalents import Equivalents, iterations_to, measure_equivalents
from stylezoo.losses import PerceptualLoss
from stylezoo.models.descent import descend
from stylezoo.stylizer.stylizer import Stylizer


@pytest.fixture(scope="module")
def loss() -> PerceptualLoss:
    """Shallow; its kept styles are three, as those of cin/tiny."""
    styles = [torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(i)) ** (i + 1) for i in range(3)]
    backbone = create_backbone("vgg19", layers=["relu1_1", "relu2_1"])
    return PerceptualLoss(
        backbone, styles, content={"relu2_1": 1}, style={"relu1_1": 1, "relu2_1": 1}, palette_weight=0.1
    )


@pytest.mark.slow
def test_a_picture_on_the_way_is_worth_its_step(loss: PerceptualLoss) -> None:
    photo = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(9))
    targets = loss.content_targets(photo)
    steps = list(descend(lambda x: {"total": loss.total(loss.terms(x, targets, torch.tensor([1])))}, photo, steps=9))
    assert [s.terms["total"] for s in steps] == sorted((s.terms["total"] for s in steps), reverse=True)
    assert [iterations_to(steps[i].image, photo, loss, 1) for i in (0, 3, 8)] == [0, 3, 8]
    assert iterations_to(steps[8].image, photo, loss, 1, limit=7) is None


def test_each_style_is_measured_over_the_photos(
    loss: PerceptualLoss, multi_file: Path, run_inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = sorted((run_inputs / "photos").iterdir())[:2]
    counts = iter([4, None, 7, 9])
    asked: list[int] = []

    def stand_in(stylized, photo, loss, style, *, limit):
        assert stylized.shape == photo.shape and max(photo.shape) == 48
        asked.append(style)
        return next(counts)

    monkeypatch.setattr("stylezoo.evaluate.equivalents.iterations_to", stand_in)
    net: Stylizer = stylezoo.load(multi_file)
    measuring = measure_equivalents(net, photos, loss, ["dots", "lines"], size=48, limit=20)
    found = dict([next(measuring)])
    assert asked == [0, 0]  # a style is done with before the next one is begun
    found |= dict(measuring)
    assert asked == [0, 0, 1, 1]
    assert found["dots"] == Equivalents(iterations=12.0, spread=11.3, reached=1, photos=2)
    assert found["lines"] == Equivalents(iterations=8.0, spread=1.4, reached=2, photos=2)
    with pytest.raises(StyleError, match="cin/tiny has no style 'stripes'"):
        list(measure_equivalents(net, photos, loss, ["stripes"]))


def test_a_broken_net_is_not_taken_for_one_that_is_never_reached(loss: PerceptualLoss) -> None:
    photo = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(9))
    with pytest.raises(OptionError, match=r"loss .* is nan"):
        iterations_to(photo * float("nan"), photo, loss, 1)
