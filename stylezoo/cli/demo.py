"""`stylezoo demo`."""

from __future__ import annotations

import click

from stylezoo.cli.console import say
from stylezoo.cli.options import model_names, shared_options


@click.command("demo")
@click.option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 serves the whole network.")
@click.option("--port", default=7860, type=click.IntRange(0, 65535), help="Port to listen on; 0 picks a free one.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    shell_complete=model_names,
    help="Model, or pattern such as 'johnson/*'; may be repeated.  [default: the bundled models]",
)
@shared_options("device")
@click.option("--queue", default=64, type=click.IntRange(min=1), metavar="N", help="Maximum waiting requests.")
@click.option(
    "--max-bytes", default=32 * 2**20, type=click.IntRange(min=1024), metavar="N", help="Maximum upload size."
)
@click.option(
    "--max-pixels", default=40_000_000, type=click.IntRange(min=1024), metavar="N", help="Maximum pixels of an upload."
)
@click.option(
    "--rate",
    default=120,
    type=click.IntRange(min=0),
    metavar="N",
    help="Maximum requests per minute and visitor; 0: no limit.",
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
    """Serve a web page for stylizing photos.

    Runs until Ctrl+C and works offline. The page exposes no files or paths of this machine.
    """
    from stylezoo.demo.serve import serve
    from stylezoo.demo.settings import Settings

    settings = Settings(models, device, queue=queue, max_bytes=max_bytes, max_pixels=max_pixels, rate=rate)
    ready = "the page is at {}; press Ctrl+C to stop"
    serve(settings, host=host, port=port, open_browser=open_browser, ready=lambda url: say(ready.format(url)))
    say("stopped")
