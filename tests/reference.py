"""The reference pages of the documentation, made from the code: `python tests/reference.py` writes them all.

Commands come from the command line itself, settings and cards from their JSON Schemas, exit codes from the errors'
classes, documents from what the commands print for a small recorded session and a drawn field.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
OURS = ("hemato_edge", "hemato_training", "hemato_convert")
HEADER = "This page is generated from the code: `python tests/reference.py`."


def cell(text: object) -> str:
    """Text for a cell of a Markdown table: on one line, with no bar that would end the cell."""
    return re.sub(r"\s+", " ", str(text)).replace("|", "\\|").replace("<", "&lt;").strip()


# -- commands ----------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with its arguments and options, groups first, as `--help` lists them."""
    from typer.main import get_command

    from hemato_edge.cli.main import app

    root = get_command(app)
    lines = ["# Commands", "", HEADER, "", "`-h` and `--help` work everywhere. Options before the command:", ""]
    lines += _table(root)
    for name, command in _commands(root, ()):
        lines += ["", f"## {' '.join(name)}", "", cell(command.help or ""), ""]
        lines += ["```text", " ".join(("hemato-edge", *name, *_placeholders(command))), "```", ""]
        lines += _table(command)
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        inside = list(_commands(command, (*above, name))) if hasattr(command, "list_commands") else []
        if _is_ours(command) or any(_is_ours(one) for _, one in inside):
            if not inside or any(parameter for parameter in _shown(command)):
                yield (*above, name), command
            yield from inside


def _is_ours(command: Any) -> bool:
    return command.callback is not None and command.callback.__module__.startswith(OURS)


def _shown(command: Any) -> list[Any]:
    return [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]


def _placeholders(command: Any) -> list[str]:
    found = ["[OPTIONS]"] if any(p.param_type_name == "option" for p in _shown(command)) else []
    found += [_metavar(p) for p in _shown(command) if p.param_type_name == "argument"]
    return found + (["COMMAND …"] if hasattr(command, "list_commands") else [])


def _metavar(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper()).strip("[]").rstrip("….")
    return f"{name if parameter.required else f'[{name}]'}{'…' if parameter.nargs == -1 else ''}"


def _table(command: Any) -> list[str]:
    kinds = inspect.signature(command.callback, eval_str=True).parameters
    rows = [
        (
            _names(p, kinds[p.name].annotation if p.name in kinds else bool),
            cell(getattr(p, "help", "") or ""),
            _default(p),
        )
        for p in _shown(command)
    ]
    if not rows:
        return []
    return ["| | | default |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]


def _names(parameter: Any, annotation: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.is_flag or parameter.count:
        return names
    return f"{names} {parameter.metavar or _kind(annotation)}"


def _kind(annotation: Any) -> str:
    """What an option takes, from the annotation of its parameter."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _kind(typing.get_args(annotation)[0])
    inner = [one for one in typing.get_args(annotation) if one is not type(None)]
    if inner:
        return _kind(inner[0])
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return cell("|".join(str(member.value) for member in annotation))
    return {int: "N", float: "X", Path: "PATH"}.get(annotation, "TEXT")


def _default(parameter: Any) -> str:
    default = parameter.default
    if default in (None, False, "", (), []) or callable(default) or parameter.required:
        return ""
    return f"`{cell(getattr(default, 'value', default))}`"


# -- settings, cards and documents -------------------------------------------------------------------------------------


def settings_page() -> str:
    """Every setting by section: type and bounds, default, variable."""
    from hemato_edge.settings.example import schema
    from hemato_edge.settings.sources import variable

    whole = schema()
    lines = ["# Settings", "", HEADER, ""]
    lines += ["`hemato-edge config example` writes a file with all of them, `hemato-edge config check` checks one:"]
    lines += ["[configuration](../guide/configuration.md).", ""]
    for section, described in whole["properties"].items():
        part = _resolved(described, whole)
        lines += [f"## {section}", "", cell(part.get("description", "")), ""]
        lines += ["| key | value | default | is | variable |", "|---|---|---|---|---|"]
        for key, value in part["properties"].items():
            row = [f"`{key}`", kind(value, whole), literal(value.get("default")), cell(value.get("description", ""))]
            lines.append(f"| {' | '.join(row)} | `{variable(f'{section}.{key}')}` |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def card_page() -> str:
    """What the card of a model says, part by part."""
    from hemato_edge.models.card import ClassifierCard, LocatorCard

    lines = ["# Model card", "", HEADER, ""]
    lines += ["Every bundle carries its card as JSON; `hemato-edge model info FILE --json` prints it."]
    parts: dict[str, dict[str, Any]] = {}
    for title, card in (("Card of a classifier", ClassifierCard), ("Card of a locator", LocatorCard)):
        whole = card.model_json_schema()
        lines += ["", f"## {title}", "", cell(whole.get("description", "")), "", *_properties(whole, whole)]
        parts |= whole.get("$defs", {})
    for name, part in sorted(parts.items()):
        lines += ["", f"## {name}", "", cell(part.get("description", "")), ""]
        lines += _properties(part, {"$defs": parts})
    return "\n".join(lines) + "\n"


def _properties(part: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    required = part.get("required", [])
    lines = ["| key | value | required | is |", "|---|---|---|---|"]
    for key, value in part["properties"].items():
        needed = "yes" if key in required else ""
        lines.append(f"| `{key}` | {kind(value, whole)} | {needed} | {cell(value.get('description', ''))} |")
    return lines


def _resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = whole["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    return schema


def kind(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    """In words what a value may be, from its JSON Schema."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        target = whole.get("$defs", {}).get(name, {})
        return kind(target, whole) if "enum" in target else f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join("none" if one.get("type") == "null" else kind(one, whole) for one in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        items = schema.get("prefixItems")
        return (
            f"list of {len(items)}: {kind(items[0], whole)}"
            if items
            else f"list: {kind(schema.get('items', {}), whole)}"
        )
    if schema.get("type") == "object":
        return (
            f"map: {kind(schema['additionalProperties'], whole)}"
            if isinstance(schema.get("additionalProperties"), dict)
            else "map"
        )
    names = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
    name = {"path": "path", "date-time": "time"}.get(
        schema.get("format", ""), names.get(str(schema.get("type")), "any")
    )
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return cell(", ".join([name, *(f"{sign} {schema[limit]:g}" for limit, sign in limits.items() if limit in schema)]))


def literal(value: object) -> str:
    """A default as a TOML file writes it; paths of a home folder with `~`."""
    if value is None:
        return "none"
    return f"`{cell(json.dumps(value, ensure_ascii=False).replace(str(Path.home()), '~'))}`"


def exit_codes_page() -> str:
    """One line a class of failure."""
    from hemato_edge import errors

    kinds = [
        error
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.HematoEdgeError) and errors.HematoEdgeError in error.__bases__
    ]
    rows = [
        (0, "", "good"),
        (1, "", "`doctor` found something that fails; or an output file could not be written"),
        (2, "", "usage: an unknown command or option, a value that is out of its range"),
        *((error.exit_code, error.__name__, cell((error.__doc__ or "").strip().split("\n\n")[0])) for error in kinds),
    ]
    lines = [
        "# Exit codes",
        "",
        HEADER,
        "",
        "An error is one line on standard error: what happened, and what to do next.",
        "",
    ]
    lines += ["| code | error | means |", "|--:|---|---|"]
    lines += [f"| {code} | {f'`{name}`' if name else ''} | {means} |" for code, name, means in sorted(rows)]
    return "\n".join(lines) + "\n"


DOCUMENTS = (
    ("report --json", "The differential of a session.", ("report", "--json", "--db", "x.db")),
    ("sessions --json", "What is recorded.", ("sessions", "--json", "--db", "x.db")),
    ("analyze IMAGE… --jsonl", "One object a picture.", ("analyze", "field.png", "--jsonl")),
    ("classify IMAGE… --jsonl", "One object a picture.", ("classify", "field.png", "--jsonl")),
    ("doctor --json", "One finding a probe.", ("doctor", "--json")),
    ("config show --json", "Effective settings.", ("config", "show", "--json")),
)
MAPS = {"settings", "tallies", "measures", "versions", "lines"}
"""Keys whose value is a map from names that differ from case to case."""


def documents_page() -> str:
    """What the commands print with `--json`, as paths with their types, and where their JSON Schemas are."""
    lines = ["# JSON", "", HEADER, ""]
    lines += [
        "With `--json` a command prints one JSON document on standard output, with `--jsonl` one object a line;",
        "everything else goes to standard error. JSON Schemas (draft 2020-12) of the configuration file and of the",
        "bench's document:",
        "",
        "```sh",
        "hemato-edge config schema",
        "hemato-edge bench --schema",
        "```",
        "",
        "Of the other documents, these are the values, as they come for a small example. `[]` stands for each of",
        "a list; a value that can be missing is `null`.",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _example(folder)
        for title, means, command in DOCUMENTS:
            lines += ["", f"## {title}", "", means, "", "| value | type |", "|---|---|"]
            lines += [f"| `{path}` | {what} |" for path, what in shape(_printed(folder, command))]
    return "\n".join(lines) + "\n"


def _example(folder: Path) -> None:
    import cv2
    from recorded import record

    from hemato_edge.cameras.demo.camera import DemoCamera

    camera = DemoCamera(1, still=True)
    camera.open()
    cv2.imwrite(str(folder / "field.png"), camera.read().image)
    record(folder / "x.db", ["neutrophil"] * 6 + ["lymphocyte"] * 3 + ["monocyte"])


def _printed(folder: Path, command: tuple[str, ...]) -> object:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-m", "hemato_edge.cli.main", *command],
        cwd=folder,
        env=environment | {"HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    with contextlib.suppress(json.JSONDecodeError):
        return json.loads(done.stdout)
    raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")


def shape(value: object, path: str = "") -> list[tuple[str, str]]:
    """A JSON value as paths with their types, each once."""
    if isinstance(value, dict) and value and path.rsplit(".", 1)[-1] not in MAPS:
        return [row for key, inner in value.items() for row in shape(inner, f"{path}.{key}" if path else key)]
    if isinstance(value, list) and value:
        found: dict[str, str] = {}
        for one in value:
            for key, what in shape(one, f"{path}[]"):
                found[key] = what if found.get(key, "null") == "null" else found[key]
        return list(found.items())
    names = {dict: "map", list: "list", str: "text", bool: "true or false", int: "number", float: "number"}
    return [(path, names.get(type(value), "null"))]


PAGE_MAKERS = {
    "cli.md": commands_page,
    "settings.md": settings_page,
    "model-card.md": card_page,
    "exit-codes.md": exit_codes_page,
    "json.md": documents_page,
}

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    for file, make in PAGE_MAKERS.items():
        (PAGES / file).write_text(make(), encoding="utf-8")
