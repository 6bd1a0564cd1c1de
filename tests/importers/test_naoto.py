from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from skimage import data
from torch import Tensor, nn

import stylezoo
from stylezoo.errors import OptionError, WeightsError
from stylezoo.importers import import_weights
from stylezoo.stylizer.stylizer import Stylizer


def sequential(layout: str, inputs: int) -> nn.Sequential:
    """Return the net that a layout says: a number is a padded convolution with ReLU, p pools, u enlarges."""
    layers: list[nn.Module] = []
    for part in layout.split():
        if part == "p":
            layers.append(nn.MaxPool2d(2, 2, 0, ceil_mode=True))
        elif part == "u":
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        else:
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(inputs, int(part), 3), nn.ReLU()]
            inputs = int(part)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):  # else the picture fades from layer to layer
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.normal_(layer.bias, std=0.05)
    return nn.Sequential(*layers)


class Release:
    """The authors' design in its best-known form, written again: alpha, Bessel's deviations, and all."""

    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(2)
            vgg = sequential("64 64 p 128 128 p 256 256 256 256 p 512", 3)
            colours = nn.Conv2d(3, 3, 1)
            colours.weight.data = torch.eye(3).flip(0)[..., None, None] * 255  # RGB in [0, 1] to BGR in 0..255
            colours.bias.data = -torch.tensor([103.939, 116.779, 123.68])
            vgg[1].weight.data /= 60
            self.encoder = nn.Sequential(colours, *vgg).requires_grad_(False)
            self.decoder = sequential("256 u 256 256 256 128 u 128 64 u 64 3", 512)[:-1].requires_grad_(False)
            self.decoder[-1].weight *= 0.2
            self.decoder[-1].bias.fill_(0.5)

    def moments(self, features: Tensor) -> tuple[Tensor, Tensor]:
        flat = features.flatten(2)
        return flat.mean(dim=2)[..., None, None], (flat.var(dim=2) + 1e-5).sqrt()[..., None, None]

    def __call__(self, content: Tensor, style: Tensor, alpha: float = 1.0) -> Tensor:
        features = self.encoder(content)
        mean, deviation = self.moments(features)
        style_mean, style_deviation = self.moments(self.encoder(style))
        transferred = (features - mean) / deviation * style_deviation + style_mean
        return self.decoder(alpha * transferred + (1 - alpha) * features)


@pytest.fixture(scope="module")
def release() -> Release:
    return Release()


@pytest.fixture(scope="module")
def files(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with decoder.pth and vgg_normalised.pth, which goes on behind relu4_1. Not to be changed."""
    folder = tmp_path_factory.mktemp("release")
    torch.save(release.decoder.state_dict(), folder / "decoder.pth")
    deeper = {"32.weight": torch.zeros(512, 512, 3, 3), "32.bias": torch.zeros(512), "51.bias": torch.zeros(512)}
    torch.save(release.encoder.state_dict() | deeper, folder / "vgg_normalised.pth")
    return folder


@pytest.fixture(scope="module")
def imported(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec, net = import_weights(
        files / "decoder.pth", encoder=files / "vgg_normalised.pth", name="adain/release", license="MIT"
    )
    assert spec.styles == () and spec.kind == "arbitrary"
    assert "decoder.pth, sha256" in str(spec.story) and "vgg_normalised.pth, sha256" in str(spec.story)
    net.save_weights(path := tmp_path_factory.mktemp("imported") / "release.safetensors", spec)
    return path


@pytest.fixture(scope="module")
def stylizer(imported: Path) -> Stylizer:
    return stylezoo.load(imported, device="cpu")


def picture(name: str, height: int, width: int) -> Tensor:
    pixels = getattr(data, name)()[:height, 100 : 100 + width].copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


@pytest.mark.slow
@torch.no_grad()
def test_it_stylizes_as_the_release_does(release: Release, stylizer: Stylizer) -> None:
    """At every alpha, and with a style whose size is no multiple of eight."""
    photo, style = picture("astronaut", 48, 64), picture("coffee", 71, 93)
    code = stylizer.net.encode(style)
    start = stylizer.net.photo_code(photo)
    assert start is not None
    for alpha in (1.0, 0.4, 0.0):
        expected = release(photo, style, alpha).clamp(0, 1)
        assert expected.std() > 0.05
        stylized = stylizer.net(photo, torch.lerp(start, code, alpha))
        torch.testing.assert_close(stylized, expected, atol=2e-4, rtol=0)
        by_name = stylizer.stylize(photo, style, strength=alpha, palette=0, style_size=None)
        torch.testing.assert_close(by_name, expected, atol=2e-4, rtol=0)
    assert (release(photo, style) - release(photo, photo)).abs().mean() > 0.02


def test_the_encoder_travels_in_the_file(imported: Path, stylizer: Stylizer) -> None:
    assert stylizer.spec.arch == {"styles": 0, "encoder": "vgg19:normalised"}
    assert {name.partition(".")[0] for name in load_file(imported)} == {"styles", "decoder", "encoder"}
    assert not any(name.startswith("encoder.convs.relu4_2") for name in load_file(imported))


@pytest.mark.slow
def test_cards_are_for_nets_with_that_encoder_alone(imported: Path, stylizer: Stylizer, tmp_path: Path) -> None:
    style = picture("coffee", 64, 64)
    card = stylizer.card(style, id="cup", rights="CC0-1.0", style_size=None)
    again = stylezoo.load(imported, device="cpu").add_card(card)
    again.save(tmp_path / "with_cup.safetensors")
    again = stylezoo.load(tmp_path / "with_cup.safetensors", device="cpu")
    photo = picture("astronaut", 32, 32)
    assert again.styles == ("cup",)
    torch.testing.assert_close(again.stylize(photo, "cup"), stylizer.stylize(photo, style, style_size=None))
    with torch.no_grad():
        again.net.encoder.get_submodule("colours").bias += 1
    with pytest.raises(WeightsError, match="made for another trunk"):
        Stylizer(again.spec, again.net).add_card(stylizer.card(style, id="other", style_size=None))


@pytest.mark.slow
def test_half_precision_stylizes_alike(imported: Path, stylizer: Stylizer) -> None:
    half = stylezoo.load(imported, device="cpu", dtype="float16")
    photo, style = picture("astronaut", 32, 48), picture("coffee", 64, 64)
    difference = (half.stylize(photo, style, style_size=None) - stylizer.stylize(photo, style, style_size=None)).abs()
    assert difference.max() < 0.05 and difference.mean() < 0.005


# What is refused


def test_a_decoder_without_its_encoder_says_what_to_give(files: Path) -> None:
    with pytest.raises(OptionError, match=r"needs the encoder .*--encoder vgg_normalised.pth"):
        import_weights(files / "decoder.pth", name="adain/release", license="MIT")


def test_an_encoder_is_no_net(files: Path) -> None:
    with pytest.raises(OptionError, match=r"vgg_normalised.pth is an encoder, not a net: give its decoder"):
        import_weights(files / "vgg_normalised.pth", name="adain/release", license="MIT")


def test_another_file_as_the_encoder_is_named(files: Path, narrow: nn.Module, tmp_path: Path) -> None:
    decoder = files / "decoder.pth"
    with pytest.raises(WeightsError, match=r"--encoder .*decoder.pth is a decoder: give vgg_normalised.pth"):
        import_weights(decoder, encoder=decoder, name="adain/release", license="MIT")
    torch.save(narrow.state_dict(), other := tmp_path / "mosaic.pth")
    with pytest.raises(WeightsError, match=r"--encoder .*mosaic.pth is no encoder of an AdaIN decoder"):
        import_weights(decoder, encoder=other, name="adain/release", license="MIT")
    with pytest.raises(OptionError, match=r"--encoder is for AdaIN decoders, but .*mosaic.pth is none"):
        import_weights(other, encoder=files / "vgg_normalised.pth", name="johnson/mosaic", license="MIT")


@pytest.mark.parametrize(
    ("file", "name", "message"),
    [
        (
            "decoder.pth",
            "18.weight",
            r"decoder.pth does not fit adain\(.*'18.weight' has shape \(1,\) in place of \(128",
        ),
        ("vgg_normalised.pth", "16.bias", r"vgg_normalised.pth does not fit adain\(.*'16.bias' has shape \(1,\)"),
    ],
)
def test_other_shapes_are_told_in_the_names_of_the_file(
    file: str, name: str, message: str, files: Path, tmp_path: Path
) -> None:
    torch.save(torch.load(files / file) | {name: torch.zeros(1)}, tmp_path / file)
    paths = {which: (tmp_path if which == file else files) / which for which in ("decoder.pth", "vgg_normalised.pth")}
    with pytest.raises(WeightsError, match=message):
        import_weights(paths["decoder.pth"], encoder=paths["vgg_normalised.pth"], name="adain/release", license="MIT")
