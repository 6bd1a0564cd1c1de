"""Write the cards of the zoo's models: docs/zoo/README.md, and of each model a page with a picture.

    python scripts/zoo_cards.py              # all of it
    python scripts/zoo_cards.py ghiasi/lite  # of the pictures, which take seconds each, this one alone
    python scripts/zoo_cards.py --check      # fail if a page is not what they give; draws nothing

Cards are made of zoo.yaml and results/ alone, and what is changed in them by hand is lost. A model's
picture is drawn again when its weights change: name it then, or draw all.
"""

from __future__ import annotations

from pathlib import Path

import click

import stylezoo
from stylezoo._files import replacing
from stylezoo.images.io import write
from stylezoo.publish.samples import QUALITY, sample_page
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.model_card import model_card, model_index
from stylezoo.zoo.results import read_results
from stylezoo.zoo.spec import Zoo

ROOT = Path(__file__).resolve().parents[1]
CARDS = ROOT / "docs" / "zoo"
INTRODUCTION = """# The models

What `stylezoo list` shows, with a card for each: its styles and their rights, how good it was measured to be, what it
was trained on, and what its record does not tell. The photo is the astronaut of scikit-image.
`python scripts/zoo_cards.py` makes the cards from `zoo.yaml` and `results/`; `stylezoo info NAME` prints the record.
"""


def make_pages(zoo: Zoo) -> dict[str, str]:
    """Return the texts of the cards and of their index, by file name."""
    results = read_results(ROOT / "results")
    pages = {"README.md": f"{INTRODUCTION}\n{model_index(zoo, lambda name: f'{_stem(name)}.md', results)}\n"}
    for name, spec in zoo.models.items():
        picture = picture_of(name) if name in drawn_models(zoo) else None
        pages[f"{_stem(name)}.md"] = model_card(spec, load_name=name, results=results, picture=picture)
    return pages


def picture_of(name: str) -> str:
    """Return the path of a model's picture in the folder of the cards."""
    return f"images/{_stem(name)}.jpg"


def drawn_models(zoo: Zoo) -> list[str]:
    """Return the models that have a picture on their card: not those that optimise each picture for minutes."""
    return [name for name, spec in zoo.models.items() if spec.weights]


def find_stale(zoo: Zoo, folder: Path) -> list[str]:
    """Return what a folder of cards has wrong, in a line each."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    stale = [
        f"{name} is not what zoo.yaml and results/ give"
        for name, text in make_pages(zoo).items()
        if texts.get(name) != text
    ]
    missing = [name for name in map(picture_of, drawn_models(zoo)) if not (folder / name).is_file()]
    return [*stale, *(f"{name} is missing" for name in missing), *find_strays(zoo, folder)]


def find_strays(zoo: Zoo, folder: Path) -> list[str]:
    """Return which files in a folder of cards are of no model, in a line each."""
    wanted = {*make_pages(zoo), *map(picture_of, drawn_models(zoo))}
    found = [path.relative_to(folder).as_posix() for kind in ("*.md", "images/*") for path in folder.glob(kind)]
    return [f"{name} is of no model: delete it" for name in sorted(found) if name not in wanted]


def _stem(name: str) -> str:
    return name.replace("/", "_")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--check", is_flag=True, help="Write nothing; fail if a card is out of date.")
@click.option("--out", default=CARDS, type=click.Path(path_type=Path), help="The folder of the cards.")
def main(names: tuple[str, ...], check: bool, out: Path) -> None:
    """Write all cards, and the pictures of the models NAME, or of all models."""
    zoo = read_zoo(ROOT / "zoo.yaml")
    if unknown := [name for name in names if name not in zoo.models]:
        raise click.UsageError(f"no model is named {', '.join(unknown)}; there are {', '.join(zoo.models)}")
    if check:
        if stale := find_stale(zoo, out):
            raise click.ClickException("; ".join([*stale, "run python scripts/zoo_cards.py"]))
        return
    for file, text in make_pages(zoo).items():
        with replacing(out / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
        click.echo(out / file)
    for name in names or drawn_models(zoo):
        path = out / picture_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(sample_page(stylezoo.load(name)), path, overwrite=True, quality=QUALITY)
        click.echo(path)
    for stray in find_strays(zoo, out):
        click.echo(stray, err=True)


if __name__ == "__main__":
    main()
