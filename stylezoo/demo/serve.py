"""Serve the page."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from importlib.util import find_spec

from stylezoo.demo.settings import Settings
from stylezoo.errors import OptionError
from stylezoo.runtime.memory import release_memory

HOST, PORT = "127.0.0.1", 7860

SESSIONS = 300
"""Visits that gradio remembers; each call of a program is one. It keeps some 0.2 MB of each, and 10,000 by default."""

RELEASE = 60.0
"""Seconds after which the memory that requests have freed goes back to the system, again and again."""


def serve(
    settings: Settings,
    *,
    host: str = HOST,
    port: int = PORT,
    open_browser: bool = False,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve the page until the process is interrupted or terminated.

    Args:
        host: the address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for the whole network.
        port: the port to listen on; 0 picks a free one.
        open_browser: open the page in a browser.
        ready: called with the page's URL once it can be opened.

    Raises:
        OptionError: gradio is not installed, or the port is not available.
        ModelNotFoundError, OptionError: see `page.build_page`.
    """
    if find_spec("gradio") is None:
        raise OptionError("the demo needs gradio, which is not installed: pip install 'stylezoo[demo]'")
    port = free_port(host, port)
    with tempfile.TemporaryDirectory(prefix="stylezoo-demo-", ignore_cleanup_errors=True) as folder:
        prepare(folder)
        _serve(settings, host, port, open_browser, ready)


def prepare(folder: str) -> None:
    """Set gradio's environment before it is imported: files go to `folder`, and telemetry is off."""
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": folder, "GRADIO_EXAMPLES_CACHE": folder}
    for name in ("GRADIO_ALLOWED_PATHS", "GRADIO_SHARE", "GRADIO_WATCH_DIRS", "GRADIO_ROOT_PATH"):
        os.environ.pop(name, None)


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; raise OptionError if it is not available."""
    if not 0 <= port <= 65535:
        raise OptionError(f"port must be from 0 to 65535, not {port}")
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except OSError as cause:
        raise OptionError(
            f"cannot listen on {host}, port {port} ({cause.strerror}): choose another --port or --host"
        ) from cause


def _serve(settings: Settings, host: str, port: int, open_browser: bool, ready: Callable[[str], None]) -> None:
    from starlette.middleware import Middleware

    from stylezoo.demo.guard import Guard, Rate
    from stylezoo.demo.look import theme
    from stylezoo.demo.page import build_page
    from stylezoo.demo.parts import asset

    page = build_page(settings)
    page.queue(max_size=settings.queue)
    guard = Middleware(Guard, max_bytes=settings.max_bytes, rate=Rate(settings.rate))
    _, url, _ = page.launch(
        server_name=host,
        server_port=port,
        inbrowser=open_browser,
        app_kwargs={"middleware": [guard], "docs_url": None, "redoc_url": None},
        max_file_size=settings.max_bytes,
        state_session_capacity=SESSIONS,
        theme=theme(),
        css=asset("page.css"),
        footer_links=[],
        share=False,
        ssr_mode=False,
        run_history=False,
        pwa=False,
        quiet=True,
        prevent_thread_lock=True,
    )
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    ready(url)
    while not stop.wait(RELEASE):
        release_memory()
    page.close(verbose=False)
