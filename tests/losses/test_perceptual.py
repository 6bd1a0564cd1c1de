from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylezoo.backbones import Backbone, create_backbone
from stylezoo.errors import OptionError
from stylezoo.losses import PerceptualLoss
from stylezoo.losses.perceptual import PHOTO


class Squares(Backbone):
    """Features that can be written down: layer "a" is x, "b" its square at half the resolution, "c" 1 - x."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.layers = "squares:test", ("a", "b", "c")
        self.passes: list[tuple[int, str | None]] = []

    def forward(self, x: Tensor, upto: str | None = None) -> dict[str, Tensor]:
        self.passes.append((x.shape[0], upto))
        features = {"a": x, "b": x[..., ::2, ::2].square(), "c": 1 - x}
        stop = self.layers.index(upto) + 1 if upto else None
        return {name: features[name] for name in self.layers[:stop]}


def pictures(seed: int, n: int = 1, h: int = 8, w: int = 6) -> Tensor:
    return torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def taps(x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {"a": x, "b": x[:, ::2, ::2] ** 2, "c": 1 - x}


def gram(x: NDArray[Any]) -> NDArray[Any]:
    flat = x.reshape(len(x), -1)
    return flat @ flat.T / flat.shape[1]


def content_by_hand(x: Tensor, photo: Tensor, layer: str) -> float:
    out, goal = taps(x.numpy())[layer], taps(photo.numpy())[layer]
    return ((out - goal) ** 2).sum() / (goal**2).sum()


def style_by_hand(x: Tensor, style: Tensor, layer: str) -> float:
    out, goal = gram(taps(x.numpy())[layer]), gram(taps(style.numpy())[layer])
    return ((out - goal) ** 2).sum() / (goal**2).sum()


def loss_of(styles: list[Tensor], **options: Any) -> PerceptualLoss:
    return PerceptualLoss(Squares(), styles, **({"content": {"b": 1}, "style": {"a": 1, "c": 1}} | options))


def test_terms_are_weighted_means_over_their_layers_picture_by_picture() -> None:
    output, photo, style = pictures(0, 3), pictures(1, 3), pictures(2, h=10)
    loss = loss_of([style], content={"a": 3, "b": 1}, style={"b": 2, "c": 6})
    terms = loss.terms(output, loss.content_targets(photo))
    pairs = list(zip(output, photo, strict=True))
    content = [0.75 * content_by_hand(o, p, "a") + 0.25 * content_by_hand(o, p, "b") for o, p in pairs]
    np.testing.assert_allclose(terms["content"], content, rtol=1e-9)
    expected = [0.25 * style_by_hand(o, style[0], "b") + 0.75 * style_by_hand(o, style[0], "c") for o in output]
    np.testing.assert_allclose(terms["style"], expected, rtol=1e-9)
    variation = [sum((np.diff(o, axis=axis) ** 2).mean() for axis in (1, 2)) for o in output.numpy()]
    np.testing.assert_allclose(terms["tv"], variation, rtol=1e-9)


def test_total_weighs_the_terms_of_each_picture() -> None:
    output, photo = pictures(0, 2), pictures(1, 2)
    options = {"content_weight": 2.0, "style_weight": 0.5, "sliced_weight": 1.5, "palette_weight": 0.7}
    loss = loss_of([pictures(2)], sliced={"b": 1, "c": 2}, tv_weight=3.0, **options)
    each, whole = loss.terms(output, loss.content_targets(photo)), loss(output, photo)
    assert set(whole) == {"total", "content", "style", "sliced", "palette", "tv"}
    for name, value in each.items():
        assert torch.equal(whole[name], value)
    expected = 2 * whole["content"] + 0.5 * whole["style"] + 0.7 * whole["palette"] + 3 * whole["tv"]
    expected += 1.5 * whole["sliced"]
    np.testing.assert_allclose(whole["total"], expected, rtol=1e-6)
    assert whole["total"].shape == (2,)


def test_emphasis_multiplies_the_style_term_in_the_total_alone() -> None:
    output, photo = pictures(0, 3), pictures(1, 3)
    loss = loss_of([pictures(2)], content_weight=2.0, style_weight=5.0, palette_weight=0.7)
    emphasis = torch.tensor([0.5, 1.0, 2.0])
    plain, pushed = loss(output, photo), loss(output, photo, emphasis=emphasis)
    np.testing.assert_allclose(pushed["total"] - plain["total"], 5 * plain["style"] * (emphasis - 1), atol=1e-6)
    for name in ("content", "style", "sliced", "palette", "tv"):
        assert torch.equal(pushed[name], plain[name])


def test_photo_in_place_of_a_style_asks_for_the_photo_itself() -> None:
    output, photo, styles = pictures(0, 3), pictures(1, 3), [pictures(2), pictures(3)]
    loss = loss_of(styles, palette_weight=1.0, sliced={"c": 1}, sliced_weight=1.0)
    mixed, stylized = loss(output, photo, torch.tensor([1, PHOTO, 0])), loss(output, photo, torch.tensor([1, 1, 0]))
    for name in ("total", "content", "style", "sliced", "palette", "tv"):
        assert torch.equal(mixed[name][[0, 2]], stylized[name][[0, 2]]), name  # its neighbours do not notice
    error = (output[1] - photo[1]).square().sum() / photo[1].square().sum()
    np.testing.assert_allclose(mixed["style"][1], error, rtol=1e-6)
    assert mixed["palette"][1] == 0 < stylized["palette"][1]
    assert mixed["sliced"][1] == 0 < stylized["sliced"][1]
    np.testing.assert_allclose(mixed["content"][1], stylized["content"][1])
    kept = loss(photo, photo, torch.full((3,), PHOTO))
    assert kept["style"].abs().max() == 0 and kept["content"].abs().max() == 0


def test_gradients_of_a_photo_are_of_the_photo_alone() -> None:
    output, photo = pictures(0, 2).requires_grad_(), pictures(1, 2)
    loss_of([pictures(2)], content_weight=0.0)(output, photo, torch.tensor([PHOTO, 0]))["total"].sum().backward()
    assert output.grad is not None
    scale = 10 * 2 / photo[0].square().sum()
    np.testing.assert_allclose(output.grad[0], scale * (output[0] - photo[0]).detach(), rtol=1e-6)
    assert output.grad[1].abs().max() > 0


def test_each_picture_goes_with_its_own_style() -> None:
    output, styles = pictures(0, 3), [pictures(2), pictures(3, h=12), pictures(4, w=9)]
    loss = loss_of(styles, style={"c": 1})
    picks = [2, 0, 1]
    terms = loss.terms(output, loss.content_targets(output), torch.tensor(picks))
    expected = [style_by_hand(o, styles[k][0], "c") for o, k in zip(output, picks, strict=True)]
    np.testing.assert_allclose(terms["style"], expected, rtol=1e-9)
    np.testing.assert_allclose(terms["content"], 0, atol=1e-12)
    first = loss.terms(output, loss.content_targets(output))["style"]
    np.testing.assert_allclose(first, [style_by_hand(o, styles[0][0], "c") for o in output], rtol=1e-9)


@pytest.mark.parametrize("style_term", ["gram", "mean_std"])
def test_a_picture_that_is_its_own_style_and_photo_costs_nothing(style_term: str) -> None:
    picture = pictures(0)
    loss = loss_of([picture], style_term=style_term)
    assert loss(picture, picture)["total"] < 1e-12
    assert loss(1 - picture, picture)["style"] > 1e-3


def test_normalize_reaches_both_terms() -> None:
    output, photo, style = pictures(0), pictures(1), pictures(2)
    loss = loss_of([style], content={"a": 1}, style={"a": 1}, normalize=False)
    terms = loss(output, photo)
    np.testing.assert_allclose(terms["content"], ((output - photo) ** 2).mean(), rtol=1e-9)
    difference = gram(output[0].numpy()) - gram(style[0].numpy())
    np.testing.assert_allclose(terms["style"], (difference**2).sum() / 9, rtol=1e-9)


def test_one_pass_for_the_output_and_one_for_the_photo_that_stops_early() -> None:
    backbone = Squares()
    loss = PerceptualLoss(backbone, [pictures(2), pictures(3)], content={"b": 1, "a": 1}, style={"c": 1})
    assert len(backbone.passes) == 2  # the styles' targets
    backbone.passes.clear()
    loss(pictures(0, 4), pictures(1, 4))
    assert sorted(backbone.passes, key=str) == [(4, "b"), (4, None)]
    backbone.passes.clear()
    targets = loss.content_targets(pictures(1, 4))
    assert set(targets) == {"pixels", "a", "b"}
    loss.terms(pictures(0, 4), targets)
    assert backbone.passes == [(4, "b"), (4, None)]


def test_a_term_may_be_left_out() -> None:
    output, photo, backbone = pictures(0), pictures(1), Squares()
    only_style = PerceptualLoss(backbone, [pictures(2)], content={}, style={"a": 1})
    backbone.passes.clear()
    terms = only_style(output, photo)
    assert terms["content"] == 0 and terms["total"] == 10 * terms["style"] > 0
    assert backbone.passes == [(1, None)]  # the photo is not needed
    only_content = loss_of([pictures(2)], style={})(output, photo)
    assert only_content["style"] == 0 and only_content["total"] == only_content["content"] > 0


@pytest.mark.parametrize("style_term", ["gram", "mean_std"])
def test_statistics_are_the_means_and_deviations_of_every_style(style_term: str) -> None:
    styles = [pictures(seed, h=6 + 2 * seed) for seed in range(4)]
    loss = loss_of(styles, style={"b": 1, "a": 0}, style_term=style_term)
    expected = []
    for style in styles:
        layers = [taps(style[0].numpy())[layer].reshape(3, -1) for layer in ("a", "b")]
        expected.append(np.concatenate([v for x in layers for v in (x.mean(axis=1), np.sqrt(x.var(axis=1) + 1e-5))]))
    np.testing.assert_allclose(loss.statistics(["a", "b"]), expected, rtol=1e-9)
    np.testing.assert_allclose(loss.statistics(["b"]), np.array(expected)[:, 6:], rtol=1e-9)
    with pytest.raises(KeyError):
        loss.statistics(["c"])


def test_styles_are_read_one_at_a_time_and_no_deeper_than_they_are_compared() -> None:
    backbone, held = Squares(), []

    class Read(list[Tensor]):
        def __iter__(self):
            for index in range(3):
                held.append(len(backbone.passes))
                yield pictures(index)

    loss = PerceptualLoss(backbone, Read([pictures(0)]), content={"c": 1}, style={"b": 1})
    assert held == [0, 1, 2] and backbone.passes == [(1, "b")] * 3
    whole = loss_of([pictures(index) for index in range(3)], content={"c": 1}, style={"b": 1})
    x, picks = pictures(5, 3), torch.tensor([2, 0, 1])
    for name, value in loss(x, x, picks).items():
        assert torch.equal(value, whole(x, x, picks)[name])


def test_targets_are_computed_where_the_backbone_is() -> None:
    """Such as thousands of pictures on a GPU; "meta" stands for it here."""
    backbone = create_backbone("vgg19", layers=["relu1_1", "relu2_1"], pretrained=False).to("meta")
    styles = [pictures(seed, h=16, w=16).float() for seed in (0, 1)]
    layers = {"relu1_1": 1.0, "relu2_1": 1.0}
    loss = PerceptualLoss(backbone, styles, content=layers, style=layers, style_term="mean_std")
    assert loss.statistics(["relu1_1", "relu2_1"]).device.type == "meta"
    assert all(value.device.type == "meta" for value in loss.kept.buffers())


@pytest.mark.slow
@pytest.mark.parametrize("normalize", [True, False])
def test_compact_targets_give_the_same_loss(normalize: bool) -> None:
    """On the real backbone, whose Gram matrices are beyond half precision's range, at the errors of a trained net."""
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    backbone, weights = create_backbone("vgg19", layers=layers), dict.fromkeys(layers, 1.0)
    styles = [pictures(seed, h=32, w=32).float() ** (seed + 1) for seed in range(3)]
    exact, compact = (
        PerceptualLoss(backbone, styles, content={"relu4_1": 1}, style=weights, normalize=normalize, compact=compact)
        for compact in (False, True)
    )
    picks, photo = torch.tensor([2, 0, 1]), pictures(9, 3, h=32, w=32).float()
    for share in (1.0, 0.3):  # from far off to close by
        output = torch.lerp(torch.cat([styles[i] for i in picks]), photo, share)
        known, rounded = exact(output, photo, picks), compact(output, photo, picks)
        for name in known:
            torch.testing.assert_close(rounded[name], known[name], rtol=1e-3, atol=0)
        assert (known["style"] > 0).all()
    assert all(term.target.dtype == torch.bfloat16 for term in compact.terms_of("gram").values())
    assert torch.equal(compact.statistics(layers), exact.statistics(layers))
    assert exact.terms_of("gram")["relu4_1"].target.max() > 65504


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"content": {"d": 1}}, "layer 'd', .*squares:test"),
        ({"style": {"a": 1, "relu1_1": 1}}, "layer 'relu1_1'"),
        ({"style_term": "grams"}, "style_term must be one of gram, mean_std, not 'grams'"),
        ({"styles": []}, "at least one style image"),
        ({"sliced": {"d": 1}}, "layer 'd'"),
        ({"sliced_weight": 1.0}, "no layers"),
        ({"palette_space": "hsv"}, "'hsv'"),
        ({"balanced": True, "style_term": "mean_std"}, "balanced"),
        ({"balanced": True, "normalize": False}, "balanced"),
        ({"content": {"a": 0}}, r"content term needs weights .*, not {'a': 0}"),
        ({"style": {"a": 2, "b": -1}}, r"style term needs weights"),
    ],
)
def test_bad_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        loss_of(**({"styles": [pictures(2)]} | options))


def test_gram_matrices_stand_in_for_style_pictures() -> None:
    output, photo, styles = pictures(0), pictures(1), [pictures(2), pictures(3, h=10)]
    by_picture = loss_of(styles)
    grams = [
        {f"gram.{layer}.target": torch.from_numpy(gram(taps(s[0].numpy())[layer]))[None] for layer in ("a", "c")}
        for s in styles
    ]
    by_gram = loss_of(grams)
    targets = by_picture.content_targets(photo)
    for index in range(2):
        expected = by_picture.terms(output, targets, torch.tensor([index]))
        found = by_gram.terms(output, targets, torch.tensor([index]))
        assert found.pop("palette") == 0
        with pytest.raises(KeyError):
            by_gram.statistics(["a"])
        for name, value in found.items():
            torch.testing.assert_close(value, expected[name])


def test_regions_are_compared_with_a_style_each_by_their_area() -> None:
    output, photo, styles = pictures(0, h=8, w=8), pictures(1, h=8, w=8), [pictures(2), pictures(3)]
    loss = loss_of(styles, style={"a": 1})
    left = torch.zeros(1, 1, 8, 8)
    left[..., :2] = 1
    found = loss.terms(output, loss.content_targets(photo), regions=torch.cat([left, 1 - left], dim=1))
    parts = [(output[0, ..., :2], styles[0][0]), (output[0, ..., 2:], styles[1][0])]
    errors = [((gram(x.numpy()) - gram(s.numpy())) ** 2).sum() / (gram(s.numpy()) ** 2).sum() for x, s in parts]
    assert found["style"].item() == pytest.approx(0.25 * errors[0] + 0.75 * errors[1], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "lacking"),
    [
        ({"style_term": "mean_std"}, "'moments'"),
        ({"palette_weight": 1.0}, "'palette'"),
        ({"sliced": {"a": 1}, "sliced_weight": 1.0}, "'sliced'"),
    ],
)
def test_only_gram_matrices_have_regions_or_stand_in_alone(options: dict[str, Any], lacking: str) -> None:
    loss = loss_of([pictures(2)], **options)
    with pytest.raises(OptionError, match="regions need Gram matrices"):
        loss.terms(pictures(0), loss.content_targets(pictures(1)), regions=torch.ones(1, 1, 8, 6))
    grams = {f"gram.{layer}.target": torch.eye(3)[None] for layer in ("a", "c")}
    with pytest.raises(OptionError, match=lacking):
        loss_of([grams], **options)


def test_kept_targets_stand_in_for_the_pictures_they_are_of() -> None:
    output, photo, styles = pictures(0, 2), pictures(1, 2), [pictures(2), pictures(3, h=10)]
    options = {"sliced": {"b": 1, "c": 2}, "sliced_weight": 1.0, "palette_weight": 1.0, "balanced": True}
    by_picture = loss_of(styles, **options)
    by_targets = loss_of([by_picture.style_targets(index) for index in (1, 0)], **options)
    known, found = by_picture(output, photo, torch.tensor([0, 1])), by_targets(output, photo, torch.tensor([1, 0]))
    for name, value in known.items():
        assert torch.equal(found[name], value), name
    assert torch.equal(by_targets.statistics(["a"]), by_picture.statistics(["a"]).flip(0))


def test_a_balanced_loss_looks_at_the_photo_where_styles_are_compared() -> None:
    output, photo, style = pictures(0), 0.1 * pictures(1), pictures(2)
    plain, balanced = (
        loss_of([style], style={"c": 1}, content={"b": 1}, balanced=b)(output, photo) for b in (False, True)
    )
    norm, own = ((gram(taps(x[0].numpy())["c"]) ** 2).sum() for x in (photo, style))
    np.testing.assert_allclose(balanced["style"], plain["style"] * own / (own + norm), rtol=1e-6)


def test_positions_are_redrawn_by_number() -> None:
    """Of large pictures some positions are compared; the same number gives the same ones."""
    loss = loss_of([pictures(2)], sliced={"a": 1}, sliced_weight=1.0)
    output, photo = pictures(0, h=96, w=96), pictures(1, h=96, w=96)
    errors = []
    for number in (1, 2, 1):
        loss.redraw(number)
        errors.append(loss(output, photo)["sliced"].item())
    assert errors[0] == errors[2] != errors[1] == pytest.approx(errors[0], rel=0.2)


def test_descends_on_the_real_backbone_under_bfloat16() -> None:
    """A black photo and a flat style too: no NaN, and a step downhill lowers the loss."""
    backbone = create_backbone("vgg19", layers=["relu1_1", "relu2_1", "relu3_1"])
    layers = {"relu1_1": 1.0, "relu3_1": 1.0}
    styles = [pictures(2, h=32, w=32).float(), torch.zeros(1, 3, 32, 32)]
    loss = PerceptualLoss(backbone, styles, content={"relu2_1": 1.0}, style=layers, tv_weight=1.0)
    photo = torch.cat([pictures(1, h=32, w=32).float(), torch.zeros(1, 3, 32, 32)])
    output = (photo + 0.1).clamp(0, 1).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = loss(output, photo, torch.tensor([0, 1]))
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in before.values())
    before["total"].mean().backward()
    assert output.grad is not None and output.grad.isfinite().all()
    for picture in output.grad:
        assert picture.abs().max() > 0
    step = 0.01 * output.grad / output.grad.abs().amax(dim=(1, 2, 3), keepdim=True)
    assert loss((output - step).detach(), photo, torch.tensor([0, 1]))["total"].mean() < before["total"].mean()
    assert all(p.grad is None for p in backbone.parameters())
