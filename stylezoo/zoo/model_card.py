"""Model cards as Markdown, from the record of a model; and the README.md of a zoo on the Hub.

The card claims nothing that the record does not state, and says what is missing.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from math import inf

from stylezoo._yaml import dump_yaml
from stylezoo.zoo.card_figures import index_columns, quality_section
from stylezoo.zoo.families import FAMILIES, Kind
from stylezoo.zoo.markdown import code, fenced, folded, image, link, one_line, plain, table
from stylezoo.zoo.results import Results
from stylezoo.zoo.spec import ModelSpec, Provenance, Zoo

_KINDS: dict[Kind, str] = {
    "single": "one style, fixed in the weights",
    "multi": "several styles, by name",
    "arbitrary": "any picture as the style",
}
_PROVENANCE: dict[Provenance | None, str] = {
    "recipe": "recipe: one run of it made the weights",
    "handmade": "handmade: see Training",
    None: "not stated",
}
_HUB_LICENSE = re.compile(  # https://huggingface.co/docs/hub/repositories-licenses
    r"apache-2\.0|mit|isc|zlib|ncsa|unlicense|wtfpl|bsd(-2-clause|-3-clause(-clear)?)?|bsl-1\.0|mpl-2\.0|ms-pl|afl-3\.0|"
    r"artistic-2\.0|ecl-2\.0|epl-[12]\.0|eupl-1\.[12]|osl-3\.0|postgresql|ofl-1\.1|gfdl|agpl-3\.0|gpl(-[23]\.0)?|"
    r"lgpl(-2\.1|-3\.0)?|openrail|odbl|odc-by|pddl|cc|cc0-1\.0|cc-by-(2\.0|2\.5|3\.0|4\.0)|cc-by-sa-[34]\.0|"
    r"cc-by-nc(-sa)?-[234]\.0|cc-by-nd-4\.0|cc-by-nc-nd-[34]\.0"
)


def model_card(
    spec: ModelSpec,
    *,
    load_name: str,
    results: Mapping[str, Results] | None = None,
    picture: str | None = None,
    recipe: str | None = None,
    level: int = 1,
) -> str:
    """Return the card of one model as Markdown.

    Args:
        spec: the model's record. It may be untrusted: none of it becomes markup.
        load_name: what `stylezoo.load` takes, such as "johnson/mosaic" or "hf:owner/zoo/johnson/mosaic".
        results: measured figures by metric, as `read_results` returns them.
        picture: path of the example picture, relative to the card.
        recipe: YAML of the effective recipe; None: the card names `spec.recipe`.
        level: of the card's heading, 1 to 5.
    """
    results = results or {}
    sections = {
        "Use": _use(spec, load_name),
        "Styles": _styles(spec),
        "Quality": quality_section(spec, results),
        "Training": _training(spec, recipe),
        "What this card does not tell": _silence(spec, recipe, any(file.of(spec) for file in results.values())),
    }
    top = [f"{'#' * level} {plain(spec.name)}"]
    top += [_sentence(spec.summary)] if spec.summary.strip() else []
    if picture is not None:
        made_of = f": {spec.styles[0].title}" if spec.kind == "single" else ""
        top.append(image(f"A photo, and what {spec.name} makes of it{made_of}", picture))
    top.append(_facts(spec))
    below = [part for title, body in sections.items() for part in (f"{'#' * (level + 1)} {title}", body)]
    return "\n\n".join(top + below) + "\n"


def zoo_readme(
    zoo: Zoo,
    *,
    repo: str,
    pictures: Mapping[str, str],
    recipes: Mapping[str, str],
    results: Mapping[str, Results] | None = None,
) -> str:
    """Return the README.md of a Hub repository: front matter, an index and the card of each model.

    Args:
        repo: "owner/name" of the repository.
        pictures: by the model's name, a picture's path in the repository; see `model_card`.
        recipes: by the model's name, the YAML of its effective recipe.
        results: measured figures by metric.
    """
    specs = [zoo.models[name] for name in sorted(zoo.models)]
    names = {spec.name: f"hf:{repo}/{spec.name}" for spec in specs}
    count = "1 style transfer net" if len(specs) == 1 else f"{len(specs)} style transfer nets"
    parts = [
        f"# {plain(repo)}",
        f"{count} for `stylezoo`, as safetensors; `zoo.yaml` holds their records, from which this page is made.",
    ]
    if specs:
        first, family = specs[0], shlex.quote(f"{specs[0].family}/*")
        lines = [f"stylezoo pull {shlex.quote(repo)}", f"stylezoo pull {shlex.quote(repo)} {family}"]
        parts += [
            _use(first, names[first.name]),
            f"To have all of them on the disk, or some:\n\n{fenced(chr(10).join(lines))}",
            model_index(
                Zoo(schema=1, aliases={}, models=zoo.models), lambda name: f"#{name.replace('/', '')}", results
            ),
        ]
    if unstated := [code(spec.name) for spec in specs if any(is_unstated(style.rights) for style in spec.styles)]:
        parts.append(f"**Rights unstated:** {', '.join(unstated)}. See the styles there before you share a picture.")
    cards = [
        model_card(
            spec,
            load_name=names[spec.name],
            results=results,
            picture=pictures.get(spec.name),
            recipe=recipes.get(spec.name),
            level=2,
        ).rstrip("\n")
        for spec in specs
    ]
    return f"---\n{_front_matter(specs, repo)}---\n\n" + "\n\n".join(parts + cards) + "\n"


def model_index(zoo: Zoo, place: Callable[[str], str], results: Mapping[str, Results] | None = None) -> str:
    """Return a table of the models: kind, size and quality; `place(name)` is the target of a name's link."""
    short: dict[str, list[str]] = {}
    for alias, name in sorted(zoo.aliases.items()):
        short.setdefault(name, []).append(code(alias))
    specs = [zoo.models[name] for name in sorted(zoo.models)]
    titles, figures, notes = index_columns(specs, results or {})
    rows = []
    for spec, cells in zip(specs, figures, strict=True):
        aliases = f" ({', '.join(short[spec.name])})" if spec.name in short else ""
        size = _megabytes(spec.weights.bytes) if spec.weights else ""
        held = [f"[{plain(spec.name)}]({place(spec.name)}){aliases}", plain(spec.summary), spec.kind]
        rows.append([*held, _style_list(spec), size, _right(spec.license), *cells])
    head = ("model", "what it is", "kind", "styles", "size", "licence", *titles)
    compare = "Figures compare where the cards name the same pairs."
    return f"{table(head, rows)}\n\n{notes} {compare}" if notes else table(head, rows)


def is_unstated(right: str) -> bool:
    """Return whether rights or a licence are stated as unknown."""
    return re.match(r"\s*(unstated|unknown|not stated)\b", right, re.IGNORECASE) is not None


def _facts(spec: ModelSpec) -> str:
    paper = plain(FAMILIES[spec.family].paper)
    paper = re.sub(r"arXiv:(\S+?)(?=,|$)", lambda a: link(a[0], f"https://arxiv.org/abs/{a[1]}"), paper)
    arch = ", ".join(code(f"{k}: {v if isinstance(v, str) else json.dumps(v)}") for k, v in spec.arch.items())
    rows = [
        ("family", f"{code(spec.family)}: {paper}"),
        ("kind", f"{spec.kind}: {_KINDS[spec.kind]}"),
        ("net", arch or "as the family's default"),
    ]
    if weights := spec.weights:
        kept = f"{code(weights.file)}, {weights.bytes:,} bytes, {plain(weights.dtype)}"
        rows += [("weights", kept), ("sha256", code(weights.sha256))]
    if spec.weightless:
        return table(("", ""), [*rows, ("weights", "none: each picture is optimised by itself")])
    rows.append(("provenance", _PROVENANCE[spec.provenance]))
    return table(("", ""), [*rows, ("licence of the weights", _right(spec.license))])


def _use(spec: ModelSpec, name: str) -> str:
    quoted, ids = json.dumps(name, ensure_ascii=False), spec.style_ids
    wanted = "painting.jpg" if spec.kind == "arbitrary" else "" if spec.kind == "single" else ids[0]
    style = f", {json.dumps(wanted)}" if wanted else ""
    call = f'painting = stylezoo.load({quoted}).stylize("photo.jpg"{style})  # a PIL image'
    option = f" -s {wanted}" if wanted else ""
    command = f"stylezoo stylize photo.jpg -m {shlex.quote(name)}{option} -o stylized.jpg"
    parts = [fenced(f"import stylezoo\n\n{call}", "python"), fenced(command)]
    if spec.kind == "arbitrary" and ids:
        parts.append(f"In place of the picture a name, such as {code(ids[0])}, or a mix of both.")
    elif len(ids) > 1:
        mix = f'{{"{ids[0]}": 0.6, "{ids[1]}": 0.4}}'
        parts.append(f"In place of the name a mix: {code(mix)}, or {code(f'-s {ids[0]}:0.6,{ids[1]}:0.4')}.")
    return "\n\n".join(parts)


def _styles(spec: ModelSpec) -> str:
    if not spec.styles:
        return "It knows none by name: give it a picture. Whether you may use that picture is for you to find out."
    stated = [style.rights for style in spec.styles if not is_unstated(style.rights)]
    notes = list(dict.fromkeys(stated))
    if len(notes) == len(stated):  # none is shared: each stands in its row
        notes = []
    rows = []
    for style in spec.styles:
        right = str(notes.index(style.rights) + 1) if style.rights in notes else _right(style.rights)
        source = plain(style.source)
        if style.picture:
            source += f" ({link('picture', style.picture.page)})"
        elif re.fullmatch(r"https?://\S+", style.source):
            source = link(style.source, style.source)
        words = [plain(word or "–") for word in (style.title, style.artist, style.year, style.died)]
        rows.append([code(style.id), *words, source, right])
    last = "rights, see below" if notes else "rights"
    parts = [table(("style", "title", "artist", "year", "artist died", "source", last), rows)]
    parts += ["\n".join(f"{i}. {plain(note)}" for i, note in enumerate(notes, 1))] if notes else []
    if missing := [code(style.id) for style in spec.styles if is_unstated(style.rights)]:
        warning = f"> **Rights unstated: {', '.join(missing)}.** Nobody has said that the picture may be used."
        parts.insert(0, f"{warning} Find out before you share the weights, or what they stylize.")
    return "\n\n".join(parts)


def _training(spec: ModelSpec, recipe: str | None) -> str:
    if spec.weightless:
        return "None: there is nothing to learn beyond the encoder that is named above."
    parts = []
    if spec.provenance == "handmade":
        story = spec.story or ""
        parts.append(f"**Handmade**, not by one run of a recipe. {_sentence(story[:1].upper() + story[1:])}")
    elif spec.provenance == "recipe":
        parts.append("One run of the recipe made these weights.")
    stated = _sentence(spec.training_data) if spec.training_data else "**the record does not say**."
    parts.append(f"Training data: {stated}")
    if recipe is None and spec.recipe is None:
        return "\n\n".join([*parts, "Recipe: **none is recorded**."])
    file = f"{spec.name.rpartition('/')[2]}.yaml" if recipe is not None else one_line(spec.recipe or "")
    lines = [f"stylezoo train --recipe {shlex.quote(file)}"]
    if recipe is None:
        purpose = "to train one like it" if spec.provenance == "handmade" else "to train it again"
        parts.append(f"Recipe, {purpose}: {code(file)}.")
        if any(style.picture for style in spec.styles):
            lines.insert(0, "stylezoo data get presets  # the styles' pictures")
    else:
        parts.append(folded(f"Recipe, to be saved as {file}, with every default written out", fenced(recipe, "yaml")))
    return "\n\n".join([*parts, fenced("\n".join(lines))])


def _silence(spec: ModelSpec, recipe: str | None, measured: bool) -> str:
    lines = ["Speed, memory, and how it does on photos unlike those that it was measured on."]
    if not measured:
        lines = ["How good it is: it has not been measured.", "Speed and memory."]
    if spec.weightless:
        return "\n".join(f"- {line}" for line in lines)
    if not spec.training_data:
        lines.append("Which data it was trained on, and what rights there are to them.")
    if spec.provenance is None:
        lines.append("How the weights were made.")
    if recipe is None and spec.recipe is None:
        lines.append("How to train it again.")
    elif spec.provenance == "handmade":
        lines.append("How good a net one run of the recipe gives.")
    else:
        lines.append("Whether the recipe gives the same bits again.")
    if spec.styles:
        lines.append("Whether the rights to the styles, which are given as the record states them, hold where you are.")
    return "\n".join(f"- {line}" for line in lines)


def _sentence(text: str) -> str:
    return re.sub(r"(?<=[^.!?])$", ".", plain(text))


def _right(right: str) -> str:
    """Return rights or a licence, in bold where they are unstated."""
    return f"**{plain(right)}**" if is_unstated(right) else plain(right)


def _style_list(spec: ModelSpec) -> str:
    if spec.kind == "arbitrary":
        return f"any, and {len(spec.styles)} by name" if spec.styles else "any"
    return code(spec.style_ids[0]) if len(spec.styles) == 1 else str(len(spec.styles))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 50_000 else f"{size / 1e3:.1f} kB"


def _front_matter(specs: Sequence[ModelSpec], repo: str) -> str:
    """Return the metadata with which the Hub lists and filters a repository, as YAML."""
    licenses = {_hub_license(spec.license) for spec in specs}
    data: dict[str, str | list[str]] = {}
    if len(licenses) == 1 and all(map(_HUB_LICENSE.fullmatch, licenses)):
        data["license"] = licenses.pop()
    elif licenses:
        data["license"] = "other"
        data["license_name"] = licenses.pop() if len(licenses) == 1 else "one-for-each-model"
        data["license_link"] = f"https://huggingface.co/{repo}/blob/main/README.md"
    data["library_name"] = "stylezoo"
    data["pipeline_tag"] = "image-to-image"
    families = {spec.family for spec in specs}
    data["tags"] = ["stylezoo", "style-transfer", "neural-style-transfer", *(f for f in FAMILIES if f in families)]
    return dump_yaml(data, width=inf)


def _hub_license(license: str) -> str:
    """Return an SPDX identifier in the Hub's spelling; anything else as a name that the Hub accepts."""
    name = re.sub(r"[^a-z0-9.]+", "-", license.lower()).strip("-.")
    return re.sub(r"-(only|or-later)$", "", name)[:96] or "unstated"
