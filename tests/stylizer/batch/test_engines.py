"""Every engine does the same, and none but the serial one is ended by what ends a process."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
import warnings
from pathlib import Path

import lossy_work
import pytest
from lossy_work import LossyWork

from stylezoo.errors import EngineError, OptionError
from stylezoo.stylizer.batch import Job, Manifest, Work, run, stylize
from stylezoo.stylizer.batch.manifest import MANIFEST

CPU = {"device": "cpu"}


def facts(job):
    return {"model": "johnson/tiny"}


@pytest.fixture(scope="module")
def serial(tmp_path_factory, net_file, jobs_into):
    """The folder of the pictures that one process stylizes."""
    out = tmp_path_factory.mktemp("serial")
    with warnings.catch_warnings(record=True):
        assert len(list(stylize(jobs_into(out), Work(net_file, loading=CPU), engine="serial"))) == 6
    return out


def run_lossy(engine, out, net_file, jobs_into):
    """Stylize all, in two processes of which some die; return the outcomes and what was warned of."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        patch.setenv("OMP_NUM_THREADS", "1")
        here = Path(lossy_work.__file__).parent  # which Ray's workers have to find
        patch.setenv("PYTHONPATH", os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]))
        warnings.simplefilter("always")
        work = LossyWork(net_file, loading=CPU)
        outcomes = list(stylize(jobs_into(out), work, engine=engine, workers=2, manifest=Manifest(out, facts)))
    return outcomes, [str(w.message) for w in caught]


@pytest.fixture(scope="module", params=["pool", "ray"])
def lossy(request, tmp_path_factory, net_file, jobs_into):
    """An engine's folder, the outcomes, and what was warned of."""
    if request.param == "ray":
        pytest.importorskip("ray", reason="the extra ray is not installed")
    out = tmp_path_factory.mktemp(request.param)
    return out, *run_lossy(request.param, out, net_file, jobs_into)


def test_outcomes_come_in_order(lossy, jobs_into):
    out, outcomes, _ = lossy
    assert [outcome.job for outcome in outcomes] == jobs_into(out)
    for outcome in outcomes:
        assert bool(outcome.error) == (outcome.job.source.stem in ("broken", "deadly"))
        assert bool(outcome.error) == (not outcome.job.target.exists())
        assert outcome.error or (outcome.width, outcome.height) == (48, 32)


def test_pictures_are_the_same_to_the_byte(lossy, serial):
    out, *_ = lossy
    for name in ("a.png", "e.png", "unlucky.png", "z.png"):
        assert (out / name).read_bytes() == (serial / name).read_bytes()
    assert (serial / "deadly.png").exists()


def test_a_lost_process_costs_one_picture_which_is_tried_once_more(lossy):
    out, outcomes, _ = lossy
    assert (out / "unlucky.died").read_text() == "died\n"
    assert (out / "deadly.died").read_text() == "died\n" * 2
    message = next(outcome.error for outcome in outcomes if outcome.job.source.stem == "deadly")
    assert "deadly.png: 2 processes died over it" in message
    assert "try a smaller --size" in message


def test_a_broken_picture_is_told_of_as_by_one_process(lossy, jobs_into, net_file, tmp_path):
    _, outcomes, _ = lossy
    (alone,) = stylize(jobs_into(tmp_path, "broken"), Work(net_file, loading=CPU))
    assert [outcome.error for outcome in outcomes if outcome.job.source.stem == "broken"] == [alone.error]


def test_warnings_reach_the_caller(lossy):
    assert [message for message in lossy[2] if "only the first is used" in message]


def test_the_manifest_lists_what_is_done(lossy, jobs_into):
    out, *_ = lossy
    lines = [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()]
    assert sorted(line["output"] for line in lines[1:]) == ["a.png", "e.png", "unlucky.png", "z.png"]
    missing = Manifest(out, facts).missing(jobs_into(out))
    assert [job.source.stem for job in missing] == ["broken", "deadly"]


def test_nothing_else_is_left(lossy):
    names = {path.name for path in lossy[0].iterdir()}
    assert names == {MANIFEST, "a.png", "e.png", "unlucky.png", "z.png", "unlucky.died", "deadly.died"}


def test_pool_that_cannot_load_the_model_gives_up(net_file, jobs_into, tmp_path):
    work = LossyWork(net_file, loading=CPU, options={"loading": "dies"})
    with pytest.raises(EngineError, match=r"load.*SIGKILL.*--workers"):
        list(stylize(jobs_into(tmp_path, "a"), work, engine="pool", workers=1))
    assert not multiprocessing.active_children()


def test_interrupt_ends_a_pool_at_once(net_file, folder, tmp_path, request):
    """And so does an error: both go through the same end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what is in the background ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    out = tmp_path / "out"
    slow = Job(folder / "a.png", out / "slow.png", "png", "slow")
    out.mkdir()

    def interrupt():
        while not (out / "slow.begun").exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    end = time.monotonic() + 120
    work = LossyWork(net_file, styles={"slow": None}, loading=CPU)
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        list(stylize([slow], work, engine="pool", workers=1))
    thread.join()
    assert not multiprocessing.active_children()
    assert [path.name for path in out.iterdir()] == ["slow.begun"]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (True, {"engine": "poll"}, "engine must be one of auto, serial, pool, ray, not 'poll'"),
        (True, {"engine": "pool", "workers": 0}, "workers must be at least 1, not 0"),
        (True, {"engine": "serial", "workers": 2}, "serial uses one process, not 2"),
        (False, {"engine": "pool"}, "engine pool does not work with stdin"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_done(folder, tmp_path, source, options, message):
    job = Job(folder / "a.png" if source else None, tmp_path / "a.png", "png")
    with pytest.raises(OptionError, match=message):
        stylize([job], Work("no such model"), **options)


def test_ray_that_does_not_start_is_named(folder, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")

    def init(**options):
        raise Exception("The current node timed out during startup.\nMore.")  # as Ray does

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    jobs = [Job(folder / "a.png", tmp_path / "a.png", "png")]
    with pytest.raises(EngineError, match=r"timed out during startup\.\).*engine pool"):
        list(stylize(jobs, Work("johnson/mosaic"), engine="ray"))


def test_ray_that_is_not_installed_is_named(folder, tmp_path, monkeypatch):
    from stylezoo.stylizer.batch import ray

    monkeypatch.setattr(ray.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"run pip install 'stylezoo\[ray\]'"):
        stylize([Job(folder / "a.png", tmp_path / "a.png", "png")], Work("no such model"), engine="ray")


@pytest.mark.parametrize(
    ("count", "cores", "workers", "model", "started"),
    [
        (run.MANY, 4, None, "johnson/mosaic", "pool"),
        (run.MANY - 1, 4, None, "johnson/mosaic", "serial"),
        (run.MANY, 1, None, "johnson/mosaic", "serial"),
        (run.MANY, 4, None, "gatys/vgg19", "serial"),
        (2, 4, 2, "johnson/mosaic", "pool"),
        (run.MANY, 4, 1, "johnson/mosaic", "serial"),
    ],
)
def test_auto_takes_a_pool_where_it_is_worth_its_start(folder, monkeypatch, count, cores, workers, model, started):
    engines = []
    monkeypatch.setattr(run, "share", lambda workers, jobs: (cores, 1))
    monkeypatch.setattr(run, "_start", lambda jobs, work, engine, *_: engines.append(engine) or (j for j in ()))
    jobs = [Job(folder / "a.png", folder / f"{number}.png", "png") for number in range(count)]
    list(stylize(jobs, Work(model, loading=CPU), workers=workers))
    assert engines == [started]
