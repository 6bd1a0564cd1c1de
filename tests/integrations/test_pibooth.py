"""The plug-in of pibooth: in the real pibooth where that is installed, and its grid of small pictures without."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

PLUGIN = Path(__file__).parents[2] / "integrations" / "pibooth" / "pibooth_stylezoo.py"

IN_PIBOOTH = """
import json, os, sys
from pathlib import Path
os.environ |= {"SDL_VIDEODRIVER": "dummy", "GPIOZERO_PIN_FACTORY": "mock"}
import numpy as np, pibooth, pygame
from PIL import Image
from pibooth import language
from pibooth.booth import BUTTONDOWN, PiApplication
from pibooth.camera.base import BaseCamera
from pibooth.config import PiConfigParser
from pibooth.plugins import create_plugin_manager
from skimage import data

class Camera(BaseCamera):
    def preview(self, window, flip=True): pass
    def preview_countdown(self, timeout, alpha=60): pass
    preview_wait = preview_countdown
    def stop_preview(self): pass
    def capture(self, effect=None): self._captures.append(Image.fromarray(data.astronaut()).resize((320, 240)))
    def _post_process_capture(self, capture): return capture
    def quit(self): pass

class Booth:
    @pibooth.hookimpl
    def pibooth_setup_camera(self, cfg): return Camera(None)

folder, styles = Path(sys.argv[1]), sys.argv[2]
if __name__ == "__main__":
    manager = create_plugin_manager()
    config = PiConfigParser(str(folder / "pibooth.cfg"), manager)
    manager.load_all_plugins([sys.argv[3]])
    manager.register(Booth())
    language.init(str(folder / "translations.cfg"))
    manager.hook.pibooth_configure(cfg=config)
    for section, key, value in [
        ("GENERAL", "directory", str(folder / "pictures")), ("WINDOW", "size", "(800, 480)"),
        ("WINDOW", "flash", "False"), ("WINDOW", "chosen_delay", "0"), ("WINDOW", "animate", "False"),
        ("PICTURE", "captures", "1"), ("STYLEZOO", "styles", styles),
    ]:
        config.set(section, key, value)
    app = PiApplication(config, manager)
    app._initialize()
    app._machine.remove_state("failsafe")
    manager.hook.pibooth_startup(cfg=config, app=app)
    states, shots, event = ["wait"], {}, pygame.event.Event
    app._machine.set_state("wait")
    plugin = sys.modules["pibooth_stylezoo"]
    def step(*events):
        app._machine.process(list(events))
        if app._machine.active_state != states[-1]:
            states.append(app._machine.active_state)
        if states[-1] == "style":
            pygame.image.save(app._window.surface, str(folder / "style.png"))
    step(event(BUTTONDOWN, capture=1, printer=0))
    presses = json.loads(sys.argv[4])
    for press in presses:
        kind = press.pop("type")
        step(event(BUTTONDOWN if kind == "button" else getattr(pygame, kind), **press))
    for _ in range(20):
        step()
        if states[-1] == "finish":
            break
    chosen = plugin.BOOTH.choices[plugin.BOOTH.current][0]
    app.previous_picture.save(folder / "final.png")
    print(json.dumps({"states": states, "choices": [name for name, _ in plugin.BOOTH.choices], "chosen": chosen}))
    manager.hook.pibooth_cleanup(app=app)
"""


def run_booth(folder: Path, presses: list[dict[str, Any]], styles: str = "udnie, the_kiss") -> dict[str, Any]:
    """Take one picture in pibooth, with these events in its state `style`."""
    if importlib.util.find_spec("pibooth") is None:
        pytest.skip("pibooth is not installed: pip install pibooth")
    script = folder / "drive.py"
    script.write_text(IN_PIBOOTH)
    words = [sys.executable, script, folder, styles, PLUGIN, json.dumps(presses)]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_a_guest_taps_a_small_picture_and_gets_that_style(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    tap = {"type": "MOUSEBUTTONUP", "button": 1, "pos": [400, 240]}  # three tiles in a row: the second is udnie
    facts = run_booth(tmp_path, [tap])
    assert facts["choices"] == ["photo", "udnie", "the_kiss"] and facts["chosen"] == "udnie"
    assert facts["states"] == ["wait", "style", "preview", "capture", "processing", "finish"]
    enter = {"type": "KEYDOWN", "key": 13, "mod": 0, "unicode": ""}
    assert run_booth(tmp_path / "plain", [enter])["chosen"] == "photo"
    stylized, plain = (np.asarray(Image.open(f / "final.png")).astype(int) for f in (tmp_path, tmp_path / "plain"))
    assert stylized.shape == plain.shape and np.abs(stylized - plain).mean() > 5
    raw = [Image.open(next(f.rglob("raw/*/*.jpg"))) for f in (tmp_path, tmp_path / "plain")]
    assert np.array_equal(*map(np.asarray, raw))  # as taken
    grid = np.asarray(Image.open(tmp_path / "style.png"))
    assert grid.shape == (480, 800, 3) and len(np.unique(grid[150:300].reshape(-1, 3), axis=0)) > 1000


@pytest.mark.slow
def test_the_two_buttons_of_the_booth_suffice(tmp_path: Path) -> None:
    following, take = ({"type": "button", "capture": c, "printer": 1 - c} for c in (0, 1))
    assert run_booth(tmp_path, [following, following, take])["chosen"] == "the_kiss"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The plug-in with the few names that it takes of pibooth and pygame, whether they are installed or not."""

    def mark(*args: Any, **options: Any) -> Any:
        return args[0] if args else lambda function: function

    class Timer:
        def __init__(self, timeout: float, start: bool = True) -> None:
            self.timeout = timeout

        def start(self) -> None: ...

        def is_timeout(self) -> bool:
            return self.timeout <= 0

    keys = {name: number for number, name in enumerate(["LEFT", "RIGHT", "UP", "DOWN", "RETURN", "SPACE", "p"])}
    fakes = {
        "pibooth": {"hookimpl": mark},
        "pibooth.booth": {"BUTTONDOWN": 99},
        "pibooth.plugins": {},
        "pibooth.plugins.hookspecs": {"hookspec": mark},
        "pibooth.utils": {"LOGGER": None, "PoolingTimer": Timer, "get_event_pos": lambda size, event: event.pos},
        "pygame": {f"K_{name}": number for name, number in keys.items()}
        | {"MOUSEBUTTONUP": 1, "FINGERUP": 2, "KEYDOWN": 3},
    }
    for name, members in fakes.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("pibooth_stylezoo_alone", PLUGIN)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module


class Config(dict[str, str]):
    def get(self, section: str, key: str) -> str:  # type: ignore[override]
        return {"model": "cin/16", "styles": "", "strength": "1", "keep_faces": "0", "timeout": "30", **self}[key]

    def getfloat(self, section: str, key: str) -> float:
        return float(self.get(section, key))


@pytest.mark.parametrize("size", [(800, 480), (480, 800), (1920, 1080), (30, 20)])
@pytest.mark.parametrize("count", [1, 2, 3, 17])
def test_every_small_picture_can_be_tapped_where_it_is_drawn(plugin: Any, size: tuple[int, int], count: int) -> None:
    tiles = list(plugin.corners(count, size))
    assert len(tiles) == count
    for place, (left, top, side) in enumerate(tiles):
        assert left >= 0 and left + side <= size[0] and top >= 0 and top + side <= size[1]
        assert plugin.tile_at((left + side / 2, top + side / 2), count, size) == place
    colours = [(f"s{n}", Image.new("RGB", (8, 8), (n, 200, 100))) for n in range(count)]
    page = plugin.draw(colours, 0, size)
    left, top, side = tiles[-1]
    assert page.size == size and page.getpixel((left + side // 2, top + side // 2)) == (count - 1, 200, 100)


def test_captures_are_stylized_once_and_photos_stay(plugin: Any) -> None:
    booth = plugin.Booth()
    booth.set_up(Config(styles="udnie, the_kiss"))
    assert [name for name, _ in booth.choices] == ["photo", "udnie", "the_kiss"]
    capture = Image.effect_noise((64, 48), 50)
    assert booth.stylize(capture) is capture
    booth.current = 1
    result = booth.stylize(capture)
    assert result.size == capture.size and booth.stylize(capture) is result
    expected = booth.net.stylize(capture.convert("RGB"), "udnie")
    assert np.array_equal(np.asarray(result), np.asarray(expected))


def test_settings_are_followed_and_wrong_ones_named(plugin: Any) -> None:
    booth = plugin.Booth()
    booth.set_up(Config(styles="udnie"))
    before = booth.choices
    booth.set_up(Config(styles="udnie"))
    assert booth.choices is before
    booth.set_up(Config(model="johnson/mosaic"))
    assert [name for name, _ in booth.choices] == ["photo", "mosaic"]
    with pytest.raises(plugin.OptionError, match="cin/16 has no style mosaik"):
        booth.set_up(Config(styles="mosaik"))


def test_a_guest_who_leaves_gets_a_photo(plugin: Any) -> None:
    plugin.BOOTH.choices = [("photo", Image.new("RGB", (8, 8)))] * 3
    plugin.BOOTH.current, plugin.BOOTH.timer.timeout = 2, 0
    assert plugin.state_style_validate() == "preview" and plugin.BOOTH.current == 0
