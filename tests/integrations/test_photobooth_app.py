"""The filter of photobooth-app: its stylizing without the app, and all of it in the app where that is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

import stylezoo

FOLDER = Path(__file__).parents[2] / "integrations" / "photobooth_app" / "filter_stylezoo"
IN_THE_APP = """
import json, sys, time
from pathlib import Path
from photobooth.plugins import pm
from photobooth.services.mediaprocessing.processes import process_image_inner
from photobooth.services.mediaprocessing.steps.image import (
    PluginFilters, get_plugin_avail_filters, get_plugin_userselectable_filters,
)
from photobooth.services.config.groups.actions import SingleImageProcessing

pm.hook.start()
config = SingleImageProcessing(image_filter=PluginFilters("FilterStylezoo.udnie"))
pictures = {}
for preview in (False, True):
    pictures[preview] = process_image_inner(file_in=Path("photo.png"), config=config, preview=preview)
    pictures[preview].save(f"{'preview' if preview else 'full'}.png")
pictures[False].resize((400, 320)).save("thumbnail.png")  # what the app gives for a preview
started, count = time.process_time(), 10
for _ in range(count):
    process_image_inner(file_in=Path("thumbnail.png"), config=config, preview=True)
seconds = (time.process_time() - started) / count
other = pm.hook.mp_filter_pipeline_step(image=pictures[False], plugin_filter="FilterPilgram2.aden", preview=True)
plugin = pm.get_plugin("filter_stylezoo.filter_stylezoo")
print(json.dumps({
    "avail": [name for _, name in get_plugin_avail_filters()],
    "choice": [name for _, name in get_plugin_userselectable_filters()],
    "schema": sorted(plugin._config.get_schema()["properties"]),
    "other": other.size,
    "seconds": seconds,
}))
"""


@pytest.fixture(scope="module")
def styles() -> Any:
    spec = importlib.util.spec_from_file_location("booth_styles", FOLDER / "styles.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(data.astronaut()).resize((1000, 800))


def test_a_photo_gets_what_the_package_makes_of_it(styles: Any, photo: Image.Image) -> None:
    small = photo.resize((200, 160))
    expected = stylezoo.load("cin/16").stylize(small, "udnie", strength=0.6, preserve_color="luma")
    found = styles.stylize(small, "cin/16", "udnie", strength=0.6, keep_colors=True)
    assert np.array_equal(np.asarray(found), np.asarray(expected))


def test_a_preview_is_computed_small_and_shown_large(styles: Any, photo: Image.Image, monkeypatch) -> None:
    net, seen = styles.load("cin/16"), []
    stylize = net.stylize
    monkeypatch.setattr(
        net, "stylize", lambda image, *a, **k: (seen.append((image.size, k)), stylize(image, *a, **k))[1]
    )
    preview = styles.stylize(photo, "cin/16", "udnie", preview=True, keep_faces=0.7)
    assert preview.size == photo.size and seen[0][0] == (400, 320)
    assert seen[0][1]["protect"] is None  # no detector for each of sixteen small pictures
    full = styles.stylize(photo, "cin/16", "udnie", keep_faces=0.7)
    assert full.size == photo.size and seen[1][0] == photo.size and seen[1][1]["protect"] == "face:0.7"


def test_transparency_stays(styles: Any, photo: Image.Image) -> None:
    cut = photo.resize((90, 70)).convert("RGBA")
    cut.putalpha(Image.linear_gradient("L").resize(cut.size))
    found = styles.stylize(cut, "cin/16", "the_kiss")
    assert found.mode == "RGBA" and np.array_equal(np.asarray(found)[..., 3], np.asarray(cut)[..., 3])


def test_models_with_named_styles_are_offered(styles: Any) -> None:
    assert {"cin/16", "ghiasi/lite", "johnson/mosaic"} <= set(styles.models())
    assert "gatys/vgg19" not in styles.models()
    assert styles.styles_of("johnson/mosaic") == ["mosaic"]
    assert not any("." in style for model in styles.models() for style in styles.styles_of(model))  # it parts filters


@pytest.fixture
def app(tmp_path: Path, photo: Image.Image) -> Path:
    """The working directory of an app with the plug-in."""
    if importlib.util.find_spec("photobooth") is None:
        pytest.skip("photobooth-app is not installed: pip install photobooth-app")
    shutil.copytree(FOLDER, tmp_path / "plugins" / FOLDER.name)
    photo.save(tmp_path / "photo.png")
    (tmp_path / "config").mkdir()
    return tmp_path


def run_app(app: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", IN_THE_APP], cwd=app, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_app_finds_the_filters_and_runs_them(app: Path, photo: Image.Image) -> None:
    facts = run_app(app)
    ids = [f"FilterStylezoo.{style}" for style in stylezoo.model_info("cin/16").style_ids]
    assert [name for name in facts["avail"] if name.startswith("FilterStylezoo")] == ids
    assert [name for name in facts["choice"] if name.startswith("FilterStylezoo")] == ids
    assert facts["schema"] == ["keep_colors", "keep_faces", "model", "strength", "styles"]
    assert facts["other"] == list(photo.size)  # filters of others still run
    expected = stylezoo.load("cin/16").stylize(photo, "udnie")
    assert np.array_equal(np.asarray(Image.open(app / "full.png")), np.asarray(expected))
    assert Image.open(app / "preview.png").size == photo.size
    assert facts["seconds"] < 1 / 15  # of one core: previews run at 15 frames a second


@pytest.mark.slow
def test_the_admin_page_chooses_model_and_styles(app: Path) -> None:
    settings = {"model": "ghiasi/lite", "styles": ["udnie", "mosaic", "the_kiss"], "strength": 0.0}
    (app / "config" / "plugin_filter_stylezoo.json").write_text(json.dumps(settings))
    facts = run_app(app)
    chosen = [name for name in facts["choice"] if name.startswith("FilterStylezoo")]
    assert chosen == ["FilterStylezoo.udnie", "FilterStylezoo.the_kiss"]  # the model has no mosaic
    full, photo = (np.asarray(Image.open(app / name)).astype(int) for name in ("full.png", "photo.png"))
    assert np.abs(full - photo).max() <= 1  # strength 0
