"""The example file: every setting with what it is, its bounds, its variable and its default, made from the model."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticUndefined

from hemato_edge.home import home_folder
from hemato_edge.settings.model import Settings
from hemato_edge.settings.sources import sections, variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

_WIDTH = 110
_HEAD = """\
Settings of hemato-edge. For Research Use Only. Not for use in diagnostic procedures.

A line that begins with a bare "#" shows a default or, where the text above it says "none", an example: remove the "#" \
to set it. The variable named beside a setting stands over this file, the command line over both.

`hemato-edge config check FILE` tells what is wrong with a file, `hemato-edge config show` where each value came from. \
Files are looked for at ~/.config/hemato-edge/config.toml, then at /etc/hemato-edge/config.toml, unless --config \
names another. `hemato-edge config example` writes this one."""


def example_file() -> str:
    """The text of the file. As it stands it sets nothing; with every bare "#" removed it is valid, too."""
    parts = [_commented(_HEAD)]
    for section, model in sections():
        properties = model.model_json_schema()["properties"]
        lines = ["", "", *_commented(" ".join((model.__doc__ or "").split())).splitlines(), f"[{section}]"]
        for name, info in model.model_fields.items():
            lines += ["", *_entry(f"{section}.{name}", name, info, properties[name])]
        parts.append("\n".join(lines))
    return "\n".join(parts) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}


def _entry(key: str, name: str, info: FieldInfo, described: dict[str, Any]) -> Iterator[str]:
    yield from _commented(f"{info.description}.").splitlines()
    yield f"# {_kind(described)}; {variable(key)}"
    yield f"#{name} = {_literal(_shown(info))}"


def _shown(info: FieldInfo) -> object:
    """The default; where there is none, the example."""
    default = info.get_default(call_default_factory=True)
    if default is None or default is PydanticUndefined:
        return info.examples[0] if info.examples else None
    return default


def _literal(value: object) -> str:
    if isinstance(value, Path):
        home = home_folder()
        value = f"~/{value.relative_to(home)}" if value.is_relative_to(home) else str(value)
    if isinstance(value, tuple):
        value = list(value)
    return json.dumps(value, ensure_ascii=False)  # of texts, numbers, booleans and lists, TOML writes the same


def _kind(described: dict[str, Any]) -> str:
    """In words what a value may be, from its JSON Schema."""
    choices = described.get("anyOf", [described])
    words = " or ".join(_type(choice) for choice in choices if choice.get("type") != "null")
    return words[:1].upper() + words[1:]


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array" and "prefixItems" in schema:
        return f"list of {len(schema['prefixItems'])}: {_type(schema['prefixItems'][0])}"
    names = {"integer": "whole number", "number": "number", "boolean": "true or false", "array": "list"}
    name = "path" if schema.get("format") == "path" else names.get(str(schema.get("type")), "text")
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = [f"over {schema['exclusiveMinimum']}"] if "exclusiveMinimum" in schema else []
    if low is not None and high is not None:
        bounds.append(f"{low} to {high}")
    elif low is not None or high is not None:
        bounds.append(f"at least {low}" if low is not None else f"at most {high}")
    return f"{name}, {' and '.join(bounds)}" if bounds else name


def _commented(text: str) -> str:
    return "\n".join(
        f"# {line}".rstrip() for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, _WIDTH) or [""]
    )
