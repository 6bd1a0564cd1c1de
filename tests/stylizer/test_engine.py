"""A Stylizer in several threads and processes, as a copy, and with a net that somebody changes."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data

import stylezoo
from stylezoo.errors import ImageError, OptionError, WeightsError
from stylezoo.models import create_model
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.spec import ModelSpec, StyleSpec

PHOTO = np.ascontiguousarray(data.astronaut()[::8, ::8])
LEFT = np.zeros(PHOTO.shape[:2], bool)
LEFT[:, :30] = True
STYLES = tuple(StyleSpec(id=name, title=name.title(), rights="CC0-1.0", source="drawn") for name in ("dots", "lines"))


def spec_of(net: Any, **facts: Any) -> ModelSpec:
    return ModelSpec(name=f"{net.family}/tiny", family=net.family, arch=dict(net.arch), license="CC0-1.0", **facts)


def tiny(family: str, **arch: Any) -> Stylizer:
    """A small random net with two styles, or with the one of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        net = create_model(family, **arch)
        with torch.no_grad():
            for name in ("style", "styles"):
                if hasattr(net, name):
                    getattr(net, name).add_(0.3 * torch.randn_like(getattr(net, name)))
    return Stylizer(spec_of(net, styles=STYLES[: 1 if family == "johnson" else 2]), net)


FAMILIES: dict[str, Callable[[], Stylizer]] = {
    "johnson": lambda: tiny("johnson", width=8, blocks=1),
    "cin": lambda: tiny("cin", styles=2, width=8, blocks=1),
    "ghiasi": lambda: tiny("ghiasi", styles=2, width=8, blocks=1),
    "adain": lambda: tiny("adain", styles=2),
    "bundled johnson": lambda: load("johnson/mosaic", device="cpu"),
    "bundled cin": lambda: load("cin/16", device="cpu"),
    "bundled ghiasi": lambda: load("ghiasi/lite", device="cpu"),
    "by torch": lambda: load("cin/16", device="cpu", backend="torch"),
}


def a_style(stylizer: Stylizer) -> str:
    return stylizer.styles[0]


def compute(stylizer: Stylizer, style: Any = None) -> NDArray[np.uint8]:
    return stylizer.stylize(PHOTO, a_style(stylizer) if style is None else style)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_copies_give_the_same(name: str) -> None:
    stylizer = FAMILIES[name]()
    expected = compute(stylizer)
    for other in (copy.deepcopy(stylizer), copy.copy(stylizer), pickle.loads(pickle.dumps(stylizer))):
        assert np.array_equal(compute(other), expected)
        assert (other.spec, other.device, other.dtype, other.backend) == (
            stylizer.spec,
            stylizer.device,
            stylizer.dtype,
            stylizer.backend,
        )


@pytest.mark.slow
def test_what_is_in_a_file_is_pickled_by_its_hash(tmp_path: Path) -> None:
    assert len(pickle.dumps(load("cin/16-large", device="cpu"))) < 100_000
    tiny("johnson", width=8, blocks=1).save(tmp_path / "net.safetensors")
    sent = pickle.dumps(load(tmp_path / "net.safetensors", device="cpu"))
    tiny("johnson", width=8, blocks=1).to(dtype="float16").save(tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match=r"net\.safetensors is missing or has changed"):
        pickle.loads(sent)


def test_a_card_travels_with_a_copy() -> None:
    stylizer = load("cin/16", device="cpu")
    stylizer.add_card(stylizer.card("udnie", id="mine"))
    other = pickle.loads(pickle.dumps(stylizer))
    assert other.styles[-1] == "mine"
    assert np.array_equal(compute(other, "mine"), compute(stylizer, "udnie"))


def test_processes_are_sent_a_stylizer() -> None:
    stylizer = load("johnson/mosaic", device="cpu")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert np.array_equal(pool.apply(stylizer.stylize, (PHOTO,)), compute(stylizer))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_threads_give_the_bytes_of_serial_calls(backend: str) -> None:
    stylizer = load("cin/16", device="cpu", backend=backend)
    cards = [stylizer.card("senecio", id=f"mine{i}") for i in range(3)]
    frames = [np.roll(PHOTO, 3 * i, axis=1) for i in range(3)]
    calls: list[Callable[[], Any]] = [
        lambda: stylizer.stylize(PHOTO, "udnie"),
        lambda: stylizer.stylize(PHOTO, mask={"udnie": LEFT, "the_kiss": ~LEFT}),
        lambda: stylizer.stylize(PHOTO, "the_scream", mask=LEFT, strength=0.5),
        lambda: stylizer.stylize(PHOTO, "udnie", tile=32),
        lambda: list(stylizer.stylize_batch([PHOTO, PHOTO[::-1]], "the_kiss")),
        lambda: list(stylizer.stylize_frames(frames, "great_wave")),
        lambda: list(stylizer.stylize_frames(frames[::-1], "udnie", steady=0.5, mask=LEFT)),
        lambda: stylizer.encode_style({"udnie": 1, "the_kiss": 2}).values[:, :16],
    ]
    expected = [call() for call in calls]
    mixed = [call for card in cards for call in (*calls, partial(stylizer.add_card, card))]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda call: call(), mixed))
    for number, result in enumerate(found):
        which = number % (len(calls) + 1)
        assert which == len(calls) or np.array_equal(result, expected[which]), which
    for card in cards:
        assert np.array_equal(stylizer.stylize(PHOTO, card.spec.style.id), stylizer.stylize(PHOTO, "senecio"))


def test_what_is_changed_in_the_net_counts() -> None:
    stylizer, other = (load("cin/16", device="cpu") for _ in range(2))
    for values in other.net.parameters():
        values.data *= 1.05
    before = compute(stylizer)
    assert np.array_equal(compute(stylizer), before) and not np.array_equal(compute(other), before)
    stylizer.net.load_state_dict(other.net.state_dict())
    assert np.array_equal(compute(stylizer), compute(other))
    stylizer.net.styles.data[0] += 0.5  # which no version counter sees
    assert not np.array_equal(compute(stylizer), compute(other))
    assert np.array_equal(compute(copy.deepcopy(stylizer)), compute(stylizer))


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_nan_is_an_error_and_not_black(backend: str) -> None:
    stylizer = load("johnson/mosaic", device="cpu", backend=backend)
    holed = PHOTO.astype(np.float32) / 255
    holed[3, 4] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        stylizer.stylize(holed)
    stylizer.net.style.data[0, 0] = np.nan
    with pytest.raises(ImageError, match="NaN"):
        stylizer.stylize(PHOTO)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = tiny("johnson", width=8, blocks=1)
    broken.net.style.data[0, 0] = np.inf
    broken.save(tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match="'style' has NaN or infinity"):
        load(tmp_path / "net.safetensors", device="cpu")


def test_a_batch_is_refused_at_the_call() -> None:
    stylizer = load("cin/16", device="cpu")
    with pytest.raises(OptionError, match="strength"):
        stylizer.stylize_batch([], "udnie", strength=9)
    with pytest.raises(stylezoo.errors.StyleError, match="starry"):
        stylizer.stylize_batch([], "starry")
    with pytest.raises(stylezoo.errors.StyleError, match="starry"):
        stylizer.stylize_frames([], "starry")


def test_a_file_that_changes_is_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    first, second = (tiny("johnson", width=width, blocks=1) for width in (8, 12))
    first.save(path)
    assert np.array_equal(stylezoo.stylize(PHOTO, path), compute(load(path, device="cpu")))
    second.save(path)
    assert np.array_equal(stylezoo.stylize(PHOTO, path), compute(load(path, device="cpu")))


TELEMETRY = """
import socket, sys
tried = []
def refuse(*args, **kwargs):
    tried.append(args)
    raise OSError("no network in this test")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import numpy, stylezoo
stylezoo.load("cin/16").stylize(numpy.zeros((32, 32, 3), "uint8"), "udnie")
assert "torch" not in sys.modules, "torch was imported"
print(tried)
"""


def test_nothing_is_told_and_no_torch_is_loaded(tmp_path: Path) -> None:
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    env = {key: value for key, value in os.environ.items() if key not in (*names, "ORT_DISABLE_TELEMETRY", "HF_HOME")}
    env |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(stylezoo.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", TELEMETRY], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.rglob("*")) == []
    assert socket.socket.connect is not None
