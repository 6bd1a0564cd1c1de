from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from stylezoo.data.style_set import StyleSet
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models import AdaIN, Ghiasi, StyleNet, net_class
from stylezoo.models.ghiasi import LAYERS, STATISTICS, statistics
from stylezoo.models.sampling import Draw, StyleSampler, in_turn
from stylezoo.recipe import Recipe
from stylezoo.train.inputs import build_loss, build_net, find_styles
from stylezoo.train.recipe import load_recipe


def sampler(plan: Recipe, pictures: StyleSet | None) -> StyleSampler:
    return net_class(plan.model.family).style_sampler(plan, pictures)


@pytest.mark.parametrize("count", [1, 4, 17])
def test_each_style_comes_once_a_round(count: int) -> None:
    drawn = in_turn(count, range(5 * count), seed=0).view(5, count)
    for turn in drawn:
        assert sorted(turn.tolist()) == list(range(count))
    if count > 2:
        assert len({tuple(turn.tolist()) for turn in drawn}) > 1  # not always in one order


def test_what_is_drawn_depends_on_seed_and_number_alone() -> None:
    whole = in_turn(5, range(60), seed=3)
    assert torch.equal(in_turn(5, range(60), seed=3), whole)
    assert not torch.equal(in_turn(5, range(60), seed=4), whole)
    for batch in (1, 2, 7):
        parts = [in_turn(5, range(start, min(start + batch, 60)), seed=3) for start in range(0, 60, batch)]
        assert torch.equal(torch.cat(parts), whole)
    assert torch.equal(in_turn(5, range(37, 41), seed=3), whole[37:41])  # as after a resume


@pytest.fixture(scope="module")
def pictures(ghiasi_recipe: Path) -> StyleSet:
    found = find_styles(load_recipe(ghiasi_recipe))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def loss(ghiasi_recipe: Path, pictures: StyleSet) -> PerceptualLoss:
    return build_loss(load_recipe(ghiasi_recipe), pictures)


# Nets of fixed styles


def test_a_net_of_one_style_has_nothing_to_choose(recipe_file: Path, loss: PerceptualLoss) -> None:
    plan, batch = load_recipe(recipe_file), torch.rand(3, 3, 16, 16)
    draw = sampler(plan, None).draw(build_net(plan), loss, batch, first=0, share=0.0)
    assert draw.code is None and draw.style.tolist() == [0, 0, 0] and draw.terms == {}
    assert torch.equal(draw.targets["pixels"], batch)


@pytest.mark.parametrize("base", [False, True])
def test_named_styles_are_dealt_and_the_photo_among_them_unless_the_base_has_it(
    trio_file: Path, mine_file: Path, loss: PerceptualLoss, base: bool
) -> None:
    plan, batch = load_recipe(mine_file if base else trio_file), torch.rand(12, 3, 16, 16)
    net, count = build_net(plan), len(plan.styles)
    draw = sampler(plan, None).draw(net, loss, batch, first=0, share=0.0)
    known = set(range(count)) if base else {PHOTO, *range(count)}
    assert set(draw.style.tolist()) == known
    for style, code in zip(draw.style.tolist(), draw.code, strict=True):
        assert code.tolist() == [float(i == (style if style >= 0 else count)) for i in range(count + 1)]


# Nets that take any picture


@dataclass
class Parts:
    """What a step needs."""

    plan: Recipe
    pictures: StyleSet
    loss: PerceptualLoss
    batch: Tensor

    def net(self) -> StyleNet:
        torch.manual_seed(0)
        return build_net(self.plan)

    def draw(self, net: StyleNet, first: int = 1, share: float = 0.0, styles: StyleSampler | None = None) -> Draw:
        styles = styles or sampler(self.plan, self.pictures)
        return styles.draw(net, self.loss, self.batch, first, share)


@pytest.fixture(scope="module")
def predicted(ghiasi_recipe: Path, pictures: StyleSet, loss: PerceptualLoss) -> Parts:
    """Parts of a run of 12 steps, the first 6 of which are told the statistics; batches of three photos."""
    cup = torch.from_numpy(data.coffee()[100:228, 200:392]).permute(2, 0, 1) / 255
    batch = torch.stack([cup[:, 30 * i : 30 * i + 64, 60 * i : 60 * i + 64] for i in range(3)])
    return Parts(load_recipe(ghiasi_recipe), pictures, loss, batch)


@pytest.fixture(scope="module")
def measured(predicted: Parts, adain_recipe: Path) -> Parts:
    return Parts(load_recipe(adain_recipe), predicted.pictures, predicted.loss, predicted.batch)


def test_a_draw_is_of_its_number_alone(predicted: Parts) -> None:
    net = predicted.net()
    assert isinstance(net, Ghiasi)
    styles = sampler(predicted.plan, predicted.pictures)
    used = [predicted.draw(net, first, 9, styles) for first in (31, 4, 7)][-1]
    fresh = predicted.draw(net, 7, 9)
    assert torch.equal(fresh.style, used.style) and torch.equal(fresh.code, used.code)
    assert torch.equal(fresh.terms["encoder"], used.terms["encoder"])
    assert fresh.style.tolist() == in_turn(6, range(7, 10), 0).tolist()
    assert {name: value.shape for name, value in fresh.terms.items()} == {"encoder": (3,)}


def test_statistics_are_those_of_the_set_standardised(predicted: Parts) -> None:
    styles, everything = sampler(predicted.plan, predicted.pictures), torch.arange(6)
    known = styles.standardized(predicted.loss, everything)
    assert known.shape == (6, STATISTICS)
    np.testing.assert_allclose(known.mean(dim=0), 0, atol=1e-4)
    spread = known.std(dim=0)
    assert spread.max() < 1.001 and (spread > 0.999).float().mean() > 0.9  # but for channels that see nothing here
    features = [predicted.loss.backbone(picture)[layer] for picture in predicted.pictures for layer in LAYERS]
    plain = torch.stack([torch.cat([v for f in features[i : i + 4] for v in by_hand(f)]) for i in range(0, 24, 4)])
    expected = (plain - plain.mean(dim=0)) / plain.std(dim=0)
    kept = spread > 0.999
    torch.testing.assert_close(known[:, kept], expected[:, kept].float(), atol=1e-2, rtol=1e-2)


def by_hand(features: Tensor) -> tuple[Tensor, Tensor]:
    flat = features[0].double().numpy().reshape(features.shape[1], -1)
    return torch.from_numpy(flat.mean(axis=1)), torch.from_numpy(flat.std(axis=1))


def test_before_the_switch_rows_come_from_the_true_statistics_and_after_it_from_the_estimate(predicted: Parts) -> None:
    net = predicted.net()
    assert isinstance(net, Ghiasi)
    styles = sampler(predicted.plan, predicted.pictures)
    for share, told in ((0.0, True), (5 / 12, True), (6 / 12, False), (11 / 12, False)):
        before = predicted.draw(net, 1, share, styles)
        own = [predicted.pictures.at(before.style), styles.standardized(predicted.loss, before.style)]
        torch.testing.assert_close(before.code, net.predictor(own[1]) if told else net.encode(own[0]))
        with torch.no_grad():
            net.encoder.head[-1].bias += 1
        after = predicted.draw(net, 1, share, styles)
        assert torch.equal(after.style, before.style)
        assert torch.equal(after.code, before.code) is told
        net.zero_grad()
        after.code.square().sum().backward(retain_graph=True)
        learns = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
        assert learns == ({"predictor"} if told else {"predictor", "encoder"})
        net.zero_grad()
        after.terms["encoder"].sum().backward()
        learns = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
        assert learns == {"encoder"}


class Oracle(nn.Module):
    """An encoder that knows the statistics, times `share`."""

    def __init__(self, parts: Parts, share: float) -> None:
        super().__init__()
        self.parts, self.share = parts, share
        self.styles = sampler(parts.plan, parts.pictures)

    def forward(self, pictures: Tensor) -> Tensor:
        if self.share == 0:
            return torch.zeros(len(pictures), STATISTICS)
        return self.styles.standardize(self.parts.loss, statistics(self.parts.loss.content_targets(pictures)))


def test_the_encoder_is_asked_for_the_statistics_of_the_pictures_that_it_is_shown(predicted: Parts) -> None:
    net, errors = predicted.net(), {}
    assert isinstance(net, Ghiasi)
    for share in (0.0, 1.0):
        net.encoder = Oracle(predicted, share)
        drawn = [predicted.draw(net, first).terms["encoder"] for first in (1, 4, 7, 10)]
        assert all(torch.equal(term, term[:1].expand(3)) for term in drawn)
        errors[share] = [float(term[0]) for term in drawn]
    assert min(errors[0.0]) > 0.5
    assert sorted(errors[1.0])[1] < 1e-6  # of pictures as they are
    assert max(errors[1.0]) > 1e-3  # of mirrored ones, whose statistics are a little off


@pytest.mark.parametrize("share", [0.0, 11 / 12])
def test_every_sixteenth_picture_is_to_stay_the_photo(predicted: Parts, share: float) -> None:
    net = predicted.net()
    with torch.no_grad():
        net.styles[-1] += torch.randn(net.styles.shape[1])
    for first, photos in ((0, [0]), (14, [2]), (16, [0]), (17, []), (47, [1])):
        draw = predicted.draw(net, first, share)
        assert [i for i, style in enumerate(draw.style.tolist()) if style == PHOTO] == photos
        for index in range(3):
            assert torch.equal(draw.code[index], net.styles[-1]) is (index in photos)
    assert draw.code.grad_fn is not None


def test_features_that_a_set_never_shows_do_not_drown_the_others(predicted: Parts) -> None:
    """Of a few drawings some channels are dead; of a photo they may not be."""
    styles = sampler(predicted.plan, predicted.pictures)
    dead = predicted.loss.statistics(LAYERS).clone()
    dead[:, -1], scale = 0.003, float(dead.std(dim=0).mean())
    loss = type("Loss", (), {"statistics": lambda self, layers: dead})()
    seen = dead[:1].clone()
    seen[:, -1] = 0.1 * scale
    assert styles.standardize(loss, seen)[0, -1].abs() < 20


def test_measured_styles_are_codes_and_the_content_aims_at_their_statistics(measured: Parts) -> None:
    net = measured.net()
    assert isinstance(net, AdaIN)
    draw = measured.draw(net, first=1)
    drawn = in_turn(6, range(1, 4), 0).tolist()
    assert draw.style.tolist() == [drawn[0], PHOTO, drawn[2]] and draw.terms == {}
    plain = measured.loss.content_targets(measured.batch)
    assert draw.targets.keys() == plain.keys()
    assert torch.equal(draw.targets["pixels"], measured.batch)
    for index in (0, 2):
        picture = measured.loss.backbone(measured.pictures[drawn[index]])["relu4_1"]
        mean, deviation = by_hand(picture)
        torch.testing.assert_close(draw.code[index], torch.cat([mean, deviation]).float(), rtol=1e-3, atol=0.05)
        aim, own = draw.targets["relu4_1"][index : index + 1], plain["relu4_1"][index : index + 1]
        assert not torch.allclose(aim, own, rtol=0.1)
        aimed, before = by_hand(aim), by_hand(own)
        alive = before[1] > 10  # a channel that is 0 everywhere keeps no deviation
        assert alive.float().mean() > 0.5
        torch.testing.assert_close(aimed[0], mean, rtol=1e-3, atol=0.5)
        torch.testing.assert_close(aimed[1][alive], deviation[alive], rtol=0.03, atol=0.5)
        shape = [(x[0].double() - m.view(-1, 1, 1)) / d.view(-1, 1, 1) for x, (m, d) in ((aim, aimed), (own, before))]
        moved = alive & (deviation > 10)
        torch.testing.assert_close(shape[0][moved], shape[1][moved], rtol=1e-2, atol=1e-2)


def test_every_second_picture_of_a_net_that_measures_is_to_come_back(measured: Parts) -> None:
    net = measured.net()
    for first, photos in ((0, [0, 2]), (1, [1]), (8, [0, 2])):
        draw, own = measured.draw(net, first), measured.loss.content_targets(measured.batch)["relu4_1"]
        assert [i for i, style in enumerate(draw.style.tolist()) if style == PHOTO] == photos
        codes = net.photo_code(measured.batch)
        for index in photos:
            torch.testing.assert_close(draw.code[index], codes[index], rtol=1e-3, atol=0.1)
            torch.testing.assert_close(draw.targets["relu4_1"][index], own[index], rtol=1e-3, atol=1)
