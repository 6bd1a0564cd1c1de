"""`stylezoo demo`."""

from __future__ import annotations

import click

from stylezoo.cli.console import say
from stylezoo.cli.options import model_names


@click.command("demo")
@click.option("--host", default="127.0.0.1", help="Listen on this address; 0.0.0.0: for the whole network.")
@click.option("--port", default=7860, type=click.IntRange(0, 65535), help="Listen on this port; 0 takes a free one.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    shell_complete=model_names,
    help="Show this model, or those of a pattern such as 'johnson/*'; several may be given.  [default: all small nets]",
)
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
@click.option("--queue", default=64, type=click.IntRange(min=1), metavar="N", help="Requests that may wait.")
@click.option("--max-bytes", default=32 * 2**20, type=click.IntRange(min=1024), metavar="N", help="Size of an upload.")
@click.option(
    "--max-pixels", default=40_000_000, type=click.IntRange(min=1024), metavar="N", help="Pixels of an upload."
)
@click.option(
    "--rate",
    default=120,
    type=click.IntRange(min=0),
    metavar="N",
    help="Requests a minute of a visitor; 0: any.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
def command(
    host: str,
    port: int,
    models: tuple[str, ...],
    device: str,
    queue: int,
    max_bytes: int,
    max_pixels: int,
    rate: int,
    open_browser: bool,
) -> None:
    """Show a page on which photos are stylized, in a browser.

    It runs until Ctrl+C, works without a network, and shows nothing of this machine.
    """
    from stylezoo.demo.serve import serve
    from stylezoo.demo.settings import Settings

    settings = Settings(models, device, queue=queue, max_bytes=max_bytes, max_pixels=max_pixels, rate=rate)
    ready = "the page is at {}; Ctrl+C ends it"
    serve(settings, host=host, port=port, open_browser=open_browser, ready=lambda url: say(ready.format(url)))
    say("the page is closed")
