#!/usr/bin/env python3
"""A plug-in for GIMP 3: stylize the selected layers; each result is a new layer above, masked by the selection.

It runs in the Python of GIMP and calls the command `stylezoo`, which may be in another. `stylezoo integrations install
gimp` copies it, and writes stylezoo.json next to it: the command, and the styles for the menu.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib, GObject  # noqa: E402

NAME = "stylezoo-stylize"
ARTISTIC = "<Image>/Filters/Artistic"
MODELS = {"fast": ("cin/16", "ghiasi/lite"), "fine": ("cin/16-large", "ghiasi/lite-large")}
"""For each quality the model of the named styles, and the one that takes any picture as the style."""
SETTINGS = Path(__file__).with_name("stylezoo.json")


def settings() -> Any:
    """Return {"command": [...], "styles": {id: title}}, as they were when the plug-in was installed."""
    return json.loads(SETTINGS.read_text(encoding="utf-8"))


def arguments(quality: str, style: str, picture: str | None, strength: float, colors: bool) -> list[str]:
    """Return the options of `stylezoo stylize` for what the dialog says; a picture comes first."""
    named, free = MODELS[quality]
    words = ["--model", free if picture else named, "--style", picture or style, "--strength", f"{strength:g}"]
    return words + (["--preserve-color", "luma"] if colors else [])


def stylize(photo: Path, result: Path, options: list[str]) -> None:
    """Call the command; raise RuntimeError with its one line if it fails."""
    words = [*settings()["command"], "stylize", str(photo), "--output", str(result), *options]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError as error:
        raise RuntimeError(f"{words[0]}: {error.strerror}: run 'stylezoo integrations install gimp --force'") from error
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"stylezoo failed with exit code {done.returncode}")


def save(layer: Any, path: Path) -> None:
    """Write a layer alone, in its own size, with its transparency and without its mask."""
    alone = Gimp.Image.new(layer.get_width(), layer.get_height(), Gimp.ImageBaseType.RGB)
    copied = Gimp.Layer.new_from_drawable(layer, alone)
    alone.insert_layer(copied, None, 0)
    if copied.get_mask():
        copied.remove_mask(Gimp.MaskApplyMode.DISCARD)
    copied.set_offsets(0, 0)
    copied.set_opacity(100)
    copied.set_visible(True)
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, alone, Gio.File.new_for_path(str(path)), None)
    alone.delete()


def add(image: Any, layer: Any, path: Path, name: str) -> Any:
    """Load a picture as a layer above another, at its place, masked by the selection if there is one."""
    result = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(path)))
    result.set_name(name)
    image.insert_layer(result, layer.get_parent(), image.get_item_position(layer))
    _, left, top = layer.get_offsets()
    result.set_offsets(left, top)
    if not Gimp.Selection.is_empty(image):
        result.add_mask(result.create_mask(Gimp.AddMaskType.SELECTION))
    return result


def run(procedure: Any, run_mode: Any, image: Any, drawables: list[Any], config: Any, data: Any) -> Any:
    """Stylize the layers in `drawables`; GIMP calls this."""
    if run_mode == Gimp.RunMode.INTERACTIVE and not asked(procedure, config):
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    names = ("quality", "style", "strength", "keep-colors")
    quality, style, strength, colors = (config.get_property(name) for name in names)
    file = config.get_property("style-image")
    picture = file.get_path() if file else None
    Gimp.progress_init("Stylizing")
    image.undo_group_start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            photo, result = (Path(folder) / f"{name}.png" for name in ("photo", "stylized"))
            for layer in drawables:
                save(layer, photo)
                stylize(photo, result, [*arguments(quality, style, picture, strength, colors), "--force"])
                label = Path(picture).stem if picture else settings()["styles"][style]
                add(image, layer, result, f"{layer.get_name()}: {label}")
    except (RuntimeError, OSError) as error:
        problem = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), str(error), 0)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, problem)
    finally:
        image.undo_group_end()
        Gimp.displays_flush()
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


def asked(procedure: Any, config: Any) -> bool:
    """Show the dialog; whether the user confirmed it."""
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    GimpUi.init(NAME)
    dialog = GimpUi.ProcedureDialog(procedure=procedure, config=config)
    dialog.fill(None)
    confirmed: bool = dialog.run()
    dialog.destroy()
    return confirmed


class Stylezoo(Gimp.PlugIn):  # type: ignore[misc]  # GIMP need not be installed to check this
    """What GIMP asks of a plug-in."""

    def do_set_i18n(self, name: str) -> bool:
        return False

    def do_query_procedures(self) -> list[str]:
        return [NAME]

    def do_create_procedure(self, name: str) -> Any:
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        procedure.set_image_types("RGB*")
        mask = Gimp.ProcedureSensitivityMask
        procedure.set_sensitivity_mask(mask.DRAWABLE | mask.DRAWABLES)
        procedure.set_documentation("Stylize layers by a neural net", "The results are new layers, on the CPU.", name)
        procedure.set_menu_label("Stylize (stylezoo)...")
        procedure.set_attribution("stylezoo", "stylezoo, Apache-2.0", "2026")
        procedure.add_menu_path(ARTISTIC)
        add_arguments(procedure, settings()["styles"])
        return procedure


def add_arguments(procedure: Any, styles: dict[str, str]) -> None:
    """Declare what the dialog asks."""
    both = GObject.ParamFlags.READWRITE
    style, quality = Gimp.Choice.new(), Gimp.Choice.new()
    for place, (id, title) in enumerate(styles.items()):
        style.add(id, place, title, "")
    quality.add("fast", 0, "Fast", "cin/16 and ghiasi/lite")
    quality.add("fine", 1, "Fine", "cin/16-large and ghiasi/lite-large: six times the arithmetic")
    procedure.add_choice_argument("style", "_Style", "A painting", style, next(iter(styles)), both)
    procedure.add_file_argument(
        "style-image", "Style _image", "Any picture as the style instead", Gimp.FileChooserAction.OPEN, True, None, both
    )
    procedure.add_choice_argument("quality", "_Quality", "Fast or fine", quality, "fast", both)
    procedure.add_double_argument("strength", "S_trength", "0 is the photo", 0.0, 3.0, 1.0, both)
    procedure.add_boolean_argument("keep-colors", "Keep _hues", "Keep the hues of the photo", False, both)


Gimp.main(Stylezoo.__gtype__, sys.argv)
