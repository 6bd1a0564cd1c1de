from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torch import Tensor

import stylezoo
from stylezoo.errors import BackboneError, OptionError, StyleError, WeightsError
from stylezoo.models import Gatys, create_model
from stylezoo.models.gatys_options import Options
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.torch_runtime import memory

EARLY: dict[str, Any] = {"content_layers": "relu2_1", "style_layers": ["relu1_1", "relu2_1"]}
"""Layers that take no time."""


def picture(name: str, height: int = 48, width: int = 40, *, dtype: torch.dtype = torch.float32) -> Tensor:
    pixels = Image.fromarray(getattr(data, name)()).resize((width, height))
    return torch.from_numpy(np.asarray(pixels) / 255).permute(2, 0, 1)[None].to(dtype)


PHOTO, STYLE, OTHER = picture("astronaut"), picture("coffee", 64, 80), picture("chelsea", 64, 64)


@pytest.fixture(scope="module")
def model() -> Stylizer:
    """The bundled record. Not to be changed."""
    return stylezoo.load("gatys/vgg19")


@pytest.fixture(scope="module")
def early() -> Gatys:
    """In float64, with layers that take no time. Not to be changed."""
    net = create_model("gatys").double().tuned(**EARLY, tv_weight=3.0)
    assert isinstance(net, Gatys)
    return net


def run(model: Stylizer, photo: Any = PHOTO, style: Any = STYLE, **options: Any) -> tuple[Any, list[dict[str, float]]]:
    """Return the painting and the terms of each step, few and of shallow layers unless said otherwise."""
    terms: list[dict[str, float]] = []
    settings = {"steps": 6, "style_size": 64, **EARLY} | options
    return model.stylize(photo, style, callback=lambda step, image, found: terms.append(found), **settings), terms


# The loss, by other means


def gram(features: NDArray[Any], counts: NDArray[Any]) -> NDArray[Any]:
    total = sum(counts[i, j] * np.outer(f := features[:, i, j], f) for i, j in np.ndindex(counts.shape))
    return total / counts.sum()


def error(a: NDArray[Any], b: NDArray[Any]) -> float:
    return ((a - b) ** 2).sum() / (b**2).sum()


@pytest.mark.slow
@pytest.mark.parametrize("guided", [False, True])
def test_terms_are_those_of_the_formulas(early: Gatys, guided: bool) -> None:
    """Against plain NumPy in float64, position by position; masks are averaged over what a position stands for."""
    x, photo = (picture(name, 32, 40, dtype=torch.float64) for name in ("rocket", "astronaut"))
    styles = [STYLE.double(), OTHER.double()][: 1 + guided]
    codes = torch.cat([early.encode(style) for style in styles])
    ramp = torch.linspace(0, 1, 40, dtype=torch.float64).expand(1, 1, 32, 40) ** 2
    regions = torch.cat([ramp, 1 - ramp], dim=1) if guided else None
    terms = early.objective(photo, codes, regions)(x)

    def features(y: Tensor, layer: str) -> NDArray[Any]:
        return early.backbone(y)[layer][0].numpy()

    content = error(features(x, "relu2_1"), features(photo, "relu2_1"))
    style = 0.0
    for layer, cell in (("relu1_1", 1), ("relu2_1", 2)):
        for index, picked in enumerate(styles):
            shares = np.ones((32, 40)) if regions is None else regions[0, index].numpy()
            shares = shares.reshape(32 // cell, cell, 40 // cell, cell).mean(axis=(1, 3))
            goal = features(picked, layer)
            found = gram(features(x, layer), shares)
            style += 0.5 * shares.mean() * error(found, gram(goal, np.ones(goal.shape[1:])))
    variation = sum((np.diff(x[0].numpy(), axis=axis) ** 2).mean() for axis in (1, 2))
    assert terms["content"].item() == pytest.approx(content, rel=1e-9)
    assert terms["style"].item() == pytest.approx(style, rel=1e-9)
    assert terms["tv"].item() == pytest.approx(variation, rel=1e-9)
    assert terms["total"].item() == pytest.approx(content + 10 * style + 3 * variation, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("deep", [False, True])
def test_the_slope_is_that_of_finite_differences(early: Gatys, deep: bool) -> None:
    net = create_model("gatys").double().tuned(tv_weight=3.0) if deep else early
    assert isinstance(net, Gatys)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, 3, 32, 32, generator=generator, dtype=torch.float64)  # without the ties of flat parts
    photo = picture("astronaut", 32, 32, dtype=torch.float64)
    codes = torch.cat([net.encode(STYLE.double()), net.encode(OTHER.double())])
    regions = torch.cat([ramp := torch.linspace(0, 1, 32).double().expand(1, 1, 32, 32), 1 - ramp], dim=1)
    objective = net.objective(photo, codes, regions)
    (slope,) = torch.autograd.grad(objective(x.requires_grad_())["total"], x)
    with torch.no_grad():
        for _ in range(3):
            way = torch.randn(x.shape, generator=generator, dtype=x.dtype) * 1e-7
            measured = (objective(x + way)["total"] - objective(x - way)["total"]) / 2
            assert (slope * way).sum().item() == pytest.approx(measured.item(), rel=1e-4)


def test_parts_of_a_style_image_have_guided_gram_matrices(early: Gatys) -> None:
    style, left = STYLE.double(), torch.zeros(1, 1, 64, 80, dtype=torch.float64)
    left[..., :30] = 1
    found = early.encode(style, torch.cat([left, 1 - left], dim=1))
    features = early.backbone(style)["relu2_1"][0].double().numpy()
    pooled = left[0, 0].reshape(32, 2, 40, 2).mean(dim=(1, 3)).numpy()
    width, first = early.channels["relu2_1"], early.channels["relu1_1"] ** 2
    for k, counts in enumerate((pooled, 1 - pooled)):
        expected = gram(features, counts)
        np.testing.assert_allclose(found[k, first : first + width**2].view(width, width).numpy(), expected, rtol=1e-9)
    torch.testing.assert_close(early.encode(style, torch.ones_like(left)), early.encode(style))


def test_mixed_codes_have_the_slope_of_the_weighted_losses(early: Gatys) -> None:
    """Up to the size that each style's error is relative to."""
    x, photo = PHOTO.double().requires_grad_(), picture("rocket", dtype=torch.float64)
    net = early.tuned(style_layers="relu1_1", content_weight=0, tv_weight=0)
    codes = [net.encode(style.double()) for style in (STYLE, OTHER)]
    mixed = 0.3 * codes[0] + 0.7 * codes[1]
    width = net.channels["relu1_1"] ** 2

    def slope(code: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(net.objective(photo, code)(x)["total"], x)
        return found * code[0, :width].square().sum()

    torch.testing.assert_close(slope(mixed), 0.3 * slope(codes[0]) + 0.7 * slope(codes[1]), rtol=1e-6, atol=1e-12)


# Painting


def test_the_loss_falls_and_the_same_bits_come_again(model: Stylizer) -> None:
    photo = Image.fromarray((PHOTO[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
    stylized, terms = run(model, photo, steps=12)
    assert isinstance(stylized, Image.Image) and stylized.size == photo.size
    assert len(terms) == 13 and terms[0]["content"] == pytest.approx(0, abs=1e-6)
    assert terms[-1]["total"] < 0.3 * terms[0]["total"]
    assert run(model, photo, steps=12)[0].tobytes() == stylized.tobytes()


@pytest.mark.slow
def test_all_layers_of_the_paper_are_descended_by_default(model: Stylizer) -> None:
    terms: list[dict[str, float]] = []
    model.stylize(PHOTO, STYLE, style_size=64, steps=8, callback=lambda step, image, found: terms.append(found))
    assert terms[-1]["total"] < 0.5 * terms[0]["total"]
    assert model.net.channels == {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["johnson/mosaic", "cin/16", "ghiasi/lite"])
def test_it_goes_below_what_a_net_makes_of_its_own_objective(name: str) -> None:
    """Of every family that is trained on Gram matrices, with the recipe's layers and weights.

    The paintings of cin/16 are not in the repository. In their place stands what the net makes of another photo, to
    whose Gram matrices its pictures are nearer still.
    """
    from stylezoo.data.styles import read_style
    from stylezoo.evaluate.equivalents import iterations_to
    from stylezoo.losses import PerceptualLoss
    from stylezoo.train.recipe import load_recipe

    net = stylezoo.load(name, device="cpu")
    assert net.spec.recipe is not None
    mosaic = read_style(Path(__file__).parents[2] / "recipes" / "styles" / "mosaic.jpg", 256)
    style = {"single": None, "multi": "starry_night", "arbitrary": mosaic}[net.kind]
    target = net.stylize(picture("coffee", 192, 256), style) if net.kind == "multi" else mosaic
    loss = load_recipe(net.spec.recipe).loss
    assert loss.style_term == "gram"
    objective = PerceptualLoss(
        stylezoo.create_backbone(loss.backbone, layers=[*loss.content, *loss.style]),
        [target],
        content=loss.content,
        style=loss.style,
        content_weight=loss.content_weight,
        style_weight=loss.style_weight,
        palette_weight=loss.palette_weight,
        tv_weight=loss.tv_weight,
        normalize=loss.normalize,
    )
    photo = picture("astronaut", 64, 64)
    stylized = net.stylize(photo, style)
    count = iterations_to(stylized, photo, objective, 0, limit=40)
    assert count is not None and 1 <= count < 40
    assert iterations_to(stylized, photo, objective, 0, limit=count - 1) is None
    assert iterations_to(photo, photo, objective, 0) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "option",
    [
        {"optimizer": "adam"},
        {"lr": 0.3},
        {"start": "noise"},
        {"start": OTHER},
        {"content_layers": "relu1_1"},
        {"content_layers": {"relu1_1": 3, "relu2_1": 1}},
        {"style_layers": "relu1_1"},
        {"style_layers": {"relu1_1": 1, "relu2_1": 5}},
        {"content_weight": 30},
        {"style_weight": 0.1},
        {"tv_weight": 100.0},
        {"pooling": "avg"},
        {"style": [STYLE, OTHER]},
        {"style": OTHER},
        {"style_size": 40},
    ],
    ids=lambda option: " ".join(option),
)
def test_each_option_has_its_effect(model: Stylizer, option: dict[str, Any]) -> None:
    plain, changed = run(model)[0], run(model, **option)[0]
    assert changed.shape == plain.shape and (changed - plain).abs().mean() > 1e-3


def test_smoothness_is_bought_by_its_weight(model: Stylizer) -> None:
    rough, smooth = (run(model, steps=15, tv_weight=weight)[1][-1] for weight in (0, 300))
    assert smooth["tv"] < 0.6 * rough["tv"] and smooth["style"] > rough["style"]


def test_noise_is_the_seeds(model: Stylizer) -> None:
    first, again, other = (run(model, start="noise", seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and (first - other).abs().mean() > 0.05


@pytest.mark.slow
def test_a_weight_of_0_leaves_the_other_term_alone(model: Stylizer) -> None:
    texture = run(model, start="noise", content_weight=0)[1]
    assert all(t["total"] == pytest.approx(10 * t["style"], rel=1e-5) for t in texture)
    assert run(model, content_weight=0, start="noise")[0].equal(
        run(model, PHOTO.flip(2), content_weight=0, start="noise")[0]
    )
    photo = run(model, start="noise", style_weight=0, steps=40)
    assert photo[1][-1]["total"] < 0.1
    distance = (photo[0] - PHOTO).abs().mean()
    assert distance < 0.6 * (run(model, start="noise", steps=1)[0] - PHOTO).abs().mean()


# Stages, and what is told on the way


def test_stages_grow_and_the_callback_counts_through_them(model: Stylizer) -> None:
    seen: list[tuple[int, tuple[int, ...]]] = []

    def note(step: int, image: Tensor, terms: dict[str, float]) -> None:
        assert set(terms) == {"total", "content", "style", "tv"} and 0 <= image.min() <= image.max() <= 1
        seen.append((step, tuple(image.shape)))

    photo = picture("astronaut", 70, 131)
    stylized = model.stylize(photo, STYLE, steps=5, stages=2, callback=note, **EARLY)
    assert stylized.shape == photo.shape
    assert seen == [(i, (1, 3, 35, 65)) for i in range(6)] + [(6, (1, 3, 70, 131)), (7, (1, 3, 70, 131))]


@pytest.mark.slow
def test_the_last_stage_starts_at_what_the_coarser_one_came_to(model: Stylizer) -> None:
    photo = picture("astronaut", 96, 96)
    _, fine = run(model, photo, start="noise", steps=20)
    _, both = run(model, photo, start="noise", steps=20, stages=2)
    assert len(both) == 20 + 1 + 8
    assert both[21]["total"] < fine[1]["total"]


@pytest.mark.parametrize(
    ("size", "options", "stages"),
    [
        ((512, 340), {}, 1),
        ((640, 480), {}, 1),
        ((641, 480), {}, 2),
        ((1024, 768), {}, 2),
        ((1300, 900), {}, 3),
        ((9000, 90), {}, 2),
        ((9000, 40), {}, 1),
        ((1024, 768), {"start": OTHER}, 1),
        ((1024, 768), {"stages": 1}, 1),
        ((256, 256), {"stages": 3}, 3),
    ],
)
def test_the_stages_depend_on_the_size(
    early: Gatys, size: tuple[int, int], options: dict[str, Any], stages: int
) -> None:
    assert early.tuned(**options)._stages(*size) == stages


def test_a_callback_may_end_the_painting_and_another_go_on_from_it(model: Stylizer) -> None:
    seen: list[float] = []

    def stop(step: int, image: Tensor, terms: dict[str, float]) -> bool:
        seen.append(terms["total"])
        return step == 4

    stylized = model.stylize(PHOTO, STYLE, style_size=64, callback=stop, **EARLY)
    assert len(seen) == 5
    further = run(model, start=stylized)[1]
    assert further[0]["total"] == pytest.approx(seen[-1], rel=1e-4)
    assert further[-1]["total"] < seen[-1]


def test_progress_is_shown_on_stderr_alone_when_asked_for(model: Stylizer, capsys: pytest.CaptureFixture[str]) -> None:
    run(model)
    assert capsys.readouterr() == ("", "")
    run(model, progress=True)
    told = capsys.readouterr()
    assert told.out == "" and "content=" in told.err and "/6 [" in told.err


def test_it_stylizes_no_tiles(model: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"gatys .* cannot use tiles: leave tile=32"):
        run(model, tile=32)
    whole = run(model)[0]
    monkeypatch.setattr(memory, "free_memory", lambda device: 0)
    assert torch.equal(run(model, tile="auto")[0], whole)


# What it has in common with nets


def test_masks_leave_the_outside_untouched(model: Stylizer) -> None:
    mask = torch.zeros(48, 40, dtype=torch.bool)
    mask[:, :20] = True
    stylized = run(model, mask=mask)[0]
    assert torch.equal(stylized[..., 20:], PHOTO[..., 20:])
    assert (stylized - PHOTO)[..., :20].abs().mean() > 0.02
    assert torch.equal(run(model, mask=mask & False)[0], PHOTO)


@pytest.mark.slow
def test_each_region_has_its_own_style(model: Stylizer) -> None:
    """In Gram matrices over the region alone each half comes nearer to its own style, and there alone."""
    photo, left = picture("astronaut", 64, 96), torch.zeros(64, 96, dtype=torch.bool)
    left[:, :48] = True
    stylized = run(model, photo, OTHER, mask=[(STYLE, left)], steps=20, style_weight=100)[0]
    net = model.net.tuned(**EARLY)
    assert isinstance(net, Gatys)
    codes = [net.encode(style) for style in (STYLE, OTHER)]

    def distance(part: Tensor, code: Tensor) -> float:
        return net.objective(part, code)(part)["style"].item()

    for half, own, foreign in ((stylized[..., :48], *codes), (stylized[..., 48:], *codes[::-1])):
        assert distance(half, own) < 0.5 * distance(half, foreign)


def test_strength_fades_into_the_photo(model: Stylizer) -> None:
    whole, half = run(model)[0], run(model, strength=0.5)[0]
    torch.testing.assert_close(half, (whole + PHOTO) / 2)
    assert torch.equal(run(model, strength=0)[0], PHOTO)


@pytest.mark.slow
def test_colours_are_kept_as_by_nets(model: Stylizer) -> None:
    from stylezoo.images.color import keep_luma, match_stats

    plain = run(model)[0]
    torch.testing.assert_close(run(model, preserve_color="luma")[0], keep_luma(plain, PHOTO))
    matched = run(model, preserve_color="stats")[0]
    expected = run(model, style=match_stats(STYLE, PHOTO), style_size=None)[0]
    torch.testing.assert_close(
        matched, run(model, style=STYLE, style_size=None, preserve_color="stats")[0], atol=0.2, rtol=0
    )
    torch.testing.assert_close(run(model, style_size=None, preserve_color="stats")[0], expected, atol=1e-3, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 70), (33, 32)])
def test_pictures_of_any_size_are_stylized(model: Stylizer, height: int, width: int) -> None:
    photo, style = picture("astronaut", height, width), picture("coffee", width, height)
    stylized = model.stylize(photo, style, steps=2, style_size=64)
    assert stylized.shape == (1, 3, height, width)


@pytest.mark.slow
def test_a_code_serves_many_photos_and_batches(model: Stylizer) -> None:
    settings: dict[str, Any] = {"steps": 3, **EARLY}
    code = model.encode_style(STYLE, **EARLY)
    photos = [PHOTO, PHOTO.flip(3)]
    batch = list(model.stylize_batch(photos, code, **settings))
    for photo, stylized in zip(photos, batch, strict=True):
        assert torch.equal(stylized, model.stylize(photo, code, **settings))
    with torch.inference_mode():
        assert torch.equal(model.stylize(PHOTO, code, **settings), batch[0])
    with pytest.raises(StyleError, match=rf"gatys/vgg19: .*{code.values.size} numbers"):
        model.stylize(PHOTO, code)


def test_options_last_for_one_painting(model: Stylizer) -> None:
    before = model.net
    run(model)
    assert model.net is before and before.how == Options()


# What is refused


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be a whole number from 1 to 1000000, not 0"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"optimizer": "lbgfs"}, "optimizer must be lbfgs or adam, not 'lbgfs'. Did you mean lbfgs?"),
        ({"lr": 0}, "lr must be above 0"),
        ({"lr": float("nan")}, "lr must be above 0"),
        ({"start": "nois"}, "start must be photo, noise or a picture, not 'nois'. Did you mean noise?"),
        ({"start": torch.zeros(2, 3, 8, 8)}, "start must be one picture, but .* has 2"),
        ({"stages": 4}, "stages must be a whole number from 1 to 3, not 4"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"style_weight": -1}, "style_weight must be a number of at least 0, not -1"),
        ({"style_weight": 0, "content_weight": 0}, "both 0"),
        ({"content_layers": []}, "content_layers must name at least one layer"),
        ({"style_layers": {"relu1_1": -1}}, "the weight of relu1_1 must be a number of at least 0, not -1"),
        ({"style_layers": {"relu1_1": 0}}, "style_layers: all weights are 0"),
        ({"pooling": "mean"}, "pooling must be max or avg, not 'mean'"),
        ({"callback": 3}, "callback must be a function"),
        ({"stps": 3}, "gatys/vgg19 has no option 'stps'. Did you mean steps"),
        ({"device": "cpu"}, "gatys/vgg19 has no option 'device': pass it to stylezoo.load"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_bad_options_are_named(model: Stylizer, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        model.stylize(PHOTO, STYLE, **options)


def test_unknown_layers_list_the_nearest(model: Stylizer) -> None:
    with pytest.raises(BackboneError, match=r"vgg19 has no layer 'relu4_11'.* Did you mean relu4_1"):
        model.stylize(PHOTO, STYLE, style_layers="relu4_11")


def test_a_net_takes_none_of_these_options(net_file: Path) -> None:
    net = stylezoo.load(net_file)
    with pytest.raises(OptionError, match=r"steps is for gatys models, and johnson/tiny is none"):
        net.stylize(PHOTO, steps=30)
    with pytest.raises(OptionError, match="start is for gatys models"):
        list(net.stylize_batch([PHOTO], start="noise"))
    with pytest.raises(OptionError, match=r"has no option 'strenght'.* Did you mean strength?"):
        net.stylize(PHOTO, strenght=1)


@pytest.mark.slow
def test_there_are_no_weights_to_save_or_load(model: Stylizer, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights to save"):
        model.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())
    with pytest.raises(WeightsError, match="no weights to load"):
        create_model("gatys", weights={})
    with pytest.raises(StyleError, match="style cards are for"):
        model.card(STYLE, id="mine")


def test_half_precision_is_refused_in_one_line() -> None:
    with pytest.raises(OptionError, match="gatys needs float32 or float64, not float16"):
        stylezoo.load("gatys/vgg19", dtype="float16").stylize(PHOTO, STYLE, steps=1, style_size=64)


def test_a_style_must_be_given(model: Stylizer) -> None:
    with pytest.raises(StyleError, match=r"gatys/vgg19 needs a style .*give a picture"):
        model.stylize(PHOTO)
