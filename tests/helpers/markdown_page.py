"""Markdown as a browser is given it."""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ALONE = ("img", "hr", "br")  # tags that are their own end


class Page(HTMLParser):
    """A page's tags with their attributes, in order, and the text between them, by the tag around it."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.shown: list[str] = []
        self.inside = [""]
        self.feed(READER.render(markdown))

    @property
    def text(self) -> str:
        """All that is shown, in one line."""
        return " ".join("".join(self.shown).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ALONE:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ALONE:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        self.shown.append(data)
        if data.strip():
            self.texts.setdefault(self.inside[-1], []).append(data)
