"""Text through a Markdown reader, which has to show it as it was, wherever it stands."""

from __future__ import annotations

from itertools import product
from string import punctuation

import pytest
from markdown_page import Page

from stylezoo.zoo.markdown import code, fenced, folded, image, link, plain, table

HOSTILE = [
    *("".join(pair) for pair in product(punctuation, repeat=2)),
    "16. is no list",
    "# no heading",
    "- no list",
    "a_b _c_ **d** ~~e~~",
    "![x](https://example.org/x.png)",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp;amp; &#60;",
    "back\\slash \\",
]


@pytest.mark.parametrize(
    ("place", "tag"), [("{}", "p"), ("## {}", "h2"), ("| a |\n| --- |\n| {} |", "td"), ("[{}](b)", "a")]
)
def test_text_reads_as_it_was_wherever_it_stands(place: str, tag: str) -> None:
    for text in HOSTILE:
        page = Page(place.format(plain(text)))
        assert "".join(page.texts[tag]) == text, f"{text} became {page.tags}"


def test_code_reads_as_it_was_in_a_line_and_in_a_table() -> None:
    for text in HOSTILE:
        for place in ("a {} b", "| a |\n| --- |\n| a {} b |"):
            assert "".join(Page(place.format(code(text))).texts["code"]) == text


def test_text_stays_in_its_line_and_shows_all_that_it_holds() -> None:
    assert plain("a\n\n\tb\u2028c\x1b[0m\u202eevil\u2066\ud800") == plain("a b c[0mevil")
    assert plain(" \n ") == code("\n") == ""


def test_code_of_several_lines_does_not_end_before_its_end() -> None:
    body = "a: ```\n````\n</details>\n~~~\n# b"
    page = Page(folded("A <b>title</b>", fenced(body, "yaml")))
    assert page.texts["code"] == [body + "\n"]
    assert page.texts["summary"] == ["A <b>title</b>"]
    assert [tag for tag, _ in page.tags] == ["details", "summary", "pre", "code"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//example.org", "https://a b", "x.png", ""]
)
def test_only_web_addresses_become_links(url: str) -> None:
    page = Page(link("[a](b)", url))
    assert [tag for tag, _ in page.tags] == ["p"] and page.texts["p"] == ["[a](b)"]


def test_an_address_leads_where_it_did_and_ends_nothing() -> None:
    page = Page(f"| a | b |\n| --- | --- |\n| {link('a|b', 'https://example.org/a_(b)|c<d>?e=1&f=%20')} | c |")
    assert [a["href"] for tag, a in page.tags if tag == "a"] == ["https://example.org/a_%28b%29%7Cc%3Cd%3E?e=1&f=%20"]
    assert page.texts["td"] == ["c"] and page.texts["a"] == ["a|b"]


def test_a_picture_has_its_words_and_its_place() -> None:
    tag, attributes = Page(image('a"]<b>(c)', "pictures/a (b).jpg")).tags[-1]
    assert (tag, attributes) == ("img", {"src": "pictures/a%20%28b%29.jpg", "alt": 'a"]<b>(c)'})


def test_a_table_has_its_cells() -> None:
    page = Page(table(("", "b"), [("1", ""), ("", "4")]))
    assert [tag for tag, _ in page.tags].count("td") == 4
    assert page.texts == {"th": ["b"], "td": ["1", "4"]}
