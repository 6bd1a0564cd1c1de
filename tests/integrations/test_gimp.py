"""The plug-in of GIMP 3: headless in the real GIMP where that is installed, and with a fake of its API elsewhere."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

import stylezoo
from stylezoo.cli.main import cli

UDNIE = "Udnie (Young American Girl, The Dance)"
IN_GIMP = """
from gi.repository import Gimp, Gio
def plain(path): return Gio.File.new_for_path(path)
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, plain("FOLDER/photo.png"))
image.get_layers()[0].set_offsets(7, 5)
def call(**values):
    procedure = Gimp.get_pdb().lookup_procedure("stylezoo-stylize")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", [image.get_layers()[-1]])
    for name, value in values.items():
        config.set_property(name.replace("_", "-"), value)
    result = procedure.run(config)
    return result.index(0), Gimp.get_pdb().get_last_error()
print("RESULT", *call(style="udnie"))
image.select_rectangle(Gimp.ChannelOps.REPLACE, 7, 5, 30, 40)
print("RESULT", *call(style_image=plain("FOLDER/style.png"), strength=0.8))
for place, layer in enumerate(image.get_layers()):
    print("LAYER", layer.get_name(), *layer.get_offsets()[1:], layer.get_mask() is not None)
    alone = Gimp.Image.new(layer.get_width(), layer.get_height(), Gimp.ImageBaseType.RGB)
    copied = Gimp.Layer.new_from_drawable(layer, alone)
    alone.insert_layer(copied, None, 0)
    copied.set_offsets(0, 0)
    if copied.get_mask(): copied.remove_mask(Gimp.MaskApplyMode.APPLY)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, alone, plain(f"FOLDER/layer{place}.png"), None)
print("RESULT", *call(style_image=plain("FOLDER/plug-ins/stylize_layers/stylezoo.json")))
print("COUNT", len(image.get_layers()))
"""


def gimp() -> str:
    """Return the console program of GIMP 3; skip the test where there is none."""
    for name in ("gimp-console-3.0", "gimp-console-3", "gimp-console"):
        if found := shutil.which(name):
            told = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
            if " 3." in told:
                return found
    pytest.skip("GIMP 3 is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the plug-in, a photo with transparency, and a style image."""
    result = CliRunner().invoke(cli, ["integrations", "install", "gimp", str(tmp_path)])
    assert result.exit_code == 0, result.output
    photo = Image.fromarray(data.astronaut()).resize((120, 90)).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(tmp_path / "photo.png")
    Image.fromarray(data.coffee()).resize((150, 100)).save(tmp_path / "style.png")
    return tmp_path


def pixels(picture: Any) -> np.ndarray:
    return np.asarray(picture if isinstance(picture, Image.Image) else Image.open(picture)).astype(int)


@pytest.mark.slow
def test_gimp_puts_the_result_above_the_layer(folder: Path) -> None:
    words = [gimp(), "--no-interface", "--new-instance", "--batch-interpreter=python-fu-eval"]
    words += ["-b", IN_GIMP.replace("FOLDER", str(folder)), "--quit"]
    environment = os.environ | {"GIMP3_DIRECTORY": str(folder), "HOME": str(folder)}
    environment["PYTHONPATH"] = str(Path(stylezoo.__file__).parents[1])
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=500)
    lines = done.stdout.splitlines()
    results = [line for line in lines if line.startswith("RESULT")]
    assert len(results) == 3, done.stdout + done.stderr
    assert "SUCCESS" in results[0] and "SUCCESS" in results[1], results
    assert "EXECUTION_ERROR" in results[2] and "stylezoo.json" in results[2], results
    names = [line.split(" ", 1)[1] for line in lines if line.startswith("LAYER")]
    assert names == [f"Background: {UDNIE} 7 5 False", "Background: style 7 5 True", "Background 7 5 False"]
    assert "COUNT 3" in lines  # the failure left no layer
    photo = Image.open(folder / "photo.png")
    expected = stylezoo.load("cin/16").stylize(photo, "udnie")
    shown = pixels(photo)[..., 3] > 0
    assert np.abs(pixels(folder / "layer0.png") - pixels(expected))[shown].max() <= 1
    inside = np.zeros(shown.shape, bool)
    inside[:40, :30] = True
    masked = pixels(folder / "layer1.png")
    assert not masked[~inside][:, 3].any()
    expected = stylezoo.load("ghiasi/lite").stylize(photo, str(folder / "style.png"), strength=0.8)
    assert np.abs(masked - pixels(expected))[inside & shown].max() <= 1


class Layer:
    """A layer of the fake GIMP: a picture at a place."""

    def __init__(self, picture: Image.Image, name: str) -> None:
        self.picture, self.name, self.offsets, self.mask = picture, name, (0, 0), None

    def get_width(self) -> int:
        return self.picture.width

    def get_height(self) -> int:
        return self.picture.height

    def get_name(self) -> str:
        return self.name

    def set_name(self, name: str) -> None:
        self.name = name

    def get_mask(self) -> Any:
        return self.mask

    def get_parent(self) -> None:
        return None

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.offsets

    def set_offsets(self, left: int, top: int) -> None:
        self.offsets = left, top

    def set_opacity(self, percent: float) -> None: ...

    def set_visible(self, visible: bool) -> None: ...


class Canvas:
    """An image of the fake GIMP."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.groups: list[str] = []

    def insert_layer(self, layer: Layer, parent: Any, position: int) -> None:
        self.layers.insert(position, layer)

    def get_item_position(self, layer: Layer) -> int:
        return self.layers.index(layer)

    def undo_group_start(self) -> None:
        self.groups.append("start")

    def undo_group_end(self) -> None:
        self.groups.append("end")

    def delete(self) -> None: ...


@pytest.fixture
def plugin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The installed plug-in, imported with a fake of GIMP's API."""

    def save(mode: Any, image: Canvas, path: str, options: Any) -> None:
        image.layers[0].picture.save(path)

    repository = types.ModuleType("gi.repository")
    path = types.SimpleNamespace(new_for_path=lambda path: path)
    repository.Gio = types.SimpleNamespace(File=path)  # type: ignore[attr-defined]
    repository.GLib = types.SimpleNamespace(  # type: ignore[attr-defined]
        Error=type("Error", (Exception,), {"new_literal": staticmethod(lambda quark, text, code: text)})
    )
    repository.GObject = types.SimpleNamespace(ParamFlags=types.SimpleNamespace(READWRITE=3))  # type: ignore[attr-defined]
    repository.Gimp = types.SimpleNamespace(  # type: ignore[attr-defined]
        PlugIn=type("PlugIn", (), {"__gtype__": None, "error_quark": staticmethod(lambda: 1)}),
        RunMode=types.SimpleNamespace(NONINTERACTIVE=1, INTERACTIVE=0),
        PDBStatusType=types.SimpleNamespace(SUCCESS="success", EXECUTION_ERROR="error", CANCEL="cancel"),
        ImageBaseType=types.SimpleNamespace(RGB=0),
        Image=types.SimpleNamespace(new=lambda width, height, kind: Canvas()),
        Layer=types.SimpleNamespace(new_from_drawable=lambda layer, image: Layer(layer.picture, layer.name)),
        Selection=types.SimpleNamespace(is_empty=lambda image: True),
        file_save=save,
        file_load_layer=lambda mode, image, path: Layer(Image.open(path).copy(), "loaded"),
        progress_init=lambda text: None,
        displays_flush=lambda: None,
        main=lambda kind, words: None,
    )
    module = types.ModuleType("gi")
    module.require_version = lambda name, version: None  # type: ignore[attr-defined]
    module.repository = repository  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gi", module)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    monkeypatch.setenv("PYTHONPATH", str(Path(stylezoo.__file__).parents[1]))
    spec = importlib.util.spec_from_file_location(
        "gimp_stylezoo", folder / "plug-ins" / "stylize_layers" / "stylize_layers.py"
    )
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def call(plugin: Any, image: Canvas, layer: Layer, **values: Any) -> Any:
    chosen = {"quality": "fast", "style": "udnie", "style-image": None, "strength": 1.0, "keep-colors": False, **values}
    config = types.SimpleNamespace(get_property=chosen.__getitem__)
    procedure = types.SimpleNamespace(new_return_values=lambda status, error: (status, error))
    return plugin.run(procedure, 1, image, [layer], config, None)


def test_a_layer_is_stylized_at_its_place(plugin: Any, folder: Path) -> None:
    image, layer = Canvas(), Layer(Image.open(folder / "photo.png").convert("RGB"), "photo")
    image.layers, layer.offsets = [layer], (7, 5)
    status, _ = call(plugin, image, layer, strength=0.5)
    assert status == "success" and image.groups == ["start", "end"]
    assert [(found.name, found.offsets) for found in image.layers] == [(f"photo: {UDNIE}", (7, 5)), ("photo", (7, 5))]
    expected = stylezoo.load("cin/16").stylize(layer.picture, "udnie", strength=0.5)
    assert np.array_equal(pixels(image.layers[0].picture.convert("RGB")), pixels(expected))


def test_a_failure_is_said_in_one_line_and_leaves_the_image_alone(plugin: Any, folder: Path) -> None:
    image, layer = Canvas(), Layer(Image.open(folder / "photo.png"), "photo")
    image.layers = [layer]
    nowhere = types.SimpleNamespace(get_path=lambda: str(folder / "nowhere.png"))
    status, message = call(plugin, image, layer, **{"style-image": nowhere})
    assert (status, image.layers, image.groups) == ("error", [layer], ["start", "end"])
    assert "nowhere.png" in message and "\n" not in message
    settings = plugin.SETTINGS
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"command": ["/no/such/command"]}))
    status, message = call(plugin, image, layer)
    assert status == "error" and "/no/such/command" in message and "integrations install gimp" in message


def test_the_dialog_chooses_model_and_style(plugin: Any) -> None:
    assert plugin.arguments("fast", "udnie", None, 1.0, False) == [
        "--model",
        "cin/16",
        "--style",
        "udnie",
        "--strength",
        "1",
    ]
    fine = plugin.arguments("fine", "udnie", "a b.jpg", 0.5, True)
    assert fine[1:4] == ["ghiasi/lite-large", "--style", "a b.jpg"] and fine[-2:] == ["--preserve-color", "luma"]
