"""The fenced blocks of the documentation, and what is wrong with the commands that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NEEDS = re.compile(r"<!-- needs: (?P<what>.+) -->")
LANGUAGES = {"sh", "toml", "json", "python", "text"}


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: relative to the repository.
        line: of its first line, from 1.
        language: what stands behind the fence.
        needs: why it cannot be run here; none: it is run.
        text: its lines.
    """

    page: str
    line: int
    language: str
    needs: str | None
    text: str


def pages() -> list[Path]:
    """README, CONTRIBUTING and all pages of the documentation."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page; indented ones too."""
    page, needs, opened = path.relative_to(ROOT).as_posix(), None, None
    inside: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = line.strip()
        if opened is not None:
            if mark == "```":
                yield Block(page, opened[0], opened[1], needs, "\n".join(inside))
                opened, needs = None, None
            else:
                inside.append(line)
        elif mark.startswith("```"):
            opened, inside = (number + 1, mark.removeprefix("```").strip()), []
        elif found := NEEDS.fullmatch(mark):
            needs = found["what"]
        elif mark:
            needs = None


def commands(shell: str) -> Iterator[list[str]]:
    """The words of each command of a block of shell, without comments, variables, `sudo` and what it redirects to."""
    for line in shell.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(
            line.replace("$(command -v hemato-edge)", "hemato-edge"), posix=True, punctuation_chars=";&|>"
        )
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";&|"):
                yield from [words] if words else []
                words = []
            elif words or not (word == "sudo" or re.match(r"[A-Z_]+=", word)):
                words.append(word)


def trouble(words: list[str]) -> str | None:
    """What is wrong with a command that is not run: an unknown command, option, target or script."""
    if words[0] == "hemato-edge":
        return _unknown_to_the_program(words[1:])
    if words[0] == "make":
        return next((f"no target {word}" for word in words[1:] if f"\n{word}:" not in _makefile()), None)
    if words[0] == "python" and words[1].endswith(".py"):
        script = ROOT / words[1]
        text = script.read_text(encoding="utf-8") if script.is_file() else ""
        options = [word for word in words[2:] if word.startswith("--")]
        return next(
            (f"{words[1]}: no {option}" for option in options if option not in text), None if text else "no script"
        )
    return None


@cache
def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


@cache
def _program() -> Any:
    from typer.main import get_command

    from hemato_edge.cli.main import app

    return get_command(app)


def _unknown_to_the_program(words: list[str]) -> str | None:
    command = _program()
    options: dict[str, Any] = {"-h": None, "--help": None}
    takes_next = False
    for word in words:
        options |= {
            name: parameter for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
        }
        if word == ">":  # what follows is a file
            break
        if takes_next:
            takes_next = False
        elif word.startswith("-") and not re.fullmatch(r"-\d.*", word):
            name = word.split("=")[0]
            if name not in options:
                return f"no option {word}"
            option = options[name]
            takes_next = "=" not in word and option is not None and not (option.is_flag or option.count)
        elif hasattr(command, "get_command"):
            command = command.get_command(None, word)
            if command is None:
                return f"no command {word}"
    return None
