"""Take the picture of the page in docs/demo.md: on a desk in the light, and on a phone in the dark.

Needs stylezoo[demo], playwright and a Chromium. `--folder` keeps pictures of six screens as well, to look at.
"""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import click
from demo_users import own_page
from PIL import Image
from playwright.sync_api import sync_playwright

SCREENS = {"phone": (390, 844), "tablet": (820, 1180), "desk": (1280, 844)}
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "demo.jpg"
READY = "[...document.querySelectorAll('.sz-card img')].every((image) => image.src)"


def shoot(browser: Any, url: str, screen: str, scheme: str) -> Image.Image:
    """Return the page as it opens on a screen, in a colour scheme."""
    width, height = SCREENS[screen]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".sz-card")
    page.wait_for_function(READY)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    return picture


@click.command()
@click.option("--out", default=PICTURE, show_default=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep all six screens here.")
def main(out: Path, folder: Path | None) -> None:
    """Write the picture of the page."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver, own_page() as (url, _):
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        wanted = (
            [(s, c) for s in SCREENS for c in ("light", "dark")] if folder else [("desk", "light"), ("phone", "dark")]
        )
        seen = {(screen, scheme): shoot(browser, url, screen, scheme) for screen, scheme in wanted}
        browser.close()
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for (screen, scheme), picture in seen.items():
            picture.save(folder / f"{screen}-{scheme}.png")
    desk, phone = seen["desk", "light"], seen["phone", "dark"]
    both = Image.new("RGB", (desk.width + phone.width, desk.height))
    both.paste(desk, (0, 0))
    both.paste(phone, (desk.width, 0))
    both.save(out, quality=85)
    click.echo(f"wrote {out}")


if __name__ == "__main__":
    main()
