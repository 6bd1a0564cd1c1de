"""Every option of every command, at its bounds and outside, through both runtimes: one verdict, one message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from moving import make_clip, pictures
from PIL import Image

from stylezoo.cli.main import COMMANDS, cli
from stylezoo.runtime.options import option_fields

PIXELS = np.random.default_rng(0).integers(0, 256, (33, 40, 3), dtype=np.uint8)


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words, those of groups too."""

    def below(words: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                found = command.get_command(click.Context(command), name)
                assert found is not None
                yield from below((*words, name), found)
        else:
            yield words, command

    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        yield from below((name,), command)


def options(command: click.Command) -> Iterator[click.Option]:
    return (param for param in command.params if isinstance(param, click.Option))


def outside(kind: Any) -> list[str]:
    """Values that a bounded type does not have."""
    if isinstance(kind, click.Choice):
        return ["no-such-choice", ""]
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        low = [] if kind.min is None else [f"{kind.min - 1}"]
        return [*low, *([] if kind.max is None else [f"{kind.max + 1}"]), "many"]
    return ["many"] if kind in (click.INT, click.FLOAT) else []


BOUNDED = [
    (words, option.opts[-1], value)
    for words, command in commands()
    for option in options(command)
    for value in outside(option.type)
]


@pytest.mark.parametrize(("words", "flag", "value"), BOUNDED)
def test_a_value_that_its_type_does_not_have_is_refused_by_name(refused, words, flag, value) -> None:
    said = refused(*words, f"{flag}={value}")
    assert flag in said and value in said


# Options whose bounds no type states, with values outside. None: a name or a file, which other tests are about.
FREE: dict[str, dict[str, list[str] | None]] = {
    "stylize": {
        "--strength": ["-0.01", "3.01", "nan", "inf"],
        "--palette": ["-0.01", "1.01", "nan"],
        "--size": ["0", "-1", "16385"],
        "--stroke": ["0", "0.06", "16.1", "nan", "-1", "big"],
        "--protect": ["nose", "face:2", "face:x"],
        "--tile": ["0", "-512", "big", "1.5"],
        "--style-size": ["0", "15", "4097"],
        "--device": ["tpu", "cuda:99", "cpu:x"],
        "--steps": ["100"],  # this and what follows: of models that optimise each picture
        "--optimizer": ["adam"],
        "--lr": ["0.1"],
        "--patch": ["3"],
        "--stride": ["1"],
        "--start": ["photo"],
        "--stages": ["2"],
        "--content-layers": ["relu4_2"],
        "--style-layers": ["relu4_2"],
        "--content-weight": ["1"],
        "--style-weight": ["1"],
        "--tv-weight": ["1"],
        "--pooling": ["max"],
        "--seed": ["1"],
        "--style": ["nobody", "dots:x"],
        "--region": ["nowhere.png:dots"],
        "--mask": ["nowhere.png"],
        "--content-map": ["nowhere.png"],
        "--style-map": ["nowhere.png"],
        "--card": ["nowhere.card"],
        "--model": ["nobody/nothing"],
        "--output": ["", "out.xyz"],
        "--save-card": None,
    },
    "video": {
        "--strength": ["-0.01", "3.01", "nan"],
        "--palette": ["-0.01", "1.01", "nan"],
        "--size": ["0", "16385"],
        "--stroke": ["0", "16.1"],
        "--protect": ["nose", "face:2"],
        "--tile": ["0", "big", "64"],  # with a number steady must be 0
        "--style-size": ["15", "4097"],
        "--steady": ["1", "-0.1", "nan"],
        "--start": ["-1", "nan", "99"],
        "--duration": ["0", "-1", "nan"],
        "--quality": ["-1", "99"],
        "--codec": ["nope", "aac"],
        "--keyframes": ["x", "0:nobody", "-1:dots"],
        "--device": ["tpu"],
        "--style": ["nobody", "dots:x"],
        "--mask": ["nowhere.png"],
        "--content-map": ["nowhere.png"],
        "--style-map": ["nowhere.png"],
        "--card": ["nowhere.card"],
        "--model": ["nobody/nothing"],
        "--output": ["out.xyz", "out"],
    },
    "sheet": {
        "--strength": ["-0.01", "3.01", "nan"],
        "--palette": ["-0.01", "1.01", "nan"],
        "--stroke": ["0", "16.1"],
        "--protect": ["nose", "face:2"],
        "--style-size": ["15", "4097"],
        "--styles": ["nobody", ","],
        "--blend": ["dots", "dots,nobody"],
        "--device": ["tpu"],
        "--card": ["nowhere.card"],
        "--model": ["nobody/nothing"],
        "--output": ["", "out.xyz"],
    },
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("options")
    Image.fromarray(PIXELS).save(folder / "photo.png")
    make_clip(folder / "clip.mp4", pictures(3), sound=None)
    return folder


def arguments(command: str, place: Path, net: Path, more: dict[str, str]) -> list[str]:
    source, out = ("clip.mp4", "out.mp4") if command == "video" else ("photo.png", "out.png")
    fixed = {"-m": str(net), "-o": str(place / out), "-s": "dots"}
    if command == "sheet":
        del fixed["-s"]
    for name, short in (("--model", "-m"), ("--output", "-o"), ("--style", "-s"), ("--keyframes", "-s")):
        if name in more:
            fixed.pop(short, None)
    if more.get("--output"):
        more = more | {"--output": str(place / more["--output"])}
    if command == "sheet":
        more = {key: value for key, value in more.items() if key != "--backend"}
    pairs = [f"{key}={value}" if key.startswith("--") else f"{key}{value}" for key, value in (fixed | more).items()]
    return [command, str(place / source), *pairs, "--force"]


@pytest.mark.parametrize("command", FREE)
def test_the_table_above_names_every_option_without_a_bounded_type(command: str) -> None:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    free = {
        o.opts[-1] for o in options(found) if not o.is_flag and not isinstance(o.type, (click.Choice, click.IntRange))
    }
    assert free == set(FREE[command])


OUTSIDE = [(c, flag, value) for c, flags in FREE.items() for flag, values in flags.items() for value in values or ()]


@pytest.mark.parametrize(("command", "flag", "value"), OUTSIDE)
def test_a_value_outside_is_refused_alike_by_both_runtimes(refused, place, multi_file, command, flag, value) -> None:
    backends = ["auto"] if command == "sheet" else ["onnx", "torch"]
    said = [refused(*arguments(command, place, multi_file, {flag: value, "--backend": b})) for b in backends]
    assert len(set(said)) == 1, said
    assert "internal" not in said[0]
    word = flag.removeprefix("--")
    names = [flag, word, word.replace("-", "_"), repr(value), *filter(None, re.split("[:,]", value))]
    assert any(name in said[0] for name in names), said[0]


def mostly(good: Any, bad: Any) -> Any:
    return st.one_of(good, good, good, bad)


VALUES = {
    "strength": mostly(st.floats(0, 3), st.sampled_from([-1.0, 3.5, float("nan")])),
    "size": mostly(st.integers(1, 90), st.sampled_from([0, -3, 20000])),
    "stroke": mostly(st.floats(1 / 16, 16) | st.just("auto"), st.sampled_from([0.0, 17.0, float("inf")])),
    "palette": mostly(st.floats(0, 1), st.sampled_from([-0.1, 1.5, float("nan")])),
    "preserve_color": mostly(st.sampled_from(["luma", "stats"]), st.just("hue")),
    "protect": mostly(st.sampled_from(["face", "face:0.5"]), st.sampled_from(["nose", "face:2"])),
    "only": mostly(st.sampled_from(["subject", "background"]), st.just("sky")),
    "smooth": st.booleans(),
    "tileable": st.booleans(),
    "tile": mostly(st.sampled_from(["auto", "none", "32", "64"]), st.sampled_from(["0", "33", "all"])),
    "style_size": mostly(st.integers(16, 90), st.sampled_from([15, 5000])),
    "metadata": mostly(st.sampled_from(["keep", "safe", "none"]), st.just("some")),
}


def test_the_strategies_above_name_every_option_of_stylize() -> None:
    of_pairs = {"content_map", "style_map"}  # of use only together: tests/cli/test_semantic_maps.py
    assert set(VALUES) | of_pairs == set(option_fields())


@pytest.mark.slow
@given(chosen=st.fixed_dictionaries({}, optional=VALUES))
def test_any_options_together_give_one_verdict_and_one_picture(place, multi_file, chosen: dict[str, Any]) -> None:
    flags = [f"--{name}" for name in ("tileable", "smooth") if chosen.pop(name, False)]
    given_ = {f"--{name.replace('_', '-')}": str(value) for name, value in chosen.items()}
    verdicts, results = [], []
    for backend in ("onnx", "torch"):
        (place / "out.png").unlink(missing_ok=True)
        line = arguments("stylize", place, multi_file, given_ | {"--backend": backend})
        done = CliRunner().invoke(cli, line + flags)
        verdicts.append((done.exit_code, done.stderr))
        if done.exit_code == 0:
            with Image.open(place / "out.png") as made:
                results.append(np.asarray(made).astype(int))
    assert verdicts[0] == verdicts[1]
    assert verdicts[0][0] in (0, 2) and "internal" not in verdicts[0][1]
    if results:
        assert results[0].shape == results[1].shape
        assert np.abs(results[0] - results[1]).max() <= 2
        size = chosen.get("size")
        assert size is None or max(results[0].shape[:2]) == size
