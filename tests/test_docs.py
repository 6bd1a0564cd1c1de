"""The documentation does what it says: each of its snippets runs, or says why not and is still of today's commands."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import models
import numpy as np
import pytest
import torch
import yaml
from hub_server import HubServer
from moving import make_clip, pictures
from msgspec import structs
from PIL import Image
from skimage import data
from snippets import ROOT, Block, Line, check_line, read_blocks, run_line, run_python

import stylezoo
from stylezoo.zoo.spec import UNSTATED, StyleSpec

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {page.relative_to(ROOT).as_posix(): read_blocks(page) for page in PAGES}
RUN = [name for name in BLOCKS if not name.startswith("docs/zoo/")]
"""The pages whose snippets are run; the cards of the models are generated, and all alike."""


@pytest.fixture(scope="session")
def readers_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: photos, paintings, masks, and what commands that take long have left."""
    folder = tmp_path_factory.mktemp("reader")
    astronaut, cat, coffee = (Image.fromarray(getattr(data, n)()) for n in ("astronaut", "chelsea", "coffee"))
    photos = {"photo.jpg": astronaut, "extra.png": cat, "panorama.jpg": coffee, "other.jpg": cat}
    photos |= {"photos/astronaut.jpg": astronaut, "photos/cat.jpg": cat, "holiday/coffee.jpg": coffee}
    photos |= {f"{name}.jpg": coffee.rotate(90) for name in ("painting", "starry", "wave")}
    photos |= {"paintings/tissue.jpg": Image.fromarray(data.immunohistochemistry()), "paintings/coffee.jpg": coffee}
    for name, picture in photos.items():
        (folder / name).parent.mkdir(exist_ok=True)
        picture.resize((96, 80)).save(folder / name)
    ramp = np.tile(np.linspace(0, 255, 96, dtype=np.uint8), (80, 1))
    for name, mask in {"mask": ramp, "sky": ramp.copy(), "sea": 255 - ramp}.items():
        Image.fromarray(mask).save(folder / f"{name}.png")
    for name, at in {"a": 40, "b": 64}.items():
        halves = Image.new("RGB", (96, 80), "blue")
        halves.paste("red", (0, 0, at, 80))
        halves.save(folder / f"{name}.png")
    make_clip(folder / "clip.mp4", pictures(12, 96, 80))
    scene, body = models.document(models.encoded(models.atlas()))
    (folder / "model.glb").write_bytes(models.glb(scene, body))
    models.write_obj(folder, models.encoded(models.atlas())).rename(folder / "chair.obj")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (folder / "docs").symlink_to(ROOT / "docs")
    _leave_runs(folder / "runs")
    _leave_weights(folder / "mosaic.pth")
    return folder


def _leave_weights(path: Path) -> None:
    """Write a small net as PyTorch's fast neural style would."""
    kernels = {"conv1": (8, 3, 9), "conv2": (16, 8, 3), "conv3": (32, 16, 3)}
    kernels |= {"deconv1": (16, 32, 3), "deconv2": (8, 16, 3), "deconv3": (3, 8, 9)}
    widths = {"in1": 8, "in2": 16, "in3": 32, "in4": 16, "in5": 8}
    for part in ("1", "2"):
        kernels[f"res1.conv{part}"], widths[f"res1.in{part}"] = (32, 32, 3), 32
    weights = {f"{k}.conv2d.weight": torch.randn(a, b, side, side) / 10 for k, (a, b, side) in kernels.items()}
    weights |= {f"{k}.conv2d.bias": torch.zeros(a) for k, (a, _, _) in kernels.items()}
    weights |= {f"{k}.weight": torch.ones(width) for k, width in widths.items()}
    torch.save(weights | {f"{k}.bias": torch.zeros(width) for k, width in widths.items()}, path)


def _leave_runs(runs: Path) -> None:
    """Write what `train` and `add-style` of the pages would."""
    net = stylezoo.load("johnson/mosaic")
    style = StyleSpec(id="painting", title="Painting", rights=UNSTATED, source="painting.jpg")
    net.spec = structs.replace(net.spec, name="johnson/painting", styles=(style,), weights=None)
    for name in ("johnson/painting", "johnson/mine"):
        (runs / name).mkdir(parents=True)
        net.save(runs / name / "weights.safetensors")
    (runs / "cin" / "painting").mkdir(parents=True)
    card = stylezoo.load("cin/16").card({"udnie": 0.5, "the_kiss": 0.5}, id="painting", rights="my own", source="me")
    card.save(runs / "cin" / "painting" / "painting.card.safetensors")


@pytest.fixture
def zoo_of_owner(hub: HubServer) -> None:
    """A Hub on the loopback interface whose owner/zoo has a net, now and in the tag v1."""
    run_line(Line(0, "stylezoo push johnson/mosaic --repo owner/zoo --no-picture"))
    hub.repos["owner/zoo"].tags["v1"] = hub.repos["owner/zoo"].at("main").oid


@pytest.fixture
def reader(readers_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of these files as the current folder; sheets are drawn small, and families that a page adds go again."""
    from stylezoo import sheet
    from stylezoo.zoo import catalog, families

    shutil.copytree(readers_files, tmp_path, dirs_exist_ok=True, symlinks=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    monkeypatch.setattr(sheet, "DRAWN", 64)
    known = dict(families.FAMILIES)
    monkeypatch.syspath_prepend(tmp_path)
    added = list(catalog._added)
    yield tmp_path
    for family in families.FAMILIES.keys() - known.keys():
        sys.modules.pop(families.FAMILIES.pop(family).net.partition(":")[0], None)
    catalog._added[:] = added


@contextmanager
def told(block: Block, line: Line) -> Iterator[None]:
    """Say of a failure where in the documentation it is."""
    try:
        yield
    except (AssertionError, click.ClickException) as cause:
        words = cause.format_message() if isinstance(cause, click.ClickException) else cause
        pytest.fail(f"{block.page.relative_to(ROOT)}:{line.number}: {line.text}\n{words}", pytrace=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [name for name in RUN if any(b.language == "python" or b.lines for b in BLOCKS[name])])
def test_snippets_run_from_the_top_of_a_page_to_its_end(
    page: str, reader: Path, request: pytest.FixtureRequest
) -> None:
    if page in ("README.md", "docs/hub.md"):
        request.getfixturevalue("zoo_of_owner")
    namespace = {"__name__": "__main__"}
    for block in BLOCKS[page]:
        if block.title and not (block.reason and not block.without):
            (reader / block.title).write_text(block.text, encoding="utf-8")
        if block.language == "python" and not block.reason and not block.title:  # what has a title is imported
            run_python(block, namespace)
        for line in filter(block.runs, block.lines):
            with told(block, line):
                run_line(replace(line, text=line.text.replace("me/zoo", "owner/mine")))  # the one user of that Hub


@pytest.mark.parametrize("page", BLOCKS)
def test_what_is_not_run_is_of_todays_commands_and_options(page: str, reader: Path) -> None:
    for block in BLOCKS[page]:
        if block.language == "python":
            ast.parse(block.text, str(block))
        elif block.language == "yaml":
            yaml.safe_load(block.text)
        for line in block.lines:
            if not block.runs(line) or page not in RUN:
                with told(block, line):
                    check_line(line)


def test_few_snippets_are_left_out() -> None:
    blocks = [block for page in RUN for block in BLOCKS[page] if block.language != "record"]
    lines = [block.runs(line) for block in blocks for line in block.lines if "stylezoo " in line.text]
    python = [not block.reason for block in blocks if block.language == "python"]
    assert len(lines) > 40 and sum(lines) > 0.55 * len(lines)
    assert len(python) > 20 and sum(python) > 0.8 * len(python)


def test_links_and_pictures_are_there() -> None:
    for page in PAGES:
        for target in re.findall(r"!?\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if path and not re.match("https?:|mailto:", path):
                assert (page.parent / path).exists(), f"{page.relative_to(ROOT)} leads to {target}"


def test_the_menu_of_the_site_has_every_page_but_the_cards() -> None:
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), yaml.SafeLoader)
    named = [
        next(iter(e.values())) if isinstance(e, dict) else e for s in config["nav"] for e in next(iter(s.values()))
    ]
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.parent != ROOT]
    assert sorted(named) == sorted(page for page in pages if not page.startswith("zoo/") or page == "zoo/README.md")


PAGE = """
Text, and an inline `stylezoo list`.

<!-- not run (train, push): hours -->
```
stylezoo train --recipe johnson
X=1 stylezoo list 'cin/*' \\
    --json > names.json   # a comment
```

<!-- not run: the Hub -->

```python
stylezoo.load("hf:owner/zoo/johnson/mosaic")
```

```console
$ stylezoo list 'cim/*'
stylezoo: %s
$ cat names.json | stylezoo stylize - -m johnson/mosaic -o -
stylezoo: nothing
```

    stylezoo bench --peer nobody
"""


@pytest.fixture
def blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(PAGE % "no model matches 'cim/*'. Did you mean cin/16?")
    return read_blocks(tmp_path / "page.md")


def test_blocks_are_distinguished(blocks: list[Block]) -> None:
    assert [(b.language, b.reason) for b in blocks] == [
        ("", "hours"),
        ("python", "the Hub"),
        ("console", None),
        ("record", None),
    ]
    shell, _, session, record = blocks
    assert [(line.number, line.name, shell.runs(line)) for line in shell.lines] == [
        (6, "train", False),
        (7, "list", True),
    ]
    assert [line.name for line in session.lines] == ["list", "cat"]
    assert [record.runs(line) for line in record.lines] == [False]


def test_commands_run_as_in_a_shell(blocks: list[Block], tmp_path: Path) -> None:
    run_line(blocks[0].lines[1])
    assert '"cin/16"' in (tmp_path / "names.json").read_text()
    right, wrong = blocks[2].lines
    run_line(right)
    with pytest.raises(AssertionError):
        run_line(wrong)
    with pytest.raises(AssertionError, match="no model"):
        run_line(Line(1, "stylezoo info cin/nobody"))
    with pytest.raises(AssertionError, match="cannot"):
        run_line(Line(1, "curl example.org"))


@pytest.mark.parametrize(
    "text",
    [
        "stylezoo stylize photo.jpg",
        "stylezoo train --recipes x",
        "stylezoo export cin/16 -o x -f pdf",
        "stylezoo data fetch",
    ],
)
def test_commands_that_are_no_more_are_found(text: str) -> None:
    with pytest.raises(click.UsageError):
        check_line(Line(1, text))


def test_commands_that_are_not_run_need_no_files() -> None:
    check_line(Line(1, "STYLEZOO_DATA=data stylezoo add-style cin/16 --image nowhere.jpg --name mine"))
    check_line(Line(1, "python scripts/bundle.py runs/nowhere --recipe nowhere.yaml"))
    with pytest.raises(click.UsageError):
        check_line(Line(1, "python scripts/bundle.py runs/nowhere --nothing"))
