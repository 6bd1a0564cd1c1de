"""What the page looks like on a phone, a tablet and a desk, in the light and in the dark."""

from __future__ import annotations

import io

import numpy as np
import pytest
from chromium import violations
from PIL import Image

SCREENS = {"phone": (390, 844), "tablet": (820, 1180), "desk": (1280, 800)}

FAULTS = """() => {
  const seen = (one) => one.checkVisibility({ opacityProperty: true }) && one.getBoundingClientRect().width > 1;
  const box = (one) => one.getBoundingClientRect();
  const name = (one) => `${one.tagName} ${one.id || one.className} ${one.textContent.trim().slice(0, 30)}`;
  const faults = [];
  const strip = document.querySelector(".sz-cards"); // it scrolls sideways on a phone
  const shown = (one) => seen(one) && !strip.contains(one) && !one.closest(".visually-hidden");
  const all = [...document.querySelectorAll("main *")].filter(shown);
  scrollTo(0, 0); // further down, the picture is over what is scrolled
  for (const one of all) {
    if (box(one).left < -1 || box(one).right > innerWidth + 1) faults.push(`beyond the screen: ${name(one)}`);
    const { overflowX, textOverflow } = getComputedStyle(one);
    const cut = one.clientWidth && one.scrollWidth > one.clientWidth + 1 && overflowX !== "visible";
    if (cut && textOverflow !== "ellipsis") faults.push(`cut off: ${name(one)}`);
  }
  const parts = all.filter((one) => one.matches("button, input, label, h1, h2, figcaption, canvas, .sz-frame"));
  parts.forEach((one, index) => parts.slice(index + 1).forEach((other) => {
    if (one.contains(other) || other.contains(one)) return;
    const across = Math.min(box(one).right, box(other).right) - Math.max(box(one).left, box(other).left);
    const down = Math.min(box(one).bottom, box(other).bottom) - Math.max(box(one).top, box(other).top);
    if (across > 1 && down > 1) faults.push(`overlap: ${name(one)} and ${name(other)}`);
  }));
  return faults;
}"""

COVERED = """() => {
  const show = document.querySelector("#sz-show");
  const { left, right, top, bottom } = show.getBoundingClientRect();
  const found = [];
  for (let x = left + 2; x < right - 2; x += 9) {
    for (let y = top + 2; y < bottom - 2; y += 9) {
      const there = document.elementFromPoint(x, y);
      if (there && !show.contains(there)) found.push(`${there.tagName} ${there.textContent.slice(0, 30)}`);
    }
  }
  return [...new Set(found)];
}"""

COLOURS = """names => names.map((name) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
})"""


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast of two colours by WCAG 2.2."""

    def light(rgb: list[float]) -> float:
        linear = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def brightness(page) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L")).astype(int)


@pytest.fixture(params=[(screen, scheme) for screen in SCREENS for scheme in ("light", "dark")], ids="-".join)
def page(visit, request):
    screen, scheme = request.param
    width, height = SCREENS[screen]
    page = visit(color_scheme=scheme, viewport={"width": width, "height": height})
    page.wait_for_function("[...document.querySelectorAll('.sz-card img')].every((image) => image.src)")
    return page


def test_nothing_overlaps_or_overflows(page):
    assert page.evaluate(FAULTS) == []
    page.click(".sz-toggle")
    page.click("#sz-desk button:has-text('A painting of your own')")
    page.click("#sz-more button:has-text('More')")
    page.wait_for_selector("#sz-map-painting")
    assert page.evaluate(FAULTS) == []
    page.click("button[role=tab]:has-text('Live camera')")
    assert page.evaluate(FAULTS) == []


def test_it_opens_with_a_stylized_sample_that_stays_in_view(page):
    height = page.viewport_size["height"]
    stage = page.locator(".sz-frame")
    assert page.get_attribute(".sz-stage", "data-state") == "stylized"
    box = stage.bounding_box()
    assert box["y"] + box["height"] < height
    assert page.locator(".sz-card >> nth=0").bounding_box()["y"] < height - 60  # styles are on the first screen too
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    box = stage.bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] < height
    assert page.evaluate(COVERED) == []
    seen = brightness(page)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (np.median(seen) < 80) if dark else (np.median(seen) > 175)
    assert seen.std() > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit, scheme):
    page = visit(color_scheme=scheme)
    assert violations(page) == []
    page.click(".sz-toggle")
    page.click("#sz-desk button:has-text('A painting of your own')")
    page.click("#sz-more button:has-text('More')")
    page.wait_for_selector("#sz-map-painting")
    page.check(".sz-several input")
    page.click(".sz-card >> nth=2")
    page.wait_for_selector(".sz-mixer input")
    assert violations(page) == []
    page.click("button[role=tab]:has-text('Live camera')")
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sliders_and_boxes_stand_out(visit, scheme):
    """WCAG 1.4.11: what one needs to see of a control has a contrast of 3 with what is next to it."""
    page = visit(color_scheme=scheme)
    ground, edge, fill, track = page.evaluate(COLOURS, ["--sz-ground", "--sz-edge", "--slider-color", "--sz-track"])
    assert contrast(fill, track) > 3
    assert contrast(fill, ground) > 3
    assert contrast(edge, ground) > 3
    names = ["--checkbox-border-color", "--checkbox-label-background-fill", "--checkbox-background-color-selected"]
    border, label, chosen = page.evaluate(COLOURS, names)
    assert contrast(border, label) > 3
    assert contrast(chosen, [255, 255, 255]) > 3  # the mark is white
