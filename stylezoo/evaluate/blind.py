"""Blind comparison of two methods by people: the voting page, and pooling of votes."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stylezoo.errors import DataError
from stylezoo.evaluate.bootstrap import COVERAGE

Z = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""

QUALITY = 85
SIDES = ("left", "right")
CHOICES = ("left", "right", "tie")


@dataclass(frozen=True)
class Trial:
    """One comparison: data URLs of four images; `left` is the index, 0 or 1, of the method on the left."""

    id: str
    content: str
    style: str
    results: tuple[str, str]
    left: int


@dataclass(frozen=True)
class Outcome:
    """The result: votes for each of two methods, and ties.

    `share` is the share of the first method, with ties counted half, and its Wilson interval (Wilson 1927).
    """

    names: tuple[str, str]
    wins: tuple[int, int]
    ties: int
    share: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """The outcome in one line."""
        first, second = self.names
        sure = "" if self.low <= 0.5 <= self.high else f": people prefer {first if self.share > 0.5 else second}"
        return (
            f"{first} {self.wins[0]}, {second} {self.wins[1]}, ties {self.ties}: {first} is preferred in "
            f"{self.share:.0%} [{self.low:.0%}, {self.high:.0%}] ({COVERAGE:.0%} interval, ties count half){sure}"
        )


def make_trials(
    images: Sequence[tuple[str, Image.Image, Image.Image, Sequence[Image.Image]]], seed: int
) -> list[Trial]:
    """Return the trials, with their order and sides shuffled by `seed`."""
    rng = np.random.default_rng(seed)
    trials = [
        Trial(id, data_url(content), data_url(style), (data_url(first), data_url(second)), int(rng.integers(2)))
        for id, content, style, (first, second) in images
    ]
    return [trials[i] for i in rng.permutation(len(trials))]


def data_url(image: Image.Image) -> str:
    """Return an image as a WebP data URL."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def blind_page(names: tuple[str, str], trials: Sequence[Trial], pairs_id: str) -> str:
    """Return the page: one file that works offline. It reveals the names once every pair has a vote."""
    facts = {"names": names, "pairs_id": pairs_id, "trials": [asdict(trial) for trial in trials]}
    data = json.dumps(facts).replace("<", "\\u003c")  # so that no text ends the script
    page = files("stylezoo.evaluate").joinpath("blind.html").read_text(encoding="utf-8")
    return page.replace("/*DATA*/", data)


def read_votes(path: Path) -> dict[str, Any]:
    """Return the votes that a page saved: {"names": [..], "pairs_id": .., "votes": {pair: 0, 1 or "tie"}}.

    Raises:
        DataError: the file is not a file of votes.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as cause:
        raise DataError(f"{path} has no votes: save them from a page of stylezoo eval --blind") from cause
    votes = found.get("votes") if isinstance(found, dict) else None
    names = found.get("names") if isinstance(found, dict) else None
    if not isinstance(votes, dict) or not isinstance(names, list) or len(names) != 2:
        raise DataError(f"{path} has no votes: save them from a page of stylezoo eval --blind")
    if strange := next((vote for vote in votes.values() if vote not in (0, 1, "tie") or isinstance(vote, bool)), None):
        raise DataError(f"{path}: votes must be 0, 1 or 'tie', not {strange!r}")
    return dict(found)


def pool(files: Sequence[Mapping[str, Any]]) -> Outcome:
    """Return the pooled outcome of several judges.

    Raises:
        DataError: the files compare different methods or pairs, or have no votes.
    """
    first = files[0]
    names = (str(first["names"][0]), str(first["names"][1]))
    for other in files[1:]:
        if (other["names"], other.get("pairs_id")) != (first["names"], first.get("pairs_id")):
            raise DataError(
                f"votes from different pages cannot be pooled: {', '.join(first['names'])} and "
                f"{', '.join(other['names'])}, or other pairs"
            )
    votes = [vote for file in files for vote in file["votes"].values()]
    wins = votes.count(0), votes.count(1)
    ties = votes.count("tie")
    if not votes:
        raise DataError("the files have no votes yet")
    share = (wins[0] + ties / 2) / len(votes)
    low, high = wilson(share, len(votes))
    return Outcome(names, wins, ties, share, low, high)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share of `count` votes (Wilson 1927)."""
    centre = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)
