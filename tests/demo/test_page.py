from __future__ import annotations

import base64
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from skimage import data


def shown(page, selector: str) -> np.ndarray:
    """The picture that an <img> of the page holds as a data URL."""
    url = page.eval_on_selector(selector, "image => image.src")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))).astype(int)


def change(page, act) -> None:
    """Do what changes the stylized image, and wait until it has changed."""
    before = page.eval_on_selector(".sz-after", "image => image.src")
    act()
    page.wait_for_function(
        "src => ![src, undefined].includes(document.querySelector('[data-state=stylized] .sz-after')?.src)",
        arg=before,
    )


def hang(page, path) -> None:
    change(page, lambda: page.set_input_files("#sz-upload input[type=file]", path))


def title(page) -> str:
    return page.inner_text(".sz-stage figcaption strong")


def brush(page) -> None:
    """Brush over the left of the photo."""
    canvas = page.locator(".sz-picture canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    left = box["x"] + 0.15 * box["width"]
    page.mouse.move(left, box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(left, box["y"] + 0.9 * box["height"], steps=5)
    page.mouse.up()


def test_a_photo_is_stylized_blended_brushed_and_saved(visit, photo):
    page = visit(accept_downloads=True)
    hang(page, photo)
    first = shown(page, ".sz-after")
    assert first.shape == (200, 300, 3)
    assert abs(first - shown(page, ".sz-before")).mean() > 10

    change(page, lambda: page.click(".sz-card >> nth=1"))
    second = title(page)
    assert page.get_attribute(".sz-card >> nth=1", "aria-pressed") == "true"
    page.check(".sz-several input")
    change(page, lambda: page.click(".sz-card >> nth=2"))
    assert title(page).startswith(f"{second} and ")
    even = shown(page, ".sz-after")
    change(page, lambda: page.locator(".sz-mixer input >> nth=0").fill("20"))
    assert page.inner_text(".sz-mixer output >> nth=0") == "17 %"
    assert abs(shown(page, ".sz-after") - even).mean() > 1

    page.click(".sz-toggle")
    change(page, lambda: brush(page))
    difference = abs(shown(page, ".sz-after") - shown(page, ".sz-before")).mean(axis=(0, 2))
    assert difference[30:60].min() > 10  # stylized where the brush went
    assert difference[150:].max() < 5  # and the photo elsewhere

    with page.expect_download() as waiting:
        page.click("#sz-png")
    assert waiting.value.suggested_filename.startswith("my_cup_")
    saved = np.asarray(Image.open(waiting.value.path())).astype(int)
    assert saved.shape == (200, 300, 3)
    assert abs(saved - shown(page, ".sz-after")).mean() < 4  # what hung on the wall, but for JPEG
    with page.expect_download() as waiting:
        page.click("#sz-sheet")
    assert Image.open(waiting.value.path()).format == "JPEG"


def test_brushes_have_styles_of_their_own_and_strokes_can_be_taken_back(visit, photo):
    page = visit()
    hang(page, photo)
    whole = shown(page, ".sz-after")
    page.click(".sz-toggle")
    assert page.is_disabled(".sz-rest") and page.is_disabled(".sz-clear")  # nothing is brushed yet
    page.click(".sz-chips button >> nth=2")
    page.click(".sz-card >> nth=3")  # now the second brush's
    change(page, lambda: brush(page))
    assert abs(shown(page, ".sz-after") - shown(page, ".sz-before")).mean(axis=(0, 2))[200:].max() < 5
    assert page.is_enabled(".sz-card[data-id=mosaic]")
    change(page, lambda: page.check(".sz-rest"))
    assert page.is_disabled(".sz-card[data-id=mosaic]")  # no net has it and the style of the rest
    difference = abs(shown(page, ".sz-after") - whole).mean(axis=(0, 2))
    assert difference[30:60].mean() > 2 * difference[200:].mean()
    page.click(".sz-chips button >> nth=0")
    assert page.get_attribute(".sz-card >> nth=0", "aria-pressed") == "true"  # the rest kept its style
    change(page, lambda: page.click(".sz-clear"))
    assert np.array_equal(shown(page, ".sz-after"), whole)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text", "cannot be read as a picture"),
        ("bomb", "far too many pixels"),
        ("large", "1,200 x 900 pixels"),
        ("cut", "damaged"),
        ("heavy", "size"),
    ],
)
def test_what_is_no_photo_is_refused_on_the_page_which_goes_on(visit, photo, hostile, name, said):
    page = visit(client=f"10.2.0.{len(name)}{ord(name[0])}")
    before = page.eval_on_selector(".sz-after", "image => image.src")
    page.set_input_files("#sz-upload input[type=file]", hostile[name])
    page.wait_for_selector(f"[data-testid=toast-body]:has-text('{said}')")
    assert "Traceback" not in page.content()
    assert page.eval_on_selector(".sz-after", "image => image.src") == before
    change(page, lambda: page.click(".sz-samples button >> nth=1"))


def test_any_picture_is_a_style(visit, photo, tmp_path):
    page = visit()
    hang(page, photo)
    stripes = tmp_path / "stripes.png"
    Image.fromarray(np.kron([[0, 255] * 8] * 16, np.ones((8, 8)))[..., None].repeat(3, 2).astype(np.uint8)).save(
        stripes
    )
    page.click("button:has-text('A painting of your own')")
    change(page, lambda: page.set_input_files("#sz-own input[type=file]", stripes))
    assert title(page) == "Your painting"
    assert page.get_attribute(".sz-card >> nth=0", "aria-label") == "Your painting"
    page.check(".sz-several input")
    change(page, lambda: page.click(".sz-card >> nth=2"))
    assert title(page).startswith("Your painting and ")


def test_more_tiles_and_takes_maps(visit, photo, tmp_path):
    page = visit()
    hang(page, photo)
    page.click("#sz-more button:has-text('More')")
    change(page, lambda: page.check("#sz-extras label:has-text('Tile') input"))
    guide = Image.new("RGB", (60, 40), "red")
    guide.paste("blue", (30, 0, 60, 40))
    guide.save(tmp_path / "map.png")
    page.click("button:has-text('A painting of your own')")
    change(page, lambda: page.set_input_files("#sz-own input[type=file]", photo))
    page.set_input_files("#sz-map-photo input[type=file]", tmp_path / "map.png")
    page.wait_for_selector(".sz-stage figcaption:has-text('other map')")  # and the picture is the same
    alone = shown(page, ".sz-after")
    change(page, lambda: page.set_input_files("#sz-map-painting input[type=file]", tmp_path / "map.png"))
    assert "other map" not in page.inner_text(".sz-stage figcaption")
    assert abs(shown(page, ".sz-after") - alone).mean() > 0.5
    page.click(".sz-card >> nth=2")
    page.wait_for_selector("[data-testid=toast-body]:has-text('Maps are for a painting of your own')")


def test_it_is_usable_by_keyboard_and_read_aloud(visit, photo):
    page = visit()
    hang(page, photo)
    page.focus(".sz-card >> nth=0")
    page.keyboard.press("ArrowRight")
    change(page, lambda: page.keyboard.press("Enter"))
    assert page.get_attribute(".sz-card >> nth=1", "aria-pressed") == "true"
    assert title(page) in page.get_attribute(".sz-after", "alt")
    page.focus(".sz-wipe")
    page.keyboard.press("ArrowRight")
    assert page.eval_on_selector(".sz-wipe", "wipe => wipe.value") == "50.5"
    page.click(".sz-toggle")
    page.focus(".sz-picture canvas")
    change(page, lambda: page.keyboard.press("Space", delay=50))
    nameless = "[...document.querySelectorAll('img')].filter(image => !image.hasAttribute('alt')).length"
    assert page.evaluate(nameless) == 0


def test_the_camera_is_stylized_as_it_goes(visit):
    page = visit()
    page.click("button[role=tab]:has-text('Live camera')")
    page.click(".sz-start")
    for _ in range(3):
        before = page.eval_on_selector(".sz-stylized", "image => image.src")
        page.wait_for_function("src => document.querySelector('.sz-stylized').src !== src", arg=before)
    assert max(shown(page, ".sz-stylized").shape) == 320
    page.click("button[role=tab]:has-text('Photo')")
    page.wait_for_selector(".sz-live[data-state=off]", state="attached")


def test_who_asks_too_often_is_told_so_on_the_page(visit, photo, page_url):
    page, over = visit(client="10.3.3.3"), threading.Event()
    hang(page, photo)

    def hammer():
        with httpx.Client(base_url=page_url, headers={"X-Forwarded-For": "10.3.3.3"}, timeout=300) as client:
            while not over.is_set():
                client.post("gradio_api/call/stylize", json={"data": []})

    with ThreadPoolExecutor() as pool:
        pool.submit(hammer)
        try:
            for number in range(30):  # now and then there is room for one more
                page.click(f".sz-card >> nth={number % 8}")
                page.wait_for_timeout(1000)
                if page.locator("[data-testid=toast-body]:has-text('a little fast')").count():
                    break
            else:
                pytest.fail("no message")
        finally:
            over.set()


def test_a_sample_photo_is_stylized(visit):
    page = visit()
    assert page.get_attribute(".sz-stage", "data-state") == "stylized"  # the first, from the start
    change(page, lambda: page.click(".sz-samples button >> nth=1"))
    height, width = data.chelsea().shape[:2]
    assert shown(page, ".sz-after").shape == (height, width, 3)


def test_quick_and_fine_are_stylized_by_other_nets(visit):
    page = visit()
    quick = shown(page, ".sz-after")
    change(page, lambda: page.check("#sz-quality input[value=fine]"))
    assert abs(shown(page, ".sz-after") - quick).mean() > 1


def test_styles_that_no_net_has_together_replace_each_other(visit):
    page = visit()
    page.check(".sz-several input")
    change(page, lambda: page.click(".sz-card[data-id=mosaic]"))
    assert title(page).startswith("Mosaic")
    change(page, lambda: page.click(".sz-card >> nth=1"))
    change(page, lambda: page.click(".sz-card >> nth=2"))
    assert " and " in title(page) and "Mosaic" not in title(page)


def test_all_styles_are_shown_of_the_photo(visit, photo):
    page = visit()
    page.wait_for_function("[...document.querySelectorAll('.sz-card img')].every((image) => image.src)")
    hang(page, photo)
    before = page.eval_on_selector(".sz-card:last-child img", "image => image.src")
    page.click("#sz-everything")
    page.wait_for_function("src => document.querySelector('.sz-card:last-child img').src !== src", arg=before)
