from __future__ import annotations

import socket
import subprocess
import sys

from stylezoo.demo import serve as serving
from stylezoo.demo.settings import Settings


def test_options_become_settings(run, monkeypatch):
    told = {}
    monkeypatch.setattr(serving, "serve", lambda settings, **options: told.update(options, settings=settings))
    limits = ["--queue", 5, "--max-pixels", 5000, "--max-bytes", 6000, "--rate", 0]
    result = run("demo", "--host", "0.0.0.0", "--port", 8000, "-m", "cin/*", "-m", "mosaic", "--open", *limits)
    assert result.exit_code == 0, result.output
    wanted = Settings(("cin/*", "mosaic"), queue=5, max_pixels=5000, max_bytes=6000, rate=0)
    assert told.pop("settings") == wanted
    told.pop("ready")("http://127.0.0.1:8000/")
    assert told == {"host": "0.0.0.0", "port": 8000, "open_browser": True}


def test_a_taken_port_and_a_missing_gradio_end_in_one_line(refused, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in refused("demo", "--port", port)
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    assert "pip install 'stylezoo[demo]'" in refused("demo")


def test_options_out_of_range_are_refused(refused):
    assert "--queue" in refused("demo", "--queue", 0)
    assert "--port" in refused("demo", "--port", 70000)


def test_its_help_loads_neither_torch_nor_gradio():
    code = (
        "import sys; from stylezoo.cli.main import cli\n"
        "try: cli.main(['demo', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'torch', 'gradio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
