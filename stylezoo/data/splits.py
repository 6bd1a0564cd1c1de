"""Which pictures are for training, for validation and for the test: by a list of names and perceptual hashes.

Training learns from the training split. Anything that is chosen, such as weights, steps or a loss, is chosen on the
validation split. The test split is for reporting alone. `splits.tsv` lists the pictures of the last two, and of a
fourth kind, excluded: copies and crops of test pictures, which belong nowhere. A listed picture keeps to its split in
whatever folder it lies; of folders in which none is listed, every n-th picture is for validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from stylezoo.errors import DataError, ImageError, OptionError, did_you_mean
from stylezoo.images.io import read
from stylezoo.images.phash import SAME, distance

SPLITS = ("validation", "test")
LIST = "splits.tsv"


@dataclass(frozen=True)
class Listed:
    """A picture of the list: the name of its file, and its `perceptual_hash`."""

    name: str
    phash: str

    def find(self, folders: Sequence[Path]) -> Path:
        """Return the picture of this name in one of the folders.

        Raises:
            DataError: it is in none of them, or another picture has its name.
        """
        for folder in folders:
            if (path := folder / self.name).is_file():
                if not same_picture(path, self.phash):
                    raise DataError(f"{path} is not the picture of that name in the list of splits: restore it")
                return path
        raise DataError(f"{self.name} from the list of splits is in none of {', '.join(map(str, folders))}: restore it")


@dataclass(frozen=True)
class Split:
    """The pictures of one split.

    Attributes:
        photos, paintings: content and style images.
        pairs: a photo and a painting each, always the same ones in the same order.
    """

    photos: tuple[Listed, ...]
    paintings: tuple[Listed, ...]
    pairs: tuple[tuple[Listed, Listed], ...]

    def find_photos(self, data: Path) -> list[Path]:
        """Return the photos in the content/ of a data folder; raises DataError if one is missing."""
        return [photo.find([data / "content"]) for photo in self.photos]

    def find_pairs(self, data: Path) -> list[tuple[Path, Path]]:
        """Return the pairs in a data folder; raises DataError if a picture is missing."""
        places = [data / "styles", data / "presets"]
        return [(photo.find([data / "content"]), painting.find(places)) for photo, painting in self.pairs]

    def there(self, data: Path) -> bool:
        """Return whether a data folder is the one that the list is of, by its first photo."""
        return bool(self.photos) and (data / "content" / self.photos[0].name).is_file()


@cache
def load_split(name: str = "validation") -> Split:
    """Return the validation or the test split.

    Raises:
        OptionError: there is no split of that name.
    """
    if name not in SPLITS:
        raise OptionError(f"the split must be validation or test, not '{name}'.{did_you_mean(name, SPLITS)}")
    listed = {(kind, picture.name): picture for of, kind, picture, _ in _lines() if of == name}
    pairs = []
    for of, kind, painting, partners in _lines():
        if of == name and kind == "painting":
            pairs += [(listed["photo", partner], painting) for partner in partners]
    photos, paintings = (tuple(p for (of, _), p in listed.items() if of == kind) for kind in ("photo", "painting"))
    return Split(photos, paintings, tuple(pairs))


def split(paths: Sequence[Path], hold_out: int) -> tuple[list[Path], list[Path]]:
    """Return (training, validation) of the pictures of a folder, in their order.

    Pictures that the list names, and that show what it says, follow it: those of the test split, and excluded ones, are
    in neither, and the rest is for training. Where none is listed, every `hold_out`-th picture, from the first, is for
    validation; 0 keeps none, and a lone picture is for training.
    """
    listed = {picture.name: (of, picture) for of, _, picture, _ in _lines()}
    follows: dict[Path, str] = {}
    for path in paths:
        of, picture = listed.get(path.name, ("", None))
        if picture and same_picture(path, picture.phash):
            follows[path] = of
    if follows:
        training = [path for path in paths if path not in follows]
        return training, [path for path in paths if follows.get(path) == "validation"]
    if hold_out <= 0 or len(paths) == 1:
        return list(paths), []
    return [p for i, p in enumerate(paths) if i % hold_out], list(paths[::hold_out])


def listed_pictures(kind: str) -> dict[str, str]:
    """Return the split of each listed picture of a kind, "photo" or "painting", by the name of its file."""
    return {picture.name: of for of, there, picture, _ in _lines() if there == kind}


@cache
def same_picture(path: Path, phash: str) -> bool:
    """Return whether a file shows the picture of this hash; False for one that cannot be read."""
    try:
        return distance(read(path).pixels, phash) <= SAME
    except ImageError:
        return False


@cache
def _lines() -> tuple[tuple[str, str, Listed, tuple[str, ...]], ...]:
    """Return the lines of the list: split, kind ("photo" or "painting"), picture, photos that are paired with it."""
    text = files("stylezoo.data").joinpath(LIST).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return tuple((row[0], row[1], Listed(row[2], row[3]), tuple(filter(None, row[4].split(",")))) for row in rows)
