from __future__ import annotations

import io
import json
import socket
from pathlib import Path

import httpx
import pytest
from PIL import Image
from running_page import running

from stylezoo.demo import serve as serving
from stylezoo.demo.serve import free_port, serve
from stylezoo.demo.settings import Settings
from stylezoo.errors import OptionError

SPACE = Path(serving.__file__).parent / "space"
FILE = {"_type": "gradio.FileData"}


def asked(client: httpx.Client, name: str, data: list) -> tuple[str, dict]:
    """Call a function of the page; return the event and the data that it ends with."""
    joined = client.post(f"gradio_api/call/{name}", json={"data": data}).raise_for_status().json()
    text = client.get(f"gradio_api/call/{name}/{joined['event_id']}").raise_for_status().text
    event, _, value = text.strip().split("\n\n")[-1].partition("\ndata: ")
    return event.removeprefix("event: "), json.loads(value)


@pytest.fixture(scope="module")
def client(page_url):
    with httpx.Client(base_url=page_url, headers={"X-Forwarded-For": "10.4.4.4"}, timeout=300) as client:
        yield client


@pytest.fixture(scope="module")
def values(client):
    """What the page asks for, without the photo."""
    parts = {c["props"].get("elem_id"): c["props"] for c in client.get("config").json()["components"]}
    mix = {"mix": [[parts["sz-palette"]["props"]["cards"][0]["id"], 1]]}
    return [parts["sz-quality"]["value"], mix, 1, "auto", "style", None, [], "everything", None, None, None]


def upload(client, data: bytes, name: str = "photo.png") -> str:
    return client.post("gradio_api/upload", files={"files": (name, data)}).raise_for_status().json()[0]


BRUSH, OWN = 5, 8  # places in `values`


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.effect_mandelbrot((120, 80), (-2, -1, 1, 1), 50).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def test_programs_may_call_it(client, values):
    photo = {"path": upload(client, picture()), "meta": FILE}
    event, (stage,) = asked(client, "stylize", [photo, *values])
    assert event == "complete" and stage["stylized"].startswith("data:image/jpeg")
    event, (saved,) = asked(client, "save_png", [photo, *values])
    file = client.get(saved["file"]["url"]).raise_for_status()
    assert Image.open(io.BytesIO(file.content)).size == (120, 80)


@pytest.mark.parametrize("marked", [{}, {"meta": FILE}, {"meta": {"_type": "other"}}, {"url": "/x", "meta": FILE}])
@pytest.mark.parametrize("place", ["photo", "own", "mask"])
def test_no_picture_of_the_host_is_stylized(client, values, hostile, photo, marked, place):
    """Gradio's own check is of files that are marked as gradio's: an unmarked path would be opened."""
    values, mine = list(values), {"path": upload(client, picture()), "meta": FILE}
    there = {"path": str(photo), **marked}
    if place == "own":
        values[OWN] = there
    elif place == "mask":
        values[BRUSH] = {"regions": [{**values[1], "mask": there}]}
    event, said = asked(client, "stylize", [there if place == "photo" else mine, *values])
    assert event == "error"
    assert "only what was uploaded here" in said["error"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"path": "http://127.0.0.1:9/x.png", "meta": FILE}, "addresses are not fetched"),
        ({"path": "http://127.0.0.1:9/x.png", "url": "http://127.0.0.1:9/x.png"}, "addresses are not fetched"),
        ({"url": "data:image/png;base64,AAAA"}, "addresses are not fetched"),
        ({"path": "../../../etc/hostname"}, "only what was uploaded here"),
        ("/etc/hostname", "load it again"),
        (["x"], "load it again"),
        (17, "load it again"),
    ],
)
def test_what_no_page_sends_is_answered_in_words(client, values, sent, said):
    event, answer = asked(client, "stylize", [sent, *values])
    assert event == "error"
    assert said in answer["error"]


@pytest.mark.parametrize("sent", [[], [None], ["x"] * 8, [None] * 30])
def test_a_wrong_number_of_values_is_answered_in_words(client, sent):
    event, answer = asked(client, "stylize", sent)
    assert event == "error" and answer["error"]


def test_no_file_of_the_host_is_served(client, photo):
    inside = Path(serving.__file__).resolve()
    for path in ("/etc/passwd", str(photo), str(inside), "../../../../etc/passwd", "log", "."):
        assert client.get(f"gradio_api/file={path}").status_code in (403, 404)
    for path in ("static/../../etc/passwd", "assets/..%2f..%2f..%2fetc%2fpasswd"):
        assert client.get(path).status_code in (403, 404)


def test_too_large_an_upload_is_refused(client):
    answer = client.post("gradio_api/upload", files={"files": ("large.png", b"0" * 4_000_000)})
    assert answer.status_code == 413


def test_a_port_that_is_taken_or_is_none_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} .*another --port"):
            serve(Settings(), port=port)
    with pytest.raises(OptionError, match="from 0 to 65535"):
        free_port("127.0.0.1", 70_000)
    with pytest.raises(OptionError, match="cannot listen"):
        free_port("203.0.113.1", 0)


def test_without_gradio_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'stylezoo\[demo\]'"):
        serve(Settings())


@pytest.mark.slow
def test_its_folder_runs_as_a_space():
    environment = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(free_port("127.0.0.1", 0))}
    with running(str(SPACE / "app.py"), SPACE_ID="someone/stylezoo", **environment) as url:
        assert f":{environment['GRADIO_SERVER_PORT']}/" in url
        page = httpx.get(url, timeout=300)
        assert page.status_code == 200 and "stylezoo" in page.text
    _, head, _ = (SPACE / "README.md").read_text().split("---\n", 2)
    assert {"sdk: gradio", "app_file: app.py", "license: apache-2.0"} <= set(head.splitlines())
    assert "stylezoo[demo]" in (SPACE / "requirements.txt").read_text().splitlines()


def test_a_device_that_is_not_there_ends_the_command_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from stylezoo.demo.settings import Settings
    from stylezoo.demo.studio import Studio
    from stylezoo.errors import OptionError

    with pytest.raises(OptionError, match="cuda:99"):
        Studio(Settings(device="cuda:99"))
    assert Studio(Settings(device="CPU")).settings.device == "CPU"
