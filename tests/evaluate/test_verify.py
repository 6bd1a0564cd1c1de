from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
import torch

import stylezoo
from stylezoo._files import sha256_of
from stylezoo.evaluate.verify import Finding, check_pattern, fingerprint, make_fingerprint, verify_model
from stylezoo.models import create_model
from stylezoo.zoo import store
from stylezoo.zoo.fingerprints import Fingerprint, find_fingerprints
from stylezoo.zoo.spec import ModelSpec, PictureSpec, WeightsSpec
from stylezoo.zoo.store import read_header

replace = msgspec.structs.replace


@pytest.fixture
def place(net_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where johnson/tiny lies as a bundled file."""
    path = tmp_path / "bundled" / "johnson" / "tiny.safetensors"
    path.parent.mkdir(parents=True)
    shutil.copy(net_file, path)
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "bundled")
    return path


@pytest.fixture
def spec(place: Path) -> ModelSpec:
    """The whole record of johnson/tiny."""
    return replace(read_header(place), weights=weights_of(place))


@pytest.fixture
def recorded(spec: ModelSpec) -> Fingerprint:
    """The fingerprint of johnson/tiny."""
    return make_fingerprint(spec)


def weights_of(path: Path) -> WeightsSpec:
    size = path.stat().st_size
    return WeightsSpec(
        file="johnson/tiny.safetensors", sha256=sha256_of(path), bytes=size, dtype="float32", bundled=True
    )


def failed(spec: ModelSpec, recorded: Fingerprint | None) -> list[Finding]:
    return [finding for finding in verify_model(spec, recorded=recorded) if not finding.ok]


def test_a_whole_model_passes_in_every_respect(spec: ModelSpec, recorded: Fingerprint) -> None:
    findings = verify_model(spec, recorded=recorded)
    assert all(finding.ok for finding in findings), findings
    assert {finding.name for finding in findings} == {"johnson/tiny"}
    assert [finding.what.partition(":")[0] for finding in findings] == ["weights", "header", "fingerprint", "rights"]


def test_a_file_with_another_hash(spec: ModelSpec, place: Path, recorded: Fingerprint) -> None:
    data = bytearray(place.read_bytes())
    data[-3] ^= 1
    place.write_bytes(bytes(data))
    (finding,) = failed(spec, recorded)
    assert "sha256" in finding.what and str(place) in finding.what


def test_a_file_of_another_size_and_none_at_all(spec: ModelSpec, place: Path, recorded: Fingerprint) -> None:
    place.write_bytes(place.read_bytes() + b"\0")
    assert "bytes" in failed(spec, recorded)[0].what
    place.unlink()
    assert "reinstall stylezoo" in failed(spec, recorded)[0].what


def test_a_net_that_stylizes_otherwise(spec: ModelSpec, place: Path, recorded: Fingerprint) -> None:
    """The file is the registry's, but not the net that the fingerprint was taken of."""
    net = create_model("johnson", **spec.arch, weights=place)
    with torch.no_grad():
        net.style.mul_(1.05)
    net.save_weights(place, spec)
    (finding,) = failed(replace(spec, weights=weights_of(place)), recorded)
    assert finding.what.startswith("fingerprint: differs by")


def test_rounding_to_half_precision_is_within_tolerance(spec: ModelSpec, place: Path, recorded: Fingerprint) -> None:
    net = create_model("johnson", **spec.arch, weights=place)
    net.save_weights(place, spec, torch.float16)
    assert failed(replace(spec, weights=weights_of(place)), recorded) == []


def test_a_fingerprint_that_is_missing_or_of_another_length(spec: ModelSpec, recorded: Fingerprint) -> None:
    (finding,) = failed(spec, None)
    assert finding.what == "fingerprint: none is recorded for these weights"
    (finding,) = failed(spec, replace(recorded, values=recorded.values[:-1]))
    assert f"{len(recorded.values) - 1} values are recorded" in finding.what


def test_a_file_whose_record_is_of_another_model(spec: ModelSpec, recorded: Fingerprint) -> None:
    other = replace(spec, name="johnson/other")
    (finding,) = failed(other, recorded)
    assert finding.what.startswith("header:") and "johnson/tiny" in finding.what


def test_where_a_picture_can_be_fetched_may_change(spec: ModelSpec, recorded: Fingerprint) -> None:
    picture = PictureSpec(
        file="dots.jpg", page="https://example.org", urls=("https://example.org/a.jpg",), phash="0" * 16
    )
    moved = replace(spec, styles=(replace(spec.styles[0], picture=picture),))
    assert failed(moved, recorded) == []


@pytest.mark.parametrize("rights", ["unstated: add the rights"])
def test_rights_that_are_not_stated(spec: ModelSpec, place: Path, recorded: Fingerprint, rights: str) -> None:
    unclear = replace(spec, styles=(replace(spec.styles[0], rights=rights),))
    net = create_model("johnson", **spec.arch, weights=place)
    net.save_weights(place, unclear)
    (finding,) = failed(replace(unclear, weights=weights_of(place)), recorded)
    assert finding.what.startswith("rights:") and "dots" in finding.what


def test_the_pattern_is_a_picture_with_different_channels() -> None:
    x = check_pattern()
    assert x.shape == (1, 3, 72, 96)
    assert 0 <= x.min() < 0.2 and 0.8 < x.max() <= 1
    assert torch.corrcoef(torch.from_numpy(x)[0].flatten(1)).fill_diagonal_(0).abs().max() < 0.9


def test_fingerprints_tell_seeds_apart() -> None:
    def values(seed: int) -> tuple[float, ...]:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return fingerprint(create_model("johnson", width=8, blocks=1))

    assert values(0) == values(0)
    assert max(abs(a - b) for a, b in zip(values(0), values(1), strict=True)) > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", stylezoo.list_models())
def test_models_of_the_zoo_pass(name: str) -> None:
    spec = stylezoo.model_info(name)
    if spec.weights and not spec.weights.bundled:
        pytest.skip("its weights are not in the package")
    findings = verify_model(spec, recorded=find_fingerprints([spec])[0])
    assert all(finding.ok for finding in findings), findings


@pytest.mark.slow
def test_a_model_without_weights_is_told_by_its_loss_and_slopes() -> None:
    """Another pooling, layer or weight is seen; float64 is not."""
    spec = stylezoo.model_info("gatys/vgg19")
    (recorded,) = find_fingerprints([spec])
    assert recorded is not None and failed(spec, recorded) == []
    net = create_model("gatys")
    known = torch.tensor(recorded.values)
    assert (torch.tensor(fingerprint(create_model("gatys").double())) - known).abs().max() < 1e-4
    for other in ({"pooling": "avg"}, {"style_weight": 9.9}):
        values = torch.tensor(fingerprint(net.tuned(**other)))
        assert (values - known).abs().max() > 5 * recorded.tolerance, other
