from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors import safe_open

import stylezoo
from stylezoo.errors import ModelNotFoundError, OptionError
from stylezoo.evaluate.verify import verify_model
from stylezoo.models import create_model
from stylezoo.publish.release import make_entry
from stylezoo.zoo.fingerprints import own_file, read_fingerprints
from stylezoo.zoo.spec import StyleSpec
from stylezoo.zoo.store import read_header

STORY = "two runs"


@pytest.fixture
def unclear(net_file: Path, tmp_path: Path) -> Path:
    """A weights file whose style's rights nobody has stated."""
    stylizer = stylezoo.load(net_file)
    style = StyleSpec(id="dots", title="Dots", rights="unstated: add the rights to the picture", source="dots.png")
    spec = stylezoo.model_info("mosaic").__class__(
        name="johnson/unclear", family="johnson", arch=stylizer.spec.arch, styles=(style,), license="MIT"
    )
    stylizer.net.save_weights(tmp_path / "unclear.safetensors", spec)
    return tmp_path / "unclear.safetensors"


def test_a_model_of_the_registry_goes_byte_for_byte(tmp_path: Path) -> None:
    entry = make_entry("mosaic", tmp_path)
    assert entry.spec == stylezoo.model_info("johnson/mosaic")
    assert entry.weights.name == "mosaic.safetensors" and not list(tmp_path.iterdir())
    assert entry.fingerprint == read_fingerprints(own_file())["johnson/mosaic"]


def test_a_weights_file_is_rounded_to_float16_and_gets_its_facts(net_file: Path, tmp_path: Path) -> None:
    entry = make_entry(net_file, tmp_path, story=STORY)
    spec = entry.spec
    assert (spec.provenance, spec.story) == ("handmade", STORY)
    assert entry.weights == tmp_path / "johnson/tiny.safetensors"
    with safe_open(entry.weights, "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.float16}  # noqa: SIM118 - no mapping
    assert spec.weights is not None and spec.weights.dtype == "float16"
    assert all(finding.ok for finding in verify_model(spec, entry.weights, entry.fingerprint))
    assert read_header(entry.weights).styles == spec.styles


def test_decoders_are_stored_as_tables_and_a_second_release_loses_nothing(tmp_path: Path) -> None:
    net = stylezoo.load("styleswap/vgg19", device="cpu")
    net.save(tmp_path / "whole.safetensors")
    entry = make_entry(tmp_path / "whole.safetensors", tmp_path, story=STORY, picture=False)
    spec = entry.spec
    assert spec.weights is not None and spec.weights.dtype == "uint8"
    assert spec.weights.bytes < 0.3 * (tmp_path / "whole.safetensors").stat().st_size
    assert all(finding.ok for finding in verify_model(spec, entry.weights, entry.fingerprint))
    again = stylezoo.load(entry.weights, device="cpu").net.state_dict()
    assert all(torch.equal(again[name], value) for name, value in net.net.state_dict().items())


def test_what_training_alone_needs_is_folded_away(any_file: Path, tmp_path: Path) -> None:
    entry = make_entry(any_file, tmp_path, story=STORY)
    assert entry.spec.arch["folded"] is True
    before, after = stylezoo.load(any_file), stylezoo.load(entry.weights)
    style = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(before.net.encode(style), after.net.encode(style), atol=0.02)


def test_the_recipe_of_a_run_tells_no_folders(net_file: Path, run_inputs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(net_file, run / "weights.safetensors")
    from stylezoo.train.recipe import load_recipe

    (run / "recipe.yaml").write_text(load_recipe(run_inputs / "tiny.yaml").to_yaml())
    entry = make_entry(run, tmp_path / "scratch")
    assert (entry.spec.provenance, entry.spec.recipe) == ("recipe", "recipes/johnson/tiny.yaml")
    assert make_entry(run, tmp_path / "scratch", story=STORY).spec.provenance == "handmade"
    recipe = entry.recipe
    assert recipe is not None and str(run_inputs) not in recipe and "/" not in yaml.safe_load(recipe)["data"]["content"]
    assert yaml.safe_load(recipe)["styles"][0]["image"] == "stripes.png"


def test_rights_that_nobody_states_are_asked_for(unclear: Path, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"the rights to the style dots are not stated: give --rights .* and --source"
    ):
        make_entry(unclear, tmp_path, story=STORY)
    entry = make_entry(unclear, tmp_path, rights="CC0-1.0", source="my own", license="CC-BY-4.0", story=STORY)
    style = entry.spec.styles[0]
    assert (style.rights, style.source, entry.spec.license) == ("CC0-1.0", "my own", "CC-BY-4.0")
    assert read_header(entry.weights).license == "CC-BY-4.0"


def test_rights_that_are_stated_are_not_changed(net_file: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"johnson/tiny: .*--rights"):
        make_entry(net_file, tmp_path, rights="mine")
    with pytest.raises(OptionError, match="mosaic is in the registry"):
        make_entry("mosaic", tmp_path, license="MIT")


def test_what_made_a_lone_file_is_asked_for(net_file: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"johnson/tiny: .*--story"):
        make_entry(net_file, tmp_path)


def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="Did you mean"):
        make_entry("johnson/mosiac", tmp_path)


def test_the_picture_shows_the_photo_and_the_painting(net_file: Path, tmp_path: Path) -> None:
    photo = Image.new("RGB", (200, 150), (200, 30, 30))
    entry = make_entry(net_file, tmp_path, story=STORY, photo=photo)
    assert entry.picture is not None
    page = Image.open(io.BytesIO(entry.picture()))
    assert page.format == "JPEG" and page.width > page.height
    colours = [c for _, c in page.getcolors(2**20) if isinstance(c, tuple)]
    assert any(abs(c[0] - 200) + abs(c[1] - 30) + abs(c[2] - 30) < 12 for c in colours)
    assert make_entry(net_file, tmp_path, story=STORY, picture=False).picture is None


def test_the_net_that_is_described_is_the_one_in_the_file(net_file: Path, tmp_path: Path) -> None:
    entry = make_entry(net_file, tmp_path, story=STORY)
    net = create_model(entry.spec.family, **entry.spec.arch, weights=entry.weights)
    assert net.arch == entry.spec.arch
