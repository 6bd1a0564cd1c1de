from __future__ import annotations

import pytest
import yaml

from stylezoo._records import Record, convert
from stylezoo.errors import RecipeError


class Optimizer(Record, frozen=True, kw_only=True):
    name: str = "adam"
    rate: float = 0.001
    steps: int = 100


class Run(Record, frozen=True, kw_only=True):
    title: str
    optimizer: Optimizer = Optimizer()
    warmup: Optimizer | None = None
    stages: tuple[Optimizer, ...] = ()


def read(text: str) -> Run:
    return convert(yaml.safe_load(text), Run, "run.yaml", RecipeError)


def test_reads_nested_records_and_fills_in_defaults() -> None:
    run = read("{title: x, optimizer: {rate: 1.0e-2}, stages: [{steps: 5}]}")
    assert run == Run(title="x", optimizer=Optimizer(rate=0.01), stages=(Optimizer(steps=5),))
    assert read("{title: x, optimizer: {rate: 1}}").optimizer.rate == 1  # a whole number is a number


def test_records_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Optimizer().rate = 1.0  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{title: x, optimizer: {rat: 1.0}}", "run.yaml: optimizer: unknown key 'rat'. Did you mean rate?"),
        ("{title: x, optimiser: {}}", "run.yaml: unknown key 'optimiser'. Did you mean optimizer?"),
        ("{title: x, warmup: {stps: 1}}", "run.yaml: warmup: unknown key 'stps'. Did you mean steps?"),
        ("{title: x, stages: [{}, {zzzzz: 1}]}", "run.yaml: stages[1]: unknown key 'zzzzz'."),
        ("{}", "run.yaml: Object missing required field `title`."),
        ("{title: 3}", "run.yaml: title: Expected `str`, got `int`."),
        ("{title: x, optimizer: {steps: 1.5}}", "run.yaml: optimizer.steps: Expected `int`, got `float`."),
        ("{title: x, optimizer: {rate: yes}}", "run.yaml: optimizer.rate: Expected `float`, got `bool`."),
        ("{title: x, optimizer: {rate: fast}}", "run.yaml: optimizer.rate: Expected `float`, got `str` 'fast'."),
        ("{title: x, optimizer: [1]}", "run.yaml: optimizer: Expected `object`, got `array`."),
        ("[1]", "run.yaml: Expected `object`, got `array`."),
    ],
)
def test_what_is_wrong_is_told_with_its_path(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        read(text)
    assert str(raised.value) == message


@pytest.mark.parametrize("number", ["1e-3", "1e5", "1E5", "-2e+4", "1.5e5", "1.e5", ".5e3"])
@pytest.mark.parametrize("place", ["optimizer: {rate: NUMBER}", "stages: [{}, {rate: NUMBER}]"])
def test_a_number_that_yaml_takes_for_text_is_told_how_to_write(place: str, number: str) -> None:
    text = f"{{title: x, {place}}}"
    with pytest.raises(RecipeError, match="YAML reads") as raised:
        read(text.replace("NUMBER", number))
    assert f"got `str` '{number}'. YAML reads {number} as a string: write " in str(raised.value)
    advice = str(raised.value).rpartition("write ")[2].removesuffix(".")
    run = read(text.replace("NUMBER", advice))  # the advice works
    assert (run.stages[1] if run.stages else run.optimizer).rate == float(number)


def test_the_advice_for_a_whole_number_is_a_whole_number() -> None:
    with pytest.raises(RecipeError, match=r"optimizer.steps: .* '1e5'. YAML reads 1e5 as a string: write 100000\."):
        read("{title: x, optimizer: {steps: 1e5}}")
