from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from stylezoo.data import photos
from stylezoo.images.io import encode, read
from stylezoo.images.phash import perceptual_hash
from stylezoo.zoo import catalog
from stylezoo.zoo.spec import PictureSpec, StyleSpec, Zoo


def encoded(name: str) -> bytes:
    return encode(Image.fromarray(getattr(data, name)()).resize((500, 400)), "jpeg", quality=75)


@pytest.fixture
def store(web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A zoo of two pictures, cat.jpg and coffee.jpg, on a loopback server; a fresh default data folder."""
    artworks = {}
    for name, skimage_name in {"coffee": "coffee", "cat": "chelsea"}.items():
        web.files[f"/{name}.jpg"] = encoded(skimage_name)
        picture = PictureSpec(
            file=f"{name}.jpg",
            page=f"https://example.org/{name}",
            urls=(f"{web.url}/{name}.jpg",),
            phash=perceptual_hash(read(getattr(data, skimage_name)()).pixels),
        )
        artworks[name] = StyleSpec(id=name, title=name, rights="CC0-1.0", source="a test", picture=picture)
    monkeypatch.setattr(catalog, "default_zoo", lambda: Zoo(schema=1, aliases={}, models={}, artworks=artworks))
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return web


def test_path_prints_the_folder_that_would_be_filled(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("STYLEZOO_DATA", raising=False)
    assert run("data", "path").stdout == f"{tmp_path / 'stylezoo'}\n"
    monkeypatch.setenv("STYLEZOO_DATA", "elsewhere")
    assert run("data", "path").stdout == "elsewhere\n"


def test_presets_are_fetched_once_and_training_finds_them(run, store, tmp_path: Path, monkeypatch) -> None:
    from stylezoo.data.styles import find_picture

    result = run("data", "get", "presets")
    assert result.exit_code == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()] == [["cat.jpg", "fetched"], ["coffee.jpg", "fetched"]]
    monkeypatch.chdir(tmp_path)
    assert find_picture("coffee.jpg") == tmp_path / "stylezoo/presets/coffee.jpg"
    again = run("data", "get", "presets")
    assert [line.split()[1] for line in again.stdout.splitlines()] == ["there", "there"]
    assert len(store.asked) == 2


def test_one_picture_that_cannot_be_had_does_not_stop_the_others(run, store, tmp_path: Path) -> None:
    del store.files["/cat.jpg"]
    result = run("data", "get", "presets", "--json")
    assert result.exit_code == 2
    cat, coffee = map(json.loads, result.stdout.splitlines())
    assert (cat["state"], coffee["state"], coffee["problem"]) == ("missing", "fetched", None)
    assert "HTTP 404" in cat["problem"]
    by_hand, end = result.stderr.splitlines()
    for part in (
        "cat.jpg is missing",
        "HTTP 404",
        "https://example.org/cat",
        str(tmp_path / "stylezoo/presets/cat.jpg"),
    ):
        assert part in by_hand
    assert "1 of 2 pictures" in end and str(tmp_path / "stylezoo/presets") in end
    Path(cat["path"]).write_bytes(encoded("chelsea"))  # by hand
    assert run("data", "get", "presets").exit_code == 0


def test_another_folder_is_filled_and_said_how_to_use(run, store, tmp_path: Path) -> None:
    result = run("data", "get", "presets", "--to", tmp_path / "mine")
    assert sorted(p.name for p in (tmp_path / "mine/presets").iterdir()) == ["cat.jpg", "coffee.jpg"]
    assert f"export STYLEZOO_DATA={tmp_path / 'mine'}" in result.stderr
    assert not (tmp_path / "stylezoo").exists()


def test_a_dry_run_asks_nobody_and_writes_nothing(run, store, tmp_path: Path) -> None:
    result = run("data", "get", "presets", "--dry-run")
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["missing", "missing"]
    assert "val2017  missing" in run("data", "get", "photos", "--dry-run").stdout
    assert result.exit_code == 0
    assert store.asked == [] and not (tmp_path / "stylezoo").exists()


def test_photos_are_unpacked_into_content(run, store, tmp_path: Path, monkeypatch) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as bundle:
        bundle.writestr("val2017/a.jpg", encoded("coffee"))
    store.files["/val2017.zip"] = buffer.getvalue()
    monkeypatch.setattr(photos, "URL", f"{store.url}/val2017.zip")
    monkeypatch.setattr(photos, "MD5", hashlib.md5(buffer.getvalue()).hexdigest())
    result = run("data", "get", "photos", "--json")
    assert result.exit_code == 0, result.stderr
    fact = json.loads(result.stdout)
    assert (fact["state"], fact["photos"], fact["path"]) == ("fetched", 1, str(tmp_path / "stylezoo/content/val2017"))
    assert "MB" in result.stderr
    assert "there" in run("data", "get", "photos").stdout


def test_a_zoo_without_pictures_says_so(refused, zoo) -> None:
    assert "no style of the zoo" in refused("data", "get", "presets")


def test_what_to_get_is_one_of_two(refused) -> None:
    assert "'presets', 'photos'" in refused("data", "get", "weights")


def test_the_bare_command_and_its_parts_explain_themselves(run) -> None:
    assert re.search(r"get +Download", run("data").stdout)
    assert "--dry-run" in run("data", "get", "--help").stdout


def test_the_folder_is_printed_without_loading_torch() -> None:
    script = "import sys; from stylezoo.cli.main import cli; cli.main(['data', 'path'], standalone_mode=False); "
    script += "print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"


@pytest.mark.slow
def test_targets_are_measured_from_the_pictures_of_recipes(run, refused, recipe_file: Path, tmp_path: Path) -> None:
    result = run("data", "targets", "--recipe", recipe_file, "--out", tmp_path / "targets.safetensors", "--json")
    assert result.exit_code == 0, result.stderr
    fact = json.loads(result.stdout)
    assert (fact["style"], fact["image"], fact["sizes"]) == ("stripes", "stripes.png", [512])
    assert {"gram.relu1_1", "moments.relu2_1", "palette.lab"} <= {*fact["terms"]}
    assert "1 styles" in result.stderr and (tmp_path / "targets.safetensors").is_file()
    assert "targets.txt" in refused("data", "targets", "--recipe", recipe_file, "--out", "targets.txt")


def test_a_pack_is_made_and_said_what_is_in_it(run, refused, recipe_file: Path, tmp_path: Path) -> None:
    result = run("data", "pack", "--recipe", recipe_file, "--out", tmp_path / "pack", "--limit-mb", "1")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{tmp_path / 'pack'}\n"
    for part in ("content: 5 pictures", "relu2_1", "1 style pictures", "AVIF quality 70"):
        assert part in result.stderr
    assert "not an empty folder" in refused("data", "pack", "--recipe", recipe_file, "--out", tmp_path / "pack")
