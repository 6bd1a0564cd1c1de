"""Cards: everything that the record states is on them, nothing that it states is markup, and the Hub can read them."""

from __future__ import annotations

import shlex
import sys
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import click
import pytest
from huggingface_hub import ModelCard
from markdown_page import Page
from msgspec import structs

from stylezoo.zoo.catalog import default_zoo
from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec
from stylezoo.zoo.model_card import PAPERS, model_card, model_index, zoo_readme
from stylezoo.zoo.spec import FAMILIES, ModelSpec, PictureSpec, StyleSpec, WeightsSpec, Zoo

KINDS = {"johnson": ["dots"], "cin": ["dots", "lines", "waves"], "ghiasi": ["dots", "lines"], "adain": []}


def make_spec(family: str = "cin", words: str = "some words", *, further: bool = False, **fields: Any) -> ModelSpec:
    """Return a record with every field; what is free text in it is `words`. `further`: with all kinds of figures."""
    page = "https://example.org/page"
    picture = PictureSpec(file="dots.jpg", page=page, urls=("https://example.org/dots.jpg",), phash="0" * 16)
    text = dict.fromkeys(("title", "artist", "year", "died", "rights", "source"), words)
    styles = tuple(StyleSpec(id=i, picture=picture, **text) for i in KINDS[family])
    figures = {"content": 0.5, "content_spread": 0.25, "style": 0.125, "style_spread": 0.0625, "photos": 8, "size": 512}
    told = {"date": words, "machine": words, "command": words}
    measured = MetricsSpec(**figures, **told)
    if further:
        figure = {"mean": 0.5, "spread": 0.25, "photos": 9, "size": 512, **told}
        equivalents = (EquivalentsSpec(reached=8, limit=500, **figure),)
        warp = (unsteady(0.004, **told), unsteady(0.005, 0.0, **told))
        measured = structs.replace(measured, stlpips=FigureSpec(**figure), equivalents=equivalents, warp=warp)
    facts = {
        "arch": {"width": words},
        "license": words,
        "summary": words,
        "recipe": words,
        "training_data": words,
        "origin": words,
        "weights": WeightsSpec(
            file=f"{family}/a.safetensors", sha256="0" * 64, bytes=1234567, dtype=words, bundled=True
        ),
        "metrics": dict.fromkeys(KINDS[family] or ["unseen"], measured),
    }
    return ModelSpec(**{"name": f"{family}/tiny", "family": family, "styles": styles, **facts, **fields})


def unsteady(mean: float, steady: float = 0.9, **told: str) -> WarpSpec:
    facts = {"spread": 0.002, "long": 2 * mean, "photo": 0.0001, "kinds": {"pan": mean}, "clips_id": "0123abcd"}
    return WarpSpec(mean=mean, steady=steady, clips=8, frames=12, size=384, **facts, **told)


def make_zoo(*specs: ModelSpec) -> Zoo:
    return Zoo(schema=1, aliases={}, models={spec.name: spec for spec in specs})


def card(spec: ModelSpec, **options: Any) -> str:
    return model_card(spec, **{"load_name": spec.name, **options})


def readme(*specs: ModelSpec, recipes: dict[str, str] | None = None) -> str:
    pictures = {spec.name: f"pictures/{spec.name}.jpg" for spec in specs}
    return zoo_readme(make_zoo(*specs), repo="owner/zoo", pictures=pictures, recipes=recipes or {})


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
    for style, m in (spec.metrics or {}).items():
        label = "pictures that it has not seen" if style == "unseen" else style
        figures = [f"{m.content:.3f} ± {m.content_spread:.3f}", f"{m.style:.3f} ± {m.style_spread:.3f}"]
        assert [label, *figures] in [row[:3] for row in rows_of(markdown, label)]
        assert m.command in text and m.machine in text and m.date in text
        assert f"{m.photos} photos with a long side of {m.size} px" in text


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


def test_styles_measured_alike_share_a_table_with_their_mean() -> None:
    metrics = {
        style: structs.replace(make_spec().metrics["dots"], content=c, style=s, date=date)
        for style, c, s, date in (
            ("dots", 0.5, 0.1, "Monday"),
            ("waves", 0.8, 0.3, "Monday"),
            ("lines", 9, 9, "Tuesday"),
        )
    }
    markdown = card(make_spec(metrics=metrics))
    assert rows_of(markdown, "mean of 2") == [["mean of 2", f"{fmean((0.5, 0.8)):.3f}", f"{fmean((0.1, 0.3)):.3f}"]]
    assert markdown.count("measured on Monday") == markdown.count("measured on Tuesday") == 1
    assert "Not measured" not in markdown


def measured(record: MetricsSpec, **fields: Any) -> dict[str, Any]:
    """Return how a record was measured, for another figure."""
    return {name: getattr(record, name) for name in ("photos", "size", "date", "machine", "command")} | fields


def test_distances_stand_beside_errors_where_one_command_measured_both() -> None:
    bare = make_spec().metrics["dots"]
    far = FigureSpec(mean=0.6, spread=0.05, **measured(bare))
    both = structs.replace(bare, stlpips=far)
    spec = make_spec(metrics={"dots": both, "lines": structs.replace(both, stlpips=structs.replace(far, mean=0.4))})
    assert rows_of(card(spec), "dots")[-1] == ["dots", "0.500 ± 0.250", "0.125 ± 0.062", "0.600 ± 0.050"]
    assert rows_of(card(spec), "mean of 2")[-1] == ["mean of 2", "0.500", "0.125", "0.500"]
    some = make_spec(metrics={"dots": both, "lines": bare})
    assert [rows_of(card(some), style)[-1][-1] for style in ("lines", "mean of 2")] == ["–", "–"]
    other = structs.replace(far, command="another command")
    apart = make_spec(metrics={"dots": structs.replace(bare, stlpips=other), "lines": bare})
    assert rows_of(card(apart), "dots")[-2:] == [["dots", "0.500 ± 0.250", "0.125 ± 0.062"], ["dots", "0.600 ± 0.050"]]
    assert "another command" in card(apart) and "ST-LPIPS is the distance" in card(apart)
    assert "ST-LPIPS" not in card(make_spec())


def test_iterations_stand_size_by_size_and_what_is_not_reached_is_said() -> None:
    bare = make_spec().metrics["dots"]
    facts = {"spread": 8.0, "limit": 500, **measured(bare, command="count them")}

    def worth(mean: float, size: int, reached: int = 8) -> EquivalentsSpec:
        return EquivalentsSpec(**facts | {"mean": mean, "size": size, "reached": reached})

    dots = structs.replace(bare, equivalents=(worth(60.0, 256), worth(500.0, 512, 0)))
    lines = structs.replace(bare, equivalents=(worth(80.0, 256),))
    spec = make_spec(metrics={"dots": dots, "lines": lines, "waves": bare})
    markdown = card(spec)
    assert rows_of(markdown, "style")[-1] == ["style", "256 px", "512 px"]
    assert rows_of(markdown, "dots")[-1] == ["dots", "60.0 ± 8.0", "> 500"]
    assert rows_of(markdown, "lines")[-1] == ["lines", "80.0 ± 8.0", "–"]
    assert rows_of(markdown, "mean of 2")[-1] == ["mean of 2", "70.0", "–"]
    assert "count them" in markdown and "as above the columns" in markdown

    titles = Page(index := model_index(make_zoo(spec, make_spec("johnson")), str)).texts["th"]
    assert titles[-1] == "iterations" and "ST-LPIPS" not in titles
    assert rows_of(index, "[cin/tiny](cin/tiny)")[0][-1] == "70.0 at 256 px (mean of 2), > 500 at 512 px"
    assert rows_of(index, "[johnson/tiny](johnson/tiny)")[0][-1] == ""


def test_warp_errors_stand_by_how_steady_the_net_painted() -> None:
    bare = make_spec().metrics["dots"]
    told = {"date": "Monday", "machine": "a laptop", "command": "measure clips"}
    both = (unsteady(0.004, **told), unsteady(0.005, 0.0, **told))
    metrics = {
        "dots": structs.replace(bare, warp=both),
        "lines": structs.replace(bare, warp=(unsteady(0.002, **told),)),
    }
    markdown = card(make_spec(metrics=metrics | {"waves": bare}))
    assert rows_of(markdown, "dots")[-2:] == [
        ["dots", "0.00400 ± 0.00200", "0.00800"],
        ["dots", "0.00500 ± 0.00200", "0.01000"],
    ]
    assert rows_of(markdown, "mean of 2")[-1] == ["mean of 2", "0.00300", "0.00600"]
    assert (
        markdown.count("measure clips") == 2 and "; steady 0.9; " in markdown and "; each frame by itself; " in markdown
    )
    assert "8 clips of 12 frames, 384 px wide, which themselves have 0.00010" in markdown

    spec = make_spec(metrics=metrics)
    titles = Page(index := model_index(make_zoo(spec, make_spec("johnson")), str)).texts["th"]
    assert titles[-1] == "warp error"
    assert rows_of(index, "[cin/tiny](cin/tiny)")[0][-1] == "0.00300 (mean of 2)"
    assert "warp error" not in model_index(make_zoo(make_spec(metrics=metrics | {"waves": bare})), str)


def test_what_is_not_known_is_said() -> None:
    bare = {"metrics": None, "training_data": None, "recipe": None, "summary": "", "weights": None}
    markdown = card(make_spec(**bare))
    assert "Not measured." in markdown and "it has not been measured" in markdown
    assert "Training data: **the record does not say**" in markdown
    assert "Recipe: **none is recorded**" in markdown and "How to train it again" in markdown
    assert "no fingerprint" in markdown and "±" not in markdown and "stylezoo train" not in markdown
    some = make_spec(metrics={"dots": make_spec().metrics["dots"]})
    assert "Not measured: `lines`, `waves`." in card(some)
    row = Page(model_index(make_zoo(make_spec(**bare)), str)).text
    assert row.count("not measured") == 2


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


def test_weights_from_elsewhere_say_where_from() -> None:
    markdown = card(make_spec(origin="mosaic.pth of example.org", training_data=None))
    assert "Not trained by stylezoo" in markdown and "mosaic.pth of example.org" in markdown
    assert "Not trained by stylezoo" not in card(make_spec(origin=None))


def test_a_recipe_is_folded_whole_and_without_it_its_name_stands() -> None:
    spec, recipe = make_spec(recipe="recipes/cin16.yaml"), "name: cin/tiny\nrun:\n  steps: 3\n"
    page = Page(card(spec, recipe=recipe))
    assert recipe in page.texts["code"] and "stylezoo train --recipe tiny.yaml" in page.text
    assert "cin16" not in page.text
    assert "stylezoo train --recipe recipes/cin16.yaml" in Page(card(spec)).text


def test_every_family_names_its_paper() -> None:
    assert set(PAPERS) == set(FAMILIES)
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
        plain, hostile = (make_spec(family, words=words, further=True) for words in ("some words", payload))
        options = {"picture": "images/a.jpg", "recipe": payload}
        assert skeleton(card(hostile, **options)) == skeleton(card(plain, picture="images/a.jpg", recipe="words"))
        assert skeleton(card(hostile)) == skeleton(card(plain))
        assert " ".join(payload.split()) in Page(card(hostile)).text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_words_of_a_record_add_nothing_to_a_readme(payload: str) -> None:
    words = ("words", payload)
    plain, hostile = (
        readme(*(make_spec(f, words=w, further=True) for f in KINDS), recipes={"cin/tiny": w}) for w in words
    )
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
    figures = make_spec().metrics["dots"]
    metrics = {"dots": structs.replace(figures, content=0.7), "waves": figures, "unseen": figures}
    named = make_spec(metrics={style: metrics[style] for style in ("dots", "waves")})
    either = make_spec("ghiasi", metrics={"unseen": figures, "dots": structs.replace(figures, photos=9)})
    mixed = make_spec(metrics={"dots": figures, "waves": structs.replace(figures, size=64)})
    cells = [Page(model_index(make_zoo(spec), str)).texts["td"] for spec in (named, either, mixed)]
    assert cells[0][-2:] == ["0.600 (mean of 2)", "0.125 (mean of 2)"]
    assert cells[1][-2:] == ["0.500 ± 0.250", "0.125 ± 0.062"]
    assert cells[2][-2:] == ["on its card"] * 2
