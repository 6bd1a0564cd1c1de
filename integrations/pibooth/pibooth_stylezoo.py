"""stylezoo for pibooth: guests choose a style from small pictures, then pose; the final picture has that style.

pibooth loads this file when its path is in `plugins` of the section [GENERAL] of pibooth.cfg. It adds a state, `style`,
before the first preview. The pictures in the folder raw/ stay as they were taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pibooth
import pygame
from pibooth.booth import BUTTONDOWN
from pibooth.plugins.hookspecs import hookspec
from pibooth.utils import LOGGER, PoolingTimer, get_event_pos
from PIL import Image, ImageDraw, ImageOps

import stylezoo
from stylezoo.errors import OptionError

__version__ = stylezoo.__version__

SECTION = "STYLEZOO"
PHOTO = "photo"
"""The first choice: no style."""
SAMPLE = Path(stylezoo.__file__).parent / "bundled" / "astronaut.jpg"
TILE = 240  # px: the side of a small picture before it is fitted to the window
LABEL = 8  # px: names that would be smaller are left out
FRAME = (255, 160, 0)

Choices = list[tuple[str, Image.Image]]
"""What guests can choose: the id of a style, or `PHOTO`, and its small picture."""


class StyleState:
    """The hooks of the state `style`, which pibooth does not know of itself."""

    @hookspec  # type: ignore[untyped-decorator]  # pibooth need not be installed to check this
    def state_style_enter(self, cfg: Any, app: Any, win: Any) -> None:
        """Show the small pictures."""

    @hookspec  # type: ignore[untyped-decorator]
    def state_style_do(self, cfg: Any, app: Any, win: Any, events: Any) -> None:
        """Follow what the guest presses."""

    @hookspec(firstresult=True)  # type: ignore[untyped-decorator]
    def state_style_validate(self, cfg: Any, app: Any, win: Any, events: Any) -> str | None:
        """Return the next state when a style is chosen."""

    @hookspec  # type: ignore[untyped-decorator]
    def state_style_exit(self, cfg: Any, app: Any, win: Any) -> None:
        """Clear the window."""


class Booth:
    """What the plug-in remembers between hooks."""

    def __init__(self) -> None:
        self.settings: tuple[Any, ...] = ()
        self.net: stylezoo.Stylizer | None = None
        self.choices: Choices = []
        self.options: dict[str, Any] = {}
        self.current = 0
        self.chosen = False
        self.timer = PoolingTimer(30, False)
        self.shown: tuple[int, tuple[int, int]] | None = None
        self.done: list[tuple[Image.Image, Image.Image]] = []

    def set_up(self, cfg: Any) -> None:
        """Load the model and make the small pictures, where the settings are not those of before.

        Raises:
            OptionError: the model has no such style, or a setting is out of range.
        """
        model, faces = cfg.get(SECTION, "model"), cfg.getfloat(SECTION, "keep_faces")
        wanted = [name.strip() for name in cfg.get(SECTION, "styles").split(",") if name.strip()]
        strength, timeout = cfg.getfloat(SECTION, "strength"), cfg.getfloat(SECTION, "timeout")
        settings = (model, faces, wanted, strength, timeout)
        if settings == self.settings:
            return
        net = stylezoo.load(model, device="cpu")
        if unknown := set(wanted) - set(net.styles):
            raise OptionError(f"[{SECTION}][styles]: {model} has no style {', '.join(sorted(unknown))}")
        self.options = {"strength": strength, "protect": f"face:{faces:g}" if faces else None}
        self.choices = list(small_pictures(net, wanted or list(net.styles), self.options))
        self.net, self.timer.timeout, self.settings = net, timeout, settings

    def stylize(self, capture: Image.Image) -> Image.Image:
        """Return a capture in the chosen style; each is computed once a sequence, also for the animation."""
        style = self.choices[self.current][0] if self.choices else PHOTO
        if style == PHOTO or self.net is None:
            return capture
        for known, result in self.done:
            if known is capture:
                return result
        self.done.append((capture, self.net.stylize(capture.convert("RGB"), style, **self.options)))
        return self.done[-1][1]


BOOTH = Booth()


@pibooth.hookimpl  # type: ignore[untyped-decorator]
def pibooth_configure(cfg: Any) -> None:
    models = tuple(name for name in stylezoo.list_models() if stylezoo.model_info(name).style_ids)
    cfg.add_option(SECTION, "model", "cin/16", "Model that stylizes", "Style model", models)
    cfg.add_option(SECTION, "styles", "", "Styles to choose from, such as udnie, the_kiss; empty: all of the model")
    cfg.add_option(SECTION, "strength", 1.0, "Strength of the style, from 0 (the photo) to 1")
    cfg.add_option(SECTION, "keep_faces", 0.0, "Share of the photo that stays on faces, from 0 to 1")
    cfg.add_option(SECTION, "timeout", 30, "Seconds to choose a style; then the photo stays a photo")


@pibooth.hookimpl  # type: ignore[untyped-decorator]
def pibooth_startup(cfg: Any, app: Any) -> None:
    """Load the model, make the small pictures, and add the state."""
    BOOTH.set_up(cfg)
    if "style" not in app._machine.states:
        app._pm.add_hookspecs(StyleState)
        app._machine.add_state("style")
    LOGGER.info("stylezoo: %s styles of %s", len(BOOTH.choices) - 1, cfg.get(SECTION, "model"))


def small_pictures(
    net: stylezoo.Stylizer, styles: list[str], options: dict[str, Any]
) -> Iterator[tuple[str, Image.Image]]:
    """Yield the sample photo as it is, then in each style."""
    with Image.open(SAMPLE) as opened:
        photo = ImageOps.fit(opened.convert("RGB"), (TILE, TILE))
    yield PHOTO, photo
    for style in styles:
        yield style, net.stylize(photo, style, **options)


def _style_first(outcome: Any) -> None:
    """Send a sequence that is about to start to the state `style`."""
    if outcome.get_result() == "preview":
        outcome.force_result("style")


@pibooth.hookimpl(hookwrapper=True)  # type: ignore[untyped-decorator]
def state_wait_validate() -> Iterator[None]:
    _style_first((yield))


@pibooth.hookimpl(hookwrapper=True)  # type: ignore[untyped-decorator]
def state_choose_validate() -> Iterator[None]:
    _style_first((yield))


@pibooth.hookimpl(hookwrapper=True)  # type: ignore[untyped-decorator]
def state_chosen_validate() -> Iterator[None]:
    _style_first((yield))


@pibooth.hookimpl  # type: ignore[untyped-decorator]
def state_wait_enter(cfg: Any) -> None:
    BOOTH.set_up(cfg)  # the menu may have changed the settings
    BOOTH.done.clear()  # the animation of the sequence before has its pictures by now


@pibooth.hookimpl(optionalhook=True)  # type: ignore[untyped-decorator]
def state_style_enter(win: Any) -> None:
    BOOTH.current, BOOTH.chosen, BOOTH.shown = 0, False, None
    BOOTH.timer.start()
    show(win)


@pibooth.hookimpl(optionalhook=True)  # type: ignore[untyped-decorator]
def state_style_do(win: Any, events: list[Any]) -> None:
    for event in events:
        follow(event, win.get_rect().size)
    show(win)


@pibooth.hookimpl(optionalhook=True)  # type: ignore[untyped-decorator]
def state_style_validate() -> str | None:
    if not BOOTH.chosen and BOOTH.timer.is_timeout():
        BOOTH.current, BOOTH.chosen = 0, True
    return "preview" if BOOTH.chosen else None


@pibooth.hookimpl(optionalhook=True)  # type: ignore[untyped-decorator]
def state_style_exit(win: Any) -> None:
    win.show_image(None)


@pibooth.hookimpl  # type: ignore[untyped-decorator]
def pibooth_setup_picture_factory(factory: Any) -> None:
    """Stylize what the final picture is made of; other plug-ins may still put another factory in its place."""
    factory._images = tuple(BOOTH.stylize(capture) for capture in factory._images)


def follow(event: Any, size: tuple[int, int]) -> None:
    """Move to another small picture, or choose one.

    A tap chooses the one below the finger; arrow keys and the print button move; Enter, Space, P and the picture button
    choose the framed one.
    """
    columns, count = grid(len(BOOTH.choices), size)[0], len(BOOTH.choices)
    steps = {pygame.K_LEFT: -1, pygame.K_RIGHT: 1, pygame.K_UP: -columns, pygame.K_DOWN: columns}
    if event.type in (pygame.MOUSEBUTTONUP, pygame.FINGERUP):
        place = tile_at(get_event_pos(size, event), count, size)
        if place is not None:
            BOOTH.current, BOOTH.chosen = place, True
    elif event.type == pygame.KEYDOWN and event.key in steps:
        BOOTH.current = (BOOTH.current + steps[event.key]) % count
    elif event.type == pygame.KEYDOWN:
        BOOTH.chosen = BOOTH.chosen or event.key in (pygame.K_RETURN, pygame.K_SPACE, pygame.K_p)
    elif event.type == BUTTONDOWN and event.printer and not event.capture:
        BOOTH.current = (BOOTH.current + 1) % count
    elif event.type == BUTTONDOWN and event.capture and not event.printer:
        BOOTH.chosen = True


def show(win: Any) -> None:
    """Draw the small pictures, where the window does not show them as they are by now."""
    size = win.get_rect().size
    if BOOTH.shown != (BOOTH.current, size):
        win.show_image(draw(BOOTH.choices, BOOTH.current, size))
        BOOTH.shown = BOOTH.current, size


def grid(count: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return columns and side in px of the largest square tiles that fit into a window."""
    width, height = size
    fits = [(min(width // columns, height // -(-count // columns)), columns) for columns in range(1, count + 1)]
    side, columns = max(fits)
    return columns, max(side, 1)


def corners(count: int, size: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Yield left, top and side in px of each tile; the rows are centred."""
    columns, side = grid(count, size)
    rows = -(-count // columns)
    for place in range(count):
        row, column = divmod(place, columns)
        across = min(columns, count - row * columns)
        yield (size[0] - across * side) // 2 + column * side, (size[1] - rows * side) // 2 + row * side, side


def tile_at(position: tuple[float, float], count: int, size: tuple[int, int]) -> int | None:
    """Return which tile a position in px is on; None: on none."""
    for place, (left, top, side) in enumerate(corners(count, size)):
        if left <= position[0] < left + side and top <= position[1] < top + side:
            return place
    return None


def draw(choices: Choices, current: int, size: tuple[int, int]) -> Image.Image:
    """Return a picture of the window's size: all small pictures with their names, the current one framed."""
    page = Image.new("RGB", size)
    pen = ImageDraw.Draw(page)
    for place, (left, top, side) in enumerate(corners(len(choices), size)):
        name, picture = choices[place]
        edge = max(side // 30, 1)
        if place == current:
            pen.rectangle((left, top, left + side - 1, top + side - 1), fill=FRAME)
        inner = max(side - 2 * edge, 1)
        page.paste(picture.resize((inner, inner)), (left + edge, top + edge))
        if (label := side // 9) >= LABEL:
            top += side - edge
            pen.rectangle((left + edge, top - label - 4, left + side - edge - 1, top), fill=0)
            pen.text((left + 2 * edge, top - label - 3), name.replace("_", " "), font_size=label)
    return page
