"""The code of the documentation: its blocks, and how to run or to check each as a reader would.

A block is Python, or a shell's: fenced as ```console, ```bash or without a language, or indented. In ```console the
commands begin with `$ `, and what they print stands below them, `...` for whatever is there. What is not run says so in
the line before the block, where pages do not show it:

    <!-- not run: it trains for an hour -->
    <!-- not run (train, push): an hour of training, and the Hub -->

The second leaves out only these commands of `stylezoo`. Indented lines are no lessons but records, of the commands that
measured what a page tells: they are checked, and not run.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from click.testing import CliRunner
from markdown_it import MarkdownIt

from stylezoo.cli.main import cli

ROOT = Path(__file__).parents[2]
READER = MarkdownIt("commonmark", {"html": True})
MARK = re.compile(r"<!-- not run(?: \((?P<commands>[^)]*)\))?: (?P<reason>\S.*?) -->\s*")
SHELLS = ("", "bash", "console", "sh")
ELSEWHERE = {"pip", "cd", "git", "make", "hf", "export", "torchrun"}
"""Commands that are not of this project, or that install it: neither run nor checked."""


@dataclass(frozen=True)
class Line:
    """A command of a shell.

    Attributes:
        text: as it stands there, its continuations joined.
        expected: what it prints, as the page tells; None where the page does not.
    """

    number: int
    text: str
    expected: str | None = None

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)

    @property
    def name(self) -> str:
        """What is called: 'stylize' for `stylezoo stylize`, else the command itself."""
        words = _split_environment(self.words)[1]
        return "" if not words else words[1] if words[0] == "stylezoo" and len(words) > 1 else words[0]


@dataclass(frozen=True)
class Block:
    """One block of code.

    Attributes:
        language: 'python', a shell's, or another's; 'record' where it is indented.
        title: the file that it is to be, if it says so.
        reason: why it, or a part of it, is not run.
        without: the commands that are not run; empty with a reason: none is.
    """

    page: Path
    number: int
    language: str
    text: str
    title: str | None = None
    reason: str | None = None
    without: frozenset[str] = frozenset()

    @property
    def lines(self) -> list[Line]:
        """The commands of a shell's block."""
        if self.language not in (*SHELLS, "record"):
            return []
        if self.language == "console" and re.search(r"^\$ ", self.text, re.MULTILINE):
            return [
                Line(self.number + self.text[: found.start()].count("\n"), found[1], found[2] or None)
                for found in re.finditer(r"^\$ (.+)\n?((?:(?!\$ ).*\n?)*)", self.text, re.MULTILINE)
            ]
        joined = re.finditer(r"(?:.*\\\n)*.+", self.text)
        return [Line(self.number + self.text[: f.start()].count("\n"), f[0].replace("\\\n", " ")) for f in joined]

    def runs(self, line: Line) -> bool:
        """Whether a command of this block is to be run."""
        if self.language == "record" or (self.reason and not self.without):
            return False
        return line.name not in self.without

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.number}"


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, in their order."""
    blocks, mark = [], None
    for token in READER.parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            language, _, rest = token.info.partition(" ")
            title = re.search('title="([^"]+)"', rest)
            commands = frozenset(re.findall(r"[\w-]+", mark["commands"] or "")) if mark else frozenset()
            number = token.map[0] + (2 if token.type == "fence" else 1)
            blocks.append(
                Block(
                    page,
                    number,
                    "record" if token.type == "code_block" else language,
                    token.content,
                    title and title[1],
                    mark and mark["reason"],
                    commands,
                )
            )
        mark = MARK.fullmatch(token.content) if token.type == "html_block" else None
    return blocks


def run_python(block: Block, namespace: dict[str, Any]) -> None:
    """Run a block of Python; a traceback names the page's lines."""
    code = compile("\n" * (block.number - 1) + block.text, str(block.page), "exec")
    exec(code, namespace)


def run_line(line: Line) -> None:
    """Run a command: `stylezoo` in this process, `cat FILE`, pipes between them, and `> FILE`."""
    environment, words = _split_environment(line.words)
    if not words or words[0] in ELSEWHERE:
        return
    data, said, code = b"", "", 0
    for part in _split_at(words, "|"):
        (name, *arguments), *target = _split_at(part, ">")
        if name == "cat":
            data = b"".join(Path(file).read_bytes() for file in arguments)
        elif name == "stylezoo":
            result = CliRunner(env=environment).invoke(cli, arguments, input=data)
            data, said, code = result.stdout_bytes, result.output, result.exit_code
        else:
            raise AssertionError(
                f"a reader can run '{name}', these tests cannot: mark the block, or write it otherwise"
            )
        for (file,) in target:
            Path(file).write_bytes(data)
    if line.expected is None:
        assert code == 0, said
    else:
        pattern = ".*".join(map(re.escape, _plain(line.expected).split("...")))
        assert re.fullmatch(pattern, _plain(said), re.DOTALL), f"it says:\n{said}"


def check_line(line: Line) -> None:
    """Raise click.UsageError unless the command is there and takes these options and arguments; run nothing.

    Files need not be there.
    """
    words = _split_environment(line.words)[1]
    for part in _split_at(words, "|"):
        name, *arguments = next(_split_at(part, ">"))
        if name == "stylezoo":
            _check(cli, arguments)
        elif name == "python" and arguments[0].startswith("scripts/"):
            _check(load_script(Path(arguments[0]).stem).main, arguments[1:])


def load_script(name: str) -> ModuleType:
    """Return the module of a script of the repository."""
    spec = spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None, f"there is no scripts/{name}.py"
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up by name
    sys.path.insert(0, str(ROOT / "scripts"))  # as when it is run
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return module


def _check(command: click.Command, words: list[str]) -> None:
    context = click.Context(command, info_name=command.name)
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, found, rest = command.resolve_command(context, words)
        assert found is not None
        return _check(found, rest)
    try:
        command.make_context(command.name, words)
    except click.BadParameter as error:
        if "does not exist" not in error.format_message():
            raise


def _split_environment(words: list[str]) -> tuple[dict[str, str], list[str]]:
    count = next((i for i, word in enumerate(words) if not re.match("[A-Z_]+=", word)), len(words))
    return dict(word.split("=", 1) for word in words[:count]), words[count:]


def _split_at(words: list[str], sign: str) -> Iterator[list[str]]:
    part: list[str] = []
    for word in words:
        if word == sign:
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _plain(text: str) -> str:
    """Return text as it looks: without what a terminal would colour, and spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in click.unstyle(text).strip().splitlines())
