from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from stylezoo.data import targets
from stylezoo.data.targets import TargetSpec, find_targets, known_targets, list_targets, write_targets
from stylezoo.errors import DataError


def spec(**changes: object) -> TargetSpec:
    facts = {"style": "wave", "image": "wave.jpg", "sha256": "0" * 64, "phash": "0" * 16, "sizes": (64,)}
    terms = ("gram.relu1_1", "moments.relu1_1", "palette.lab", "sliced.relu1_1")
    return TargetSpec(**(facts | {"backbone": "vgg19:caffe", "terms": terms} | changes))  # type: ignore[arg-type]


def values(scale: float = 1.0) -> dict[str, Tensor]:
    features = torch.randn(1, 64, 500, generator=torch.Generator().manual_seed(0)) * scale
    quantiles = features[:, :8].sort(dim=2).values
    found = {"gram.relu1_1.target": features @ features.mT / 500, "moments.relu1_1.mean": features.mean(2)}
    return found | {"sliced.relu1_1.quantiles": quantiles, "palette.lab.quantiles": quantiles[:, :4] / scale}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """targets/ of a data folder with wave.safetensors, and no targets in the package."""
    monkeypatch.setenv("STYLEZOO_DATA", str(tmp_path))
    monkeypatch.setattr(targets, "BUNDLED", tmp_path / "bundled")
    write_targets(tmp_path / "targets" / "wave.safetensors", [(spec(), values())])
    return tmp_path / "targets"


def test_what_was_written_comes_back_within_its_rounding(folder: Path) -> None:
    (found,) = list_targets(folder / "wave.safetensors")
    assert found.spec == spec()
    ours, theirs = found.read(), values()
    assert ours.keys() == theirs.keys()
    assert all(value.dtype == torch.float32 and value.shape == theirs[name].shape for name, value in ours.items())
    gram = ours["gram.relu1_1.target"]
    assert torch.equal(gram, gram.mT)
    error = (gram - theirs["gram.relu1_1.target"]).norm() / theirs["gram.relu1_1.target"].norm()
    assert 0 < error < 0.005
    assert torch.equal(ours["moments.relu1_1.mean"], theirs["moments.relu1_1.mean"])
    torch.testing.assert_close(
        ours["sliced.relu1_1.quantiles"], theirs["sliced.relu1_1.quantiles"], rtol=2**-10, atol=1e-6
    )


def test_a_gram_matrix_takes_half_a_byte_per_number(folder: Path) -> None:
    whole = {name: value.numel() for name, value in values().items()}
    gram = whole.pop("gram.relu1_1.target")
    assert (folder / "wave.safetensors").stat().st_size < 0.52 * gram + 4 * sum(whole.values()) + 1024 + 2000


def test_quantiles_beyond_float16_are_kept_in_float32(folder: Path) -> None:
    write_targets(folder / "wave.safetensors", [(spec(), values(1e5))])
    ours = known_targets()[0].read()["sliced.relu1_1.quantiles"]
    assert torch.equal(ours, values(1e5)["sliced.relu1_1.quantiles"])


def test_styles_of_one_picture_at_two_sizes_do_not_mix(folder: Path) -> None:
    write_targets(folder / "wave.safetensors", [(spec(), values()), (spec(sizes=(96,)), values(2.0))])
    small, large = (find_targets("wave.jpg", (size,), None, False, "vgg19:caffe", ()).read() for size in (64, 96))
    ratio = large["moments.relu1_1.mean"] / small["moments.relu1_1.mean"]
    torch.testing.assert_close(ratio, torch.full_like(ratio, 2.0))


def test_a_crop_with_other_colours_has_other_targets(folder: Path) -> None:
    part = {"crop": (0.0, 0.0, 1.0, 0.5)}
    both = [(spec(**part), values()), (spec(**part, whole_colors=True), values(2.0))]
    write_targets(folder / "wave.safetensors", both)
    means = []
    for whole in (False, True):
        found = find_targets("wave.jpg", (64,), part["crop"], whole, "vgg19:caffe", ())
        assert found.spec.whole_colors == whole
        means.append(found.read()["moments.relu1_1.mean"])
    torch.testing.assert_close(means[1], 2 * means[0])


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (("other.jpg", (64,), None, False, "vgg19:caffe", ()), ["no targets"]),
        (("wave.jpg", (96, 128), None, False, "vgg19:caffe", ()), ["64 px", "96 and 128 px"]),
        (("wave.jpg", (64,), (0.0, 0.0, 1.0, 0.5), False, "vgg19:caffe", ()), ["crop", "0.5"]),
        (("wave.jpg", (64,), None, True, "vgg19:caffe", ()), ["whole_colors", "True"]),
        (("wave.jpg", (64,), None, False, "vgg16:timm", ()), ["vgg19:caffe", "vgg16:timm"]),
        (("wave.jpg", (64,), None, False, "vgg19:caffe", ("gram.relu1_1", "sliced.relu3_1")), ["sliced.relu3_1"]),
    ],
)
def test_targets_that_do_not_fit_say_why(folder: Path, wanted: tuple, names: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        find_targets(*wanted)
    assert all(name in str(caught.value) for name in names), caught.value
    assert find_targets("presets/wave.jpg", (64,), None, False, "vgg19:caffe", ("gram.relu1_1",)).spec == spec()


def test_the_data_folders_targets_come_before_the_packages(folder: Path) -> None:
    write_targets(targets.BUNDLED / "zoo.safetensors", [(spec(style="other"), values())])
    assert [found.spec.style for found in known_targets()] == ["wave", "other"]
    assert find_targets("wave.jpg", (64,), None, False, "vgg19:caffe", ()).path.parent == folder


def test_a_damaged_file_is_named(folder: Path) -> None:
    (folder / "wave.safetensors").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"wave\.safetensors.*stylezoo data targets"):
        known_targets()
