from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from stylezoo.errors import DataError
from stylezoo.evaluate.blind import blind_page, make_trials, pool, read_votes, wilson


@pytest.fixture
def page() -> str:
    def shade(level: int) -> Image.Image:
        return Image.new("RGB", (8, 6), (level, level, level))

    images = [(f"photo{i}/</script>", shade(10), shade(20), [shade(30), shade(40)]) for i in range(12)]
    return blind_page(("cin/16", "magenta"), make_trials(images, seed=3), "0123abcd")


def test_a_page_holds_all_it_needs_and_shuffles_sides(page: str) -> None:
    assert not re.search(r"(src|href)=[\"']?https?:", page) and page.count("<script") == 2
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    trials = data["trials"]
    assert data["names"] == ["cin/16", "magenta"] and len(trials) == 12
    assert {trial["left"] for trial in trials} == {0, 1}
    assert [trial["id"] for trial in trials] != sorted(trial["id"] for trial in trials)
    assert all(trial["content"].startswith("data:image/webp;base64,") for trial in trials)
    assert all(len(trial["results"]) == 2 for trial in trials)


def test_votes_of_several_judges_pool(tmp_path: Path) -> None:
    files = []
    for number, votes in enumerate([{"a": 0, "b": 0, "c": "tie"}, {"a": 0, "b": 1, "c": 0}]):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"names": ["x", "y"], "pairs_id": "1", "votes": votes}))
        files.append(read_votes(path))
    outcome = pool(files)
    assert (outcome.wins, outcome.ties, outcome.share) == ((4, 1), 1, 0.75)
    assert (outcome.low, outcome.high) == wilson(0.75, 6)
    assert "x 4, y 1, ties 1" in outcome.text
    with pytest.raises(DataError, match="different pages"):
        pool([files[0], files[1] | {"pairs_id": "2"}])


def test_the_wilson_interval_is_that_of_the_literature() -> None:
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)  # Newcombe 1998
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"names": ["a"], "votes": {}}', '{"names": ["a", "b"], "votes": {"p": 2}}']
)
def test_what_is_no_vote_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "votes.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"votes\.json"):
        read_votes(path)
