"""Cards: everything that the record states is on them, nothing that it states is markup, and the Hub can read them."""

from __future__ import annotations

import shlex
import sys
from types import SimpleNamespace
from typing import Any

import click
import pytest
from huggingface_hub import ModelCard
from markdown_page import Page
from msgspec import structs

from stylezoo.zoo.catalog import default_zoo
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.model_card import model_card, model_index, zoo_readme
from stylezoo.zoo.results import UNSEEN, Figure, MetricInfo, Results, RunInfo, own_results
from stylezoo.zoo.spec import ModelSpec, PictureSpec, StyleSpec, WeightsSpec, Zoo

KINDS = {"johnson": ["dots"], "cin": ["dots", "lines", "waves"], "ghiasi": ["dots", "lines"], "adain": []}


def make_spec(family: str = "cin", words: str = "some words", **fields: Any) -> ModelSpec:
    """Return a record with every field; what is free text in it is `words`."""
    page = "https://example.org/page"
    picture = PictureSpec(file="dots.jpg", page=page, urls=("https://example.org/dots.jpg",), phash="0" * 16)
    text = dict.fromkeys(("title", "artist", "year", "died", "rights", "source"), words)
    styles = tuple(StyleSpec(id=i, picture=picture, **text) for i in KINDS[family])
    facts = {
        "arch": {"width": words},
        "license": words,
        "summary": words,
        "recipe": words,
        "training_data": words,
        "provenance": "handmade",
        "story": words,
        "weights": WeightsSpec(
            file=f"{family}/a.safetensors", sha256="0" * 64, bytes=1234567, dtype=words, bundled=True
        ),
    }
    return ModelSpec(**{"name": f"{family}/tiny", "family": family, "styles": styles, **facts, **fields})


INFOS = {
    "C": MetricInfo(key="C", title="content error", better="lower", note="C is the content error."),
    "P": MetricInfo(key="P", title="palette distance", better="lower", note="P is the palette distance.", decimals=2),
    "G": MetricInfo(key="G", title="iteration-equivalents", better="higher", note="G counts iterations.", decimals=1),
    "W": MetricInfo(key="W", title="warp error", better="lower", note="W is the warp error.", decimals=5),
}


def run(words: str = "some words", **fields: Any) -> RunInfo:
    facts = {"date": words, "machine": words, "command": words, "split": "validation", "size": 384}
    return RunInfo(**facts | fields)


def figure(style: str, mean: float, **fields: Any) -> Figure:
    return Figure(**{"style": style, "run": "", "mean": mean, "spread": mean / 2, "count": 8} | fields)


def measured(
    spec: ModelSpec, key: str, means: dict[str, float], there: RunInfo | None = None, **fields: Any
) -> Results:
    """Return the results of a metric with a figure of each style in `means`."""
    figures = {style: figure(style, mean, **fields) for style, mean in means.items()}
    return Results(metric=INFOS[key]).add(spec, there or run(), figures)


def whole(spec: ModelSpec, words: str = "some words") -> dict[str, Results]:
    """Return figures of all styles by each metric."""
    means = dict.fromkeys(spec.style_ids or (UNSEEN,), 0.5)
    return {key: measured(spec, key, means, run(words)) for key in INFOS}


def make_zoo(*specs: ModelSpec) -> Zoo:
    return Zoo(schema=1, aliases={}, models={spec.name: spec for spec in specs})


def card(spec: ModelSpec, **options: Any) -> str:
    return model_card(spec, **{"load_name": spec.name, **options})


def readme(*specs: ModelSpec, recipes: dict[str, str] | None = None, words: str | None = None) -> str:
    pictures = {spec.name: f"pictures/{spec.name}.jpg" for spec in specs}
    results = {key: Results(metric=info) for key, info in INFOS.items()}
    for spec in specs if words else ():
        for key, file in whole(spec, words or "").items():
            results[key] = results[key].add(spec, run(words or ""), {f.style: f for f, _ in file.of(spec)})
    return zoo_readme(make_zoo(*specs), repo="owner/zoo", pictures=pictures, recipes=recipes or {}, results=results)


def rows_of(markdown: str, start: str) -> list[list[str]]:
    """Return the cells of the rows whose first one reads `start`, without marks of code."""
    rows = [[c.strip().strip("`") for c in line.strip("|").split("|")] for line in markdown.splitlines() if "|" in line]
    return [row for row in rows if row[0] == start]


# What the record states


@pytest.mark.parametrize("name", [name for name, spec in default_zoo().models.items() if not spec.weightless])
def test_the_card_of_a_bundled_model_tells_all_that_its_record_states(name: str) -> None:
    spec = default_zoo().models[name]
    text, markdown = Page(card(spec)).text, card(spec)
    for style in spec.styles:
        cells = rows_of(markdown, style.id)[0]
        facts = (style.title, style.artist, style.year, style.died, style.source)
        assert [cell.partition(" ([picture]")[0] for cell in cells[1:6]] == [fact or "–" for fact in facts]
        assert " ".join(style.rights.split()) in text
    assert spec.training_data and " ".join(spec.training_data.split()) in text
    assert spec.recipe and f"stylezoo train --recipe {spec.recipe}" in text
    assert spec.weights is not None and spec.weights.sha256 in text and f"{spec.weights.bytes:,} bytes" in text
    assert spec.license in text
    results = own_results()
    page = Page(model_card(spec, load_name=name, results=results)).text
    recorded = [pair for file in results.values() for pair in file.of(spec)]
    assert recorded
    for _, there in recorded:
        assert there.command in page and there.machine in page and there.date in page


def test_the_card_of_a_model_without_weights_misses_none() -> None:
    text = Page(card(default_zoo().models["gatys/vgg19"])).text
    assert "none: each picture is optimised by itself" in text
    assert "does not say" not in text and "sha256" not in text


def test_rights_that_styles_share_are_told_once_and_each_style_points_at_its_own() -> None:
    spec = make_spec()
    styles = [structs.replace(s, rights=r) for s, r in zip(spec.styles, ("mine", "CC0-1.0", "mine"), strict=True)]
    markdown = card(structs.replace(spec, styles=tuple(styles)))
    assert "\n1. mine\n2. CC0-1.0\n" in markdown
    assert [rows_of(markdown, style)[0][-1] for style in KINDS["cin"]] == ["1", "2", "1"]


def test_figures_of_one_run_share_a_table_with_their_mean_and_those_of_another_stand_apart() -> None:
    spec = make_spec()
    content = measured(spec, "C", {"dots": 0.5, "waves": 0.8}, run(date="Monday"))
    content = content.add(spec, run(date="Tuesday"), {"lines": figure("lines", 9)})
    palette = measured(spec, "P", {"dots": 6, "waves": 7}, run(date="Monday"), low=5.5, high=7.25)
    markdown = card(spec, results={"C": content, "P": palette})
    assert rows_of(markdown, "style")[1:] == [["style", "C ↓", "P ↓"], ["style", "C ↓"]]
    assert rows_of(markdown, "dots")[-1] == ["dots", "0.500 ± 0.250", "6.00 [5.50, 7.25]"]
    assert rows_of(markdown, "mean of 2") == [["mean of 2", "0.650", "6.50"]]
    assert markdown.count("measured on Monday") == markdown.count("measured on Tuesday") == 1
    assert "Not measured" not in markdown and "P is the palette distance." in markdown


def test_lower_bounds_and_what_a_protocol_fixes_are_said() -> None:
    spec = make_spec("johnson")
    there = run(facts={"limit": 500.0})
    file = Results(metric=INFOS["G"]).add(spec, there, {"dots": figure("dots", 430.25, at_least=True)})
    markdown = card(spec, results={"G": file})
    assert rows_of(markdown, "dots")[-1] == ["dots", "≥ 430.2"] and "limit 500" in markdown


def test_figures_of_other_weights_are_not_on_the_card() -> None:
    spec = make_spec()
    other = structs.replace(spec, weights=structs.replace(spec.weights, sha256="1" * 64))
    assert "Not measured." in card(other, results=whole(spec)) and "Not measured." not in card(
        spec, results=whole(spec)
    )


def test_what_is_not_known_is_said() -> None:
    bare = {"training_data": None, "recipe": None, "summary": "", "weights": None, "provenance": None, "story": None}
    markdown = card(make_spec(**bare))
    assert "Not measured." in markdown and "it has not been measured" in markdown
    assert "Training data: **the record does not say**" in markdown
    assert "Recipe: **none is recorded**" in markdown and "How to train it again" in markdown
    assert "How the weights were made." in markdown and "±" not in markdown and "stylezoo train" not in markdown
    spec = make_spec()
    assert "Not measured: `lines`, `waves`." in card(spec, results={"C": measured(spec, "C", {"dots": 1})})


def test_unstated_rights_are_said_in_words_on_the_card_and_in_the_readme() -> None:
    spec = make_spec()
    bad = structs.replace(spec.styles[1], rights="unstated: add the rights to the picture before you share the net")
    spec = structs.replace(spec, styles=(spec.styles[0], bad, spec.styles[2]), license="unstated")
    page = Page(card(spec))
    assert any(tag == "blockquote" for tag, _ in page.tags)
    assert "Rights unstated: lines. Nobody has said that the picture may be used." in page.text
    assert bad.rights in page.texts["strong"] and "unstated" in page.texts["strong"]
    assert "Rights unstated: cin/tiny." in Page(readme(spec)).text
    assert "Rights unstated" not in card(make_spec()) + readme(make_spec())


def test_a_recipe_is_folded_whole_and_without_it_its_name_stands() -> None:
    spec, recipe = make_spec(recipe="recipes/cin16.yaml"), "name: cin/tiny\nrun:\n  steps: 3\n"
    page = Page(card(spec, recipe=recipe))
    assert recipe in page.texts["code"] and "stylezoo train --recipe tiny.yaml" in page.text
    assert "cin16" not in page.text
    assert "stylezoo train --recipe recipes/cin16.yaml" in Page(card(spec)).text


def test_every_family_names_its_paper() -> None:
    assert all("arXiv:" in family.paper for family in FAMILIES.values())
    assert "https://arxiv.org/abs/1610.07629" in [a.get("href") for _, a in Page(card(make_spec())).tags]


# How to load it


@pytest.mark.parametrize("name", ["{}", "hf:owner/zoo/{}"])
@pytest.mark.parametrize(
    ("family", "style"),
    [("johnson", ()), ("cin", ("dots",)), ("ghiasi", ("painting.jpg",)), ("adain", ("painting.jpg",))],
)
def test_what_a_card_says_to_type_is_what_the_program_takes(
    family: str, style: tuple[str, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stylezoo.cli.main import cli
    from stylezoo.cli.stylize import command

    spec, asked = make_spec(family), []
    name = name.format(spec.name)
    page = Page(model_card(spec, load_name=name))
    python, line = (body for body in page.texts["code"] if "photo.jpg" in body)
    net = SimpleNamespace(stylize=lambda *given: asked.append(given))
    monkeypatch.setitem(sys.modules, "stylezoo", SimpleNamespace(load=lambda name: asked.append(name) or net))
    exec(python, {})
    monkeypatch.undo()
    assert asked == [name, ("photo.jpg", *style)]
    words = shlex.split(line)
    assert words[:2] == ["stylezoo", "stylize"]
    parent = click.Context(cli, **cli.context_settings)  # click keeps the names of the help option that it first meets
    taken = command.make_context("stylize", words[2:], parent=parent).params
    assert (taken["inputs"], taken["model"], taken["styles"]) == (("photo.jpg",), name, style)


def test_names_and_mixes_are_told_where_there_are_some() -> None:
    assert '{"dots": 0.6, "lines": 0.4}' in Page(card(make_spec())).text
    assert "a name, such as dots" in Page(card(make_spec("ghiasi"))).text
    assert "In place of" not in card(make_spec("adain")) + card(make_spec("johnson"))


# What others wrote

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://example.org/x.png) [y](javascript:alert(1))",
    "a\n---\nlicense: evil\n---\n# b",
    "a | b |\n| c",
    "` `` ``` | ~~~",
    "```\n</details></summary>\n<b>",
    "a\n\n# b\n\n> c\n\n- d\n1. e\n\n    f\n===\n",
    "<!-- \n\n --> ]]> &lt;b&gt; \\",
    "**a** __b__ ~~c~~ *d* _e_ [f]",
    "https://example.org/<b>|`",
]


def skeleton(markdown: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the tags of a card, but for the words that stand for a picture."""
    return [(tag, {k: v for k, v in attributes.items() if k != "alt"}) for tag, attributes in Page(markdown).tags]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_words_of_a_record_add_no_markup_to_its_card(payload: str) -> None:
    for family in KINDS:
        plain, hostile = (make_spec(family, words=words) for words in ("some words", payload))
        known, evil = whole(plain), whole(hostile, payload)
        options = {"picture": "images/a.jpg", "recipe": payload, "results": evil}
        assert skeleton(card(hostile, **options)) == skeleton(
            card(plain, picture="images/a.jpg", recipe="words", results=known)
        )
        assert skeleton(card(hostile)) == skeleton(card(plain))
        assert " ".join(payload.split()) in Page(card(hostile)).text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_words_of_a_record_add_nothing_to_a_readme(payload: str) -> None:
    words = ("words", payload)
    plain, hostile = (readme(*(make_spec(f, words=w) for f in KINDS), recipes={"cin/tiny": w}, words=w) for w in words)
    assert skeleton(ModelCard(hostile).text) == skeleton(ModelCard(plain).text)
    assert ModelCard(hostile).data.to_dict().keys() == ModelCard(plain).data.to_dict().keys()


def test_addresses_of_a_record_lead_to_the_web_alone() -> None:
    spec = make_spec("johnson")
    style = structs.replace(spec.styles[0], picture=None)
    for source, targets in (("javascript:alert(1)", []), ("https://example.org/a)b", ["https://example.org/a%29b"])):
        markdown = card(structs.replace(spec, styles=(structs.replace(style, source=source),)))
        links = [a["href"] for tag, a in Page(markdown).tags if tag == "a"]
        assert [link for link in links if "arxiv" not in link] == targets


# On the Hub


def test_the_readme_of_the_bundled_zoo_is_a_model_card_of_the_hub() -> None:
    zoo = default_zoo()
    content = zoo_readme(zoo, repo="owner/zoo", pictures={"cin/16": "pictures/cin/16.jpg"}, recipes={})
    parsed = ModelCard(content)
    assert parsed.data.license == "apache-2.0" and "license_name" not in parsed.data.to_dict()
    assert (parsed.data.library_name, parsed.data.pipeline_tag) == ("stylezoo", "image-to-image")
    assert {"stylezoo", "style-transfer", "cin", "ghiasi"} <= set(parsed.data.tags)
    page = Page(parsed.text)
    assert page.texts["h1"] == ["owner/zoo"] and page.texts["h2"] == sorted(zoo.models)
    anchors = [a["href"] for tag, a in page.tags if tag == "a" and a["href"].startswith("#")]
    assert anchors == [f"#{name.replace('/', '')}" for name in sorted(zoo.models)]
    assert [a["src"] for tag, a in page.tags if tag == "img"] == ["pictures/cin/16.jpg"]
    for name, spec in zoo.models.items():
        assert f'stylezoo.load("hf:owner/zoo/{name}")' in parsed.text
        assert all(style.title in page.text for style in spec.styles)
    assert "stylezoo pull owner/zoo" in parsed.text


@pytest.mark.parametrize(
    ("licenses", "expected"),
    [
        (["MIT", "mit"], {"license": "mit"}),
        (["CC-BY-4.0", "CC-BY-4.0"], {"license": "cc-by-4.0"}),
        (["GPL-3.0-or-later", "GPL-3.0"], {"license": "gpl-3.0"}),
        (["My own, see LICENSE", "My own, see LICENSE"], {"license": "other", "license_name": "my-own-see-license"}),
        (["MIT", "Apache-2.0"], {"license": "other", "license_name": "one-for-each-model"}),
    ],
)
def test_the_hub_is_told_the_licence_that_all_models_have(licenses: list[str], expected: dict[str, str]) -> None:
    specs = [make_spec(family, license=license) for family, license in zip(("cin", "adain"), licenses, strict=True)]
    parsed = ModelCard(readme(*specs))
    assert {key: v for key, v in parsed.data.to_dict().items() if key in ("license", "license_name")} == expected
    assert [
        row[5] for row in (rows_of(parsed.text, f"[{s.name}](#{s.name.replace('/', '')})")[0] for s in specs)
    ] == licenses


def test_an_empty_zoo_has_a_readme() -> None:
    parsed = ModelCard(readme())
    assert parsed.data.library_name == "stylezoo" and Page(parsed.text).texts["h1"] == ["owner/zoo"]


def test_the_index_says_how_good_a_whole_model_is() -> None:
    named, any_style = make_spec(), make_spec("adain")
    some = measured(named, "C", {"dots": 0.5})
    all_styles = measured(named, "C", {"dots": 0.5, "lines": 0.6, "waves": 1.0})
    paintings = measured(any_style, "C", {UNSEEN: 0.5}, low=0.4, high=0.6)
    for spec, file, cell in (
        (named, some, None),
        (named, all_styles, "0.700 (mean of 3)"),
        (any_style, paintings, "0.500 [0.400, 0.600]"),
    ):
        page = Page(model_index(make_zoo(spec), str, {"C": file}))
        assert (page.texts["th"][-1] == "C, content error") == (cell is not None)
        assert cell is None or page.texts["td"][-1] == cell


def test_the_validation_split_counts_in_the_index() -> None:
    spec = make_spec("johnson")
    file = measured(spec, "C", {"dots": 0.5}).add(spec, run(split="test"), {"dots": figure("dots", 9)})
    assert Page(model_index(make_zoo(spec), str, {"C": file})).texts["td"][-1] == "0.500 ± 0.250"


def test_a_card_says_what_made_the_weights() -> None:
    markdown = card(make_spec(story="two runs, the second with larger crops"))
    assert "**Handmade**" in markdown and "Two runs, the second with larger crops" in markdown
    assert ["provenance", "handmade: see Training"] in rows_of(markdown, "provenance")
    markdown = card(make_spec(provenance="recipe", story=None))
    assert "Handmade" not in markdown and "One run of the recipe made these weights." in markdown
    assert ["provenance", "recipe: one run of it made the weights"] in rows_of(markdown, "provenance")
