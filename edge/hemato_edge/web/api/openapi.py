"""The OpenAPI document of the API, made from its table and from the annotations of what it answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from hemato_edge.about import RESEARCH_USE_NOTICE, __version__
from hemato_edge.web.api.values import Trouble
from hemato_edge.web.sources.picture_jobs import CELL, FIELD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hemato_edge.web.security.access import Page

VERSION = "3.1.0"
_SCHEMAS = "#/components/schemas/"
_ALWAYS = (401, 403, 429)
"""What every address may answer: no token, a role that may not, asked too often."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an address.

    Attributes:
        where: "path" or "query".
        kind: JSON Schema's type.
        choices: what it may be; empty for anything.
    """

    name: str
    where: str
    kind: str
    words: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the API.

    Attributes:
        page: its line of the table of routes.
        answer: the value that it answers with; None for a picture or a document of its own.
        media_type: of the answer.
        parameters: of its address.
        refusals: HTTP's statuses that it may answer besides 401, 403 and 429.
    """

    page: Page
    answer: type | None
    media_type: str = "application/json"
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """What it does: the first line of its docstring."""
        return (self.page.answer.__doc__ or "").splitlines()[0]


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document, as plain data.

    Args:
        endpoints: all that is answered.
    """
    schemas: dict[str, Any] = {}
    for value in [*(one.answer for one in endpoints if one.answer is not None), Trouble]:
        schemas |= _schemas_of(value)
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.page.path, {})[one.page.method.lower()] = _operation(one)
    return {
        "openapi": VERSION,
        "info": {"title": "hemato-edge", "version": __version__, "description": RESEARCH_USE_NOTICE},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _schemas_of(value: type) -> dict[str, Any]:
    """The JSON Schemas of a frozen value and of what is in it, by name."""
    from pydantic import TypeAdapter

    from hemato_edge.counting.rejection import UnevenRejection

    adapter: TypeAdapter[Any] = TypeAdapter(value)
    adapter.rebuild(force=True, raise_errors=True, _types_namespace={"UnevenRejection": UnevenRejection})
    made = adapter.json_schema(ref_template=_SCHEMAS + "{model}", mode="serialization")
    inner = made.pop("$defs", {})
    return {**inner, value.__name__: made}


def _operation(one: Endpoint) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    if one.answer is not None:
        schema = {"$ref": _SCHEMAS + one.answer.__name__}
    elif one.media_type != "application/json":
        schema = {"type": "string", "contentMediaType": one.media_type}
    answers: dict[str, Any] = {
        "200": {"description": "As asked.", "content": {one.media_type: {"schema": schema}}},
    }
    for status in (*_ALWAYS, *one.refusals):
        trouble = {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{Trouble.__name__}"}}}
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": trouble}
    told: dict[str, Any] = {
        "operationId": _name_of(one),
        "summary": one.words,
        "description": f"For the role {one.page.role.word}, and those above it.",
        "responses": answers,
    }
    if one.parameters:
        told["parameters"] = [_parameter(each) for each in one.parameters]
    if one.page.method == "POST":
        told["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _upload()}}}
    return told


def _name_of(one: Endpoint) -> str:
    """The operation's name: the method and the fixed parts of its path, as generators of clients make functions."""
    parts = re.findall(r"\w+", re.sub(r"\{\w+\}", "", one.page.path.removeprefix("/api/v1")).replace(".", "_"))
    return "_".join([one.page.method.lower(), *parts, *(["one"] if one.page.path.endswith("}") else [])])


def _parameter(one: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": one.kind}
    if one.kind == "integer":
        schema["minimum"] = 0
    if one.choices:
        schema["enum"] = list(one.choices)
    required = one.where == "path"
    return {"name": one.name, "in": one.where, "required": required, "description": one.words, "schema": schema}


def _upload() -> dict[str, Any]:
    """The form with pictures."""
    return {
        "type": "object",
        "required": ["pictures"],
        "properties": {
            "kind": {"type": "string", "enum": [CELL, FIELD], "default": CELL},
            "pictures": {"type": "array", "items": {"type": "string", "contentMediaType": "image/*"}},
        },
    }
