"""Give the command line damaged files: 1,000 of each kind, in a process with 2 GB of memory and 10 s of CPU time each.

    python scripts/fuzz.py                          # all kinds; what failed is kept in fuzz/
    python scripts/fuzz.py --count 100 --kind PNG --seed 7

A case passes if the command ends with exit code 0, or with 2 and a message that is no traceback, ends by no signal and
in time, and leaves nothing but its output, whole, in the folder that it runs in. Files are made in code from a seed, so
a case that failed is made again by its number.

Each case is a fork of this process, which has the modules imported: a start of Python for each would take hours.
"""

from __future__ import annotations

import gc
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Before what reads them. Without telemetry and threads of its own, this process is one thread, which may fork.
os.environ |= {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}

import av
import click
import numpy as np
import onnxruntime  # noqa: F401 - for the forks
from PIL import Image

import stylezoo
import stylezoo.cli.stylize
import stylezoo.cli.train
import stylezoo.cli.verify
import stylezoo.cli.video
import stylezoo.evaluate.verify
import stylezoo.video.film
from stylezoo.cli.main import main as stylezoo_main
from stylezoo.stylizer.loading import load
from stylezoo.train.recipe import packaged_recipes
from stylezoo.zoo.catalog import zoo_file
from stylezoo.zoo.store import BUNDLED

MEMORY, SECONDS = 2 * 10**9, 10
LEFT = {".stylezoo.lock", ".stylezoo.jsonl"}
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
WORDS = (b"&a [*a,*a]", b"!!python/object:os.system", b"1e999", b"-1", b"null", b"{", b"\t", b"\xff", b"- " * 4000)


@dataclass(frozen=True)
class Kind:
    """What is damaged, and the command that reads it.

    Attributes:
        name: of the file in the working folder.
        data: a whole one.
        arguments: of the command, in which `photo.png` and the file lie.
        output: what the command may write.
        text: damage words and lines rather than bytes alone.
    """

    name: str
    data: bytes
    arguments: tuple[str, ...]
    output: str = ""
    text: bool = False


def make_kinds(folder: Path) -> dict[str, Kind]:
    """Return the kinds, whose files are made in code; `folder` is for what has to be written first."""
    y, x = np.mgrid[0:48, 0:64]
    pixels = np.stack([x * 4, y * 5, (x * y) % 256], axis=2).astype(np.uint8)
    image = Image.fromarray(pixels)
    kinds: dict[str, Kind] = {}
    way: tuple[str, ...]
    for kind, ending in (("JPEG", "jpg"), ("PNG", "png"), ("WebP", "webp"), ("TIFF", "tif"), ("GIF", "gif")):
        buffer = io.BytesIO()
        more = {"exif": _exif(), "dpi": (300, 300)} if kind in {"JPEG", "PNG", "TIFF"} else {}
        image.save(buffer, kind, **more)
        way = ("stylize", f"in.{ending}", "-m", "johnson/mosaic", "-o", "out.png", "--size", "64")
        kinds[kind] = Kind(f"in.{ending}", buffer.getvalue(), way, "out.png")
    net = (BUNDLED / "johnson" / "mosaic.safetensors").read_bytes()
    way = ("stylize", "photo.png", "-m", "in.safetensors", "-o", "out.png")
    kinds["safetensors"] = Kind("in.safetensors", net, way, "out.png")
    kinds["zoo.yaml"] = Kind("zoo.yaml", zoo_file().read_bytes(), ("verify", "--zoo", "."), text=True)
    recipe = (packaged_recipes() / "cin16.yaml").read_bytes()
    kinds["recipe"] = Kind("in.yaml", recipe, ("train", "--recipe", "in.yaml", "--dry-run"), text=True)
    load("cin/16", device="cpu").card("udnie", id="other").save(folder / "in.card.safetensors")
    card = (folder / "in.card.safetensors").read_bytes()
    way = ("stylize", "photo.png", "-m", "cin/16", "--card", "in.card.safetensors", "-o", "out.png", "--size", "64")
    kinds["card"] = Kind("in.card.safetensors", card, way, "out.png")
    with av.open(str(folder / "in.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shift in range(6):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(pixels, 4 * shift, axis=1), "rgb24")))
        out.mux(stream.encode(None))
    clip = (folder / "in.mp4").read_bytes()
    kinds["mp4"] = Kind("in.mp4", clip, ("video", "in.mp4", "-m", "johnson/mosaic", "-o", "out.mp4"), "out.mp4")
    image.save(folder / "photo.png")
    return kinds


def _exif() -> bytes:
    made = Image.Exif()
    made[0x010E], made[0x0112], made[0x8298] = "A ramp", 6, "nobody"
    return made.tobytes()


def damage(data: bytes, rng: random.Random, text: bool) -> bytes:
    """Return data with one to eight faults."""
    made = bytearray(data)
    ways: list[Callable[[bytearray, random.Random], None]] = [_flip, _number, _cut, _copy, _drop, _fill]
    ways += [_word, _word, _line, _line] if text else []
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if made:
            rng.choice(ways)(made, rng)
    return bytes(made)


def _place(made: bytearray, rng: random.Random) -> int:
    """Return a place; every second one is near the start, where headers are."""
    return rng.randrange(min(len(made), 400) if rng.random() < 0.5 else len(made))


def _flip(made: bytearray, rng: random.Random) -> None:
    made[_place(made, rng)] ^= 1 << rng.randrange(8)


def _number(made: bytearray, rng: random.Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    value = rng.choice(NUMBERS) & (256**size - 1)
    start = _place(made, rng)
    made[start : start + size] = value.to_bytes(size, rng.choice(("little", "big")))


def _cut(made: bytearray, rng: random.Random) -> None:
    del made[_place(made, rng) :]


def _copy(made: bytearray, rng: random.Random) -> None:
    start, end = _place(made, rng), _place(made, rng)
    made[end:end] = made[start : start + rng.randrange(1, 300)]


def _drop(made: bytearray, rng: random.Random) -> None:
    start = _place(made, rng)
    del made[start : start + rng.randrange(1, 100)]


def _fill(made: bytearray, rng: random.Random) -> None:
    start = _place(made, rng)
    made[start : start + 20] = rng.randbytes(20)


def _word(made: bytearray, rng: random.Random) -> None:
    start = _place(made, rng)
    made[start : start + rng.randrange(8)] = rng.choice(WORDS)


def _line(made: bytearray, rng: random.Random) -> None:
    lines = bytes(made).split(b"\n")
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[first], lines[second] = lines[second], b" " * rng.randrange(6) + lines[first].lstrip()
    made[:] = b"\n".join(lines)


def run_case(kind: Kind, data: bytes, photo: bytes, folder: Path) -> tuple[str, str]:
    """Run the command on damaged data in `folder`; return "ok", "refused" or what went wrong, and its stderr."""
    work, aside = folder / "work", folder / "aside"
    for place in (work, aside):
        place.mkdir(parents=True)
    (work / kind.name).write_bytes(data)
    (work / "photo.png").write_bytes(photo)
    before = {path.name for path in work.iterdir()}
    child = os.fork()
    if child == 0:
        _be_case(kind, work, aside)
    code = _wait(child)
    said = (aside / "stderr").read_text("utf-8", "replace") if (aside / "stderr").exists() else ""
    left = {path.name for path in work.iterdir()} - before - LEFT - {kind.output}
    strays = [p.name for p in aside.iterdir() if p.name not in {"stdout", "stderr"}]
    strays += [p.name for p in folder.iterdir() if p not in (work, aside)]
    return _verdict(kind, work, code, said, sorted(left) + strays), said


def _verdict(kind: Kind, work: Path, code: int, said: str, strays: list[str]) -> str:
    if code in (-signal.SIGXCPU, -signal.SIGALRM):
        return f"longer than {SECONDS} s"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    if "Traceback" in said or "internal error" in said:
        return "traceback"
    if code not in ((0, 1, 2) if kind.output == "" else (0, 2)):  # verify ends with 1 where weights are missing
        return f"exit code {code}"
    if code == 2 and not said.strip():
        return "no message"
    if strays:
        return f"left {', '.join(strays)}"
    if kind.output and (work / kind.output).exists() != (code == 0):
        return "exit code 0 without output" if code == 0 else "output with exit code 2"
    if code == 0 and kind.output and not _is_whole(work / kind.output):
        return "half an output"
    return "refused" if code else "ok"


def _is_whole(path: Path) -> bool:
    try:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
            return True
        with av.open(str(path)) as clip:
            return sum(1 for _ in clip.decode(video=0)) > 0
    except (OSError, ValueError, SyntaxError, av.FFmpegError):
        return False


def _be_case(kind: Kind, work: Path, aside: Path) -> None:
    """Be the child: run the command and end."""
    code = 70
    try:
        os.chdir(work)
        os.environ |= {"HOME": str(aside), "TMPDIR": str(aside), "XDG_DATA_HOME": str(aside)}
        tempfile.tempdir = str(aside)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(aside / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))  # a busy machine may need longer by the clock
        sys.argv = ["stylezoo", *kind.arguments]
        stylezoo_main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    """Return the exit code, or minus the signal; a child that waits for what never comes is killed."""
    end = time.monotonic() + 6 * SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGALRM


@click.command()
@click.option("--count", default=1000, help="How many files of each kind.")
@click.option("--kind", "only", multiple=True, help="Only these kinds.")
@click.option("--seed", default=0, help="Of the faults.")
@click.option("--keep", type=click.Path(path_type=Path), default=Path("fuzz"), help="Where files that failed go.")
def main(count: int, only: tuple[str, ...], seed: int, keep: Path) -> None:
    """Print a line for each kind, and one for each failure."""
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = make_kinds(folder)
        if unknown := set(only) - kinds.keys():
            raise click.ClickException(f"there is no kind '{unknown.pop()}': use {', '.join(kinds)}")
        photo = (folder / "photo.png").read_bytes()
        if len(list(Path("/proc/self/task").iterdir())) > 1:
            raise click.ClickException("this process has several threads: what it forks might wait for one of them")
        gc.collect()
        gc.freeze()  # or each fork copies what its garbage collector visits
        for label, kind in kinds.items():
            if only and label not in only:
                continue
            verdict, said = run_case(kind, kind.data, photo, folder / "case")
            shutil.rmtree(folder / "case")
            if verdict != ("refused" if label == "zoo.yaml" else "ok"):  # its weights are not in that folder
                raise click.ClickException(f"a whole {label} is not read: {verdict}: {said}")
            found, began, longest = Counter[str](), time.monotonic(), 0.0
            for number in range(count):
                data = damage(kind.data, random.Random(f"{seed} {label} {number}"), kind.text)
                started = time.monotonic()
                verdict, said = run_case(kind, data, photo, folder / "case")
                longest = max(longest, time.monotonic() - started)
                shutil.rmtree(folder / "case")
                found[verdict] += 1
                if verdict not in ("ok", "refused"):
                    failed += 1
                    place = keep / label / str(number)
                    place.mkdir(parents=True, exist_ok=True)
                    (place / kind.name).write_bytes(data)
                    (place / "stderr").write_text(said)
                    click.echo(json.dumps({"kind": label, "number": number, "seed": seed, "verdict": verdict}))
            bad = count - found["ok"] - found["refused"]
            click.echo(
                f"{label}: {count} files, {found['ok']} stylized or read, {found['refused']} refused, {bad} failed; "
                f"{time.monotonic() - began:.0f} s, the longest {longest:.1f} s"
            )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    print(f"stylezoo {stylezoo.__version__}, {time.strftime('%Y-%m-%d')}, seed and count as given")
    main()
