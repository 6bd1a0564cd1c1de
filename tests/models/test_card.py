from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stylezoo.errors import WeightsError
from stylezoo.models import CIN
from stylezoo.stylizer.card import StyleCard
from stylezoo.zoo.card import CardSpec, dump_card, read_card
from stylezoo.zoo.spec import CARD_KEY, StyleSpec


def card(row: torch.Tensor | None = None) -> StyleCard:
    style = StyleSpec(id="wave", title="Die Woge — 波", artist="N. N.", rights="CC0-1.0", source="a test")
    spec = CardSpec(style=style, family="cin", base="cin/tiny", trunk="0123456789abcdef" * 4, license="CC0-1.0")
    row = torch.randn(1, 68, generator=torch.Generator().manual_seed(0)) if row is None else row
    return StyleCard(spec, row)


def test_a_card_survives_a_file_to_the_bit(tmp_path: Path) -> None:
    whole, path = card(), tmp_path / "made" / "wave.card.safetensors"
    whole.save(path)
    for place in (path, str(path)):
        again = StyleCard.read(place)
        assert again.spec == whole.spec
        assert again.row.dtype == np.float32
        assert np.array_equal(again.row, whole.row)
    assert [p.name for p in path.parent.iterdir()] == ["wave.card.safetensors"]


def test_rows_of_half_precision_and_of_a_training_are_written_as_float32(tmp_path: Path) -> None:
    row = torch.from_numpy(card().row)
    for given in (row.half(), row.clone().requires_grad_(), row.repeat(3, 1)[::2][:1]):
        card(given).save(tmp_path / "wave.safetensors")
        stored = load_file(tmp_path / "wave.safetensors")["row"]
        assert stored.dtype == torch.float32
        assert torch.equal(stored, given.detach().float())


@pytest.mark.parametrize("variant", ["fast", "classic"])
def test_a_card_of_the_default_widths_is_under_16_kb(tmp_path: Path, variant: str) -> None:
    card(CIN(1, variant).row(0)).save(tmp_path / "wave.safetensors")
    assert (tmp_path / "wave.safetensors").stat().st_size < 16 * 1024


def test_a_card_of_the_widest_net_can_be_read(tmp_path: Path) -> None:
    numbers = 2 * (256 + 512 + 1024 + 64 * 2 * 1024 + 512 + 256)  # classic, width 1024, 64 blocks
    card(torch.zeros(1, numbers)).save(tmp_path / "wide.safetensors")
    assert StyleCard.read(tmp_path / "wide.safetensors").row.shape == (1, numbers)


def test_a_failed_save_keeps_the_old_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wave.safetensors"
    card().save(path)
    before = path.read_bytes()

    def full(tensors: object, target: Path, metadata: object) -> None:
        target.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("stylezoo.stylizer.card.save_file", full)
    with pytest.raises(OSError, match="no space"):
        card(torch.ones(1, 68)).save(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("kept", [0, 20, 300, -1])
def test_damaged_cards_are_named(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "wave.safetensors"
    card().save(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match=r"wave\.safetensors") as raised:
        StyleCard.read(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"row": torch.zeros(2, 68)}, r"a tensor of shape \(2, 68\), not one row"),
        ({"row": torch.zeros(68)}, r"a tensor of shape \(68,\)"),
        ({"raw": torch.zeros(1, 68)}, r"cannot read the style card .*'row'"),
    ],
)
def test_tensors_that_are_no_row(tmp_path: Path, tensors: dict[str, torch.Tensor], message: str) -> None:
    path = tmp_path / "wave.safetensors"
    save_file(tensors, path, {CARD_KEY: dump_card(card().spec)})
    assert read_card(path) == card().spec
    with pytest.raises(WeightsError, match=message):
        StyleCard.read(path)


def test_what_is_no_card(tmp_path: Path, net_file: Path, multi_file: Path) -> None:
    text = tmp_path / "text.safetensors"
    text.write_text("not a card at all")
    for path in (net_file, multi_file):
        with pytest.raises(WeightsError, match=r"tiny\.safetensors is not a style card: make one with .*add-style"):
            StyleCard.read(path)
    for path in (text, tmp_path, tmp_path / "missing.safetensors"):
        with pytest.raises(WeightsError, match=str(path)):
            StyleCard.read(path)
