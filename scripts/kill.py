"""Kill stylezoo at random moments, by SIGKILL, and check that what it promises holds afterwards.

    python scripts/kill.py                             # 20 kills each of train, folder, video and push
    python scripts/kill.py --kills 5 --job train --seed 7

A job runs to its end once, which gives the result to compare with. Then it is killed, checked and continued by the same
command (with --resume where there is such an option) until it has been killed often enough; where it ends first, it
starts again in another place. After each kill, whatever has a final name must be whole; at the end, the result must be
that of the job that nobody killed, with no parts left over and no lock that blocks. `push` goes to
the Hub of tests/helpers, on this machine. Inputs are made in code. Needs stylezoo[train,video].
"""

from __future__ import annotations

import abc
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import av
import click
import numpy as np
import yaml
from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile
from PIL import Image
from safetensors import safe_open

from stylezoo._files import lock

HUB = Path(__file__).parents[1] / "tests" / "helpers" / "hub_server.py"
MODELS = ("johnson/mosaic", "johnson/great_wave")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_XET": "1"}


def texture(seed: int, height: int, width: int) -> Image.Image:
    """Return a picture of random smooth patches."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Job(abc.ABC):
    """A job to kill; made with a folder for its inputs."""

    @abc.abstractmethod
    def __init__(self, inputs: Path) -> None: ...

    @abc.abstractmethod
    def command(self, out: Path) -> list[str]:
        """Return the arguments that start or continue the job."""

    @abc.abstractmethod
    def state(self, out: Path) -> dict[str, str]:
        """Return the hashes of what has a final name; raise where a file is not whole."""

    def may_be(self, found: dict[str, str], whole: dict[str, str]) -> bool:
        """Whether `found` may be there while the job, which gives `whole`, is not done."""
        return found.items() <= whole.items()

    def is_done(self, found: dict[str, str], whole: dict[str, str]) -> bool:
        """Whether `found` is what the job should give."""
        return found == whole


class Train(Job):
    """A run of 60 steps of a tiny net."""

    def __init__(self, inputs: Path) -> None:
        (inputs / "photos").mkdir()
        for seed in range(5):
            texture(seed, 60, 80).save(inputs / "photos" / f"{seed}.png")
        texture(9, 64, 64).save(inputs / "style.png")
        style = {"id": "waves", "title": "Waves", "rights": "CC0-1.0", "source": "made in code", "image": "style.png"}
        recipe = {
            "name": "johnson/tiny",
            "model": {"family": "johnson", "args": {"width": 8, "blocks": 1}},
            "styles": [style],
            "data": {"content": str(inputs / "photos"), "hold_out": 0, "short_side": [40, 56], "crop": 32},
            "loss": {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_1": 1.0}},
            "run": {"steps": 60, "batch": 2, "precision": "fp32", "sample_every": 20, "checkpoint_every": 7},
        }
        self.recipe = inputs / "tiny.yaml"
        self.recipe.write_text(yaml.safe_dump(recipe))

    def command(self, out: Path) -> list[str]:
        resume = ["--resume"] if (out / "run" / "checkpoint.safetensors").exists() else []
        return ["train", "--recipe", str(self.recipe), "--out", str(out / "run"), "--device", "cpu", *resume]

    def state(self, out: Path) -> dict[str, str]:
        for path in out.glob("run/*.safetensors"):
            with safe_open(path, framework="np") as file:
                for key in file.keys():  # noqa: SIM118 - not a mapping
                    file.get_tensor(key)
        return {path.name: sha256(path) for path in out.glob("run/[wr]*")}

    def may_be(self, found: dict[str, str], whole: dict[str, str]) -> bool:
        return found.keys() <= whole.keys()  # weights of earlier steps have other bytes


class Folder(Job):
    """Pictures of a folder, by two processes."""

    def __init__(self, inputs: Path) -> None:
        self.photos = inputs / "pictures"
        self.photos.mkdir()
        for seed in range(60):
            texture(seed, 150, 200).save(self.photos / f"{seed:02d}.png")

    def command(self, out: Path) -> list[str]:
        return ["stylize", str(self.photos), "-m", MODELS[0], "-o", str(out / "out"), "--workers", "2", "--resume"]

    def state(self, out: Path) -> dict[str, str]:
        return {path.name: sha256(path) for path in out.glob("out/[!.]*")}


class Video(Job):
    """A clip of 200 frames, which are five parts."""

    def __init__(self, inputs: Path) -> None:
        self.clip = inputs / "clip.mkv"
        wide = np.asarray(texture(1, 96, 400))
        with av.open(str(self.clip), "w") as out:
            stream = out.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            for left in range(200):
                picture = np.ascontiguousarray(wide[:, left : left + 128])
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            out.mux(stream.encode(None))

    def command(self, out: Path) -> list[str]:
        return ["video", str(self.clip), "-m", MODELS[0], "-o", str(out / "out.mkv"), "--codec", "ffv1"]

    def state(self, out: Path) -> dict[str, str]:
        if not (out / "out.mkv").exists():
            return {}
        digest = hashlib.sha256()
        with av.open(str(out / "out.mkv")) as clip:
            for frame in clip.decode(video=0):
                digest.update(str(frame.time).encode() + frame.to_ndarray(format="rgb24").tobytes())
        return {"out.mkv": digest.hexdigest()}


class Push(Job):
    """Two models of the zoo, into a repository of its own for each place."""

    def __init__(self, inputs: Path) -> None:
        self.api = HfApi(ENVIRONMENT["HF_ENDPOINT"], ENVIRONMENT["HF_TOKEN"])

    def command(self, out: Path) -> list[str]:
        return ["push", *MODELS, "--repo", f"owner/{out.name}"]

    def state(self, out: Path) -> dict[str, str]:
        if not self.api.repo_exists(f"owner/{out.name}"):
            return {}
        tree = self.api.list_repo_tree(f"owner/{out.name}", recursive=True)
        return {entry.path: entry.blob_id for entry in tree if isinstance(entry, RepoFile) if entry.path[0] != "."}

    def may_be(self, found: dict[str, str], whole: dict[str, str]) -> bool:
        return not found or self.is_done(found, whole)  # all comes in one commit

    def is_done(self, found: dict[str, str], whole: dict[str, str]) -> bool:
        own = {"README.md", "zoo.yaml"}  # which name the repository
        return found.keys() == whole.keys() and all(found[path] == whole[path] for path in found.keys() - own)


JOBS: dict[str, type[Job]] = {"train": Train, "folder": Folder, "video": Video, "push": Push}


@contextmanager
def hub() -> Iterator[None]:
    """Run the test Hub, and point the jobs to it."""
    with subprocess.Popen([sys.executable, str(HUB)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().strip() for _ in range(2))
        ENVIRONMENT.update({"HF_ENDPOINT": url, "HF_TOKEN": token, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"})
        os.environ.update(ENVIRONMENT)
        try:
            yield
        finally:
            process.terminate()


def run(job: Job, out: Path, delay: float | None) -> bool:
    """Run the job; kill it after `delay` seconds; return whether it came to its end."""
    out.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "stylezoo", *job.command(out)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        said = process.communicate(timeout=delay)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()[1]
    if process.returncode not in (0, -signal.SIGKILL):
        raise click.ClickException(f"exit code {process.returncode} of {' '.join(command[2:])}: {said}")
    return process.returncode == 0


def campaign(name: str, kills: int, rng: random.Random, folder: Path) -> None:
    """Kill one job again and again; raise ClickException where something does not hold."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    job = JOBS[name](inputs)
    began = time.monotonic()
    run(job, folder / "unbroken", None)
    seconds = time.monotonic() - began
    whole = job.state(folder / "unbroken")
    done = finished = 0
    ended = False
    while not (ended and done >= kills):
        out = folder / f"place{finished}"
        ended = run(job, out, rng.uniform(0.1, 1.0) * seconds if done < kills else None)
        done += not ended
        found = job.state(out)
        ended = ended or job.is_done(found, whole)  # killed between the end of the work and that of the process
        if not (job.is_done if ended else job.may_be)(found, whole):
            raise click.ClickException(f"{name}: after {done} kills, {'done' if ended else 'killed'}: {found}, {whole}")
        if ended:
            finished += 1
            for path in out.rglob("*.lock"):  # one that a killed job left behind must not block another
                lock(path, path.name)()
            if left := [path.name for path in out.rglob("*.parts")]:
                raise click.ClickException(f"{name}: left over after {done} kills: {left}")
    took = time.monotonic() - began
    click.echo(f"{name}: {done} kills, {finished} times continued to its end with the result of no kill; {took:.0f} s")


@click.command()
@click.option("--kills", default=20, show_default=True, help="How often each job is killed.")
@click.option("--job", "only", multiple=True, type=click.Choice(list(JOBS)), help="Only these.")
@click.option("--seed", default=0, show_default=True, help="Of the moments.")
def main(kills: int, only: tuple[str, ...], seed: int) -> None:
    """Print a line for each job; the exit code is 1 where a promise was broken."""
    for name in only or JOBS:
        folder = Path(tempfile.mkdtemp(prefix="stylezoo-kill-"))
        with ExitStack() as stack:
            if name == "push":
                stack.enter_context(hub())
            campaign(name, kills, random.Random(f"{seed} {name}"), folder)
        shutil.rmtree(folder)  # kept where something failed


if __name__ == "__main__":
    main()
