"""Options made from a settings class: a setting stands once, and the command line follows."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OPTION = "option"
"""Key of a dataclass field's metadata: the option's name where it is not the setting's own; empty for no option."""


def with_options(
    run: Callable[..., None],
    settings: type,
    *,
    only: frozenset[str] | None = None,
    defaults: Mapping[str, object] | None = None,
) -> Callable[..., None]:
    """A command whose options are the settings of a class, before those of `run` itself.

    Each option has the setting's type and default, and for its help what the class's docstring says of the attribute. A
    tuple becomes an option that may be repeated, and is None where nobody gives it.

    Args:
        run: called as `run(values, **own)`: the settings by their names, without tuples that nobody gave; and the
            options of its own signature, from its second parameter on.
        settings: a dataclass with an `Attributes:` section.
        only: settings to offer; all unless given.
        defaults: setting → default that this command has instead.
    """
    hints = typing.get_type_hints(settings)
    told = descriptions(settings)
    names = {}
    parameters = []
    for field in dataclasses.fields(settings):
        option = field.metadata.get(OPTION, f"--{field.name.replace('_', '-')}")
        if not option or (only is not None and field.name not in only):
            continue
        given = (defaults or {}).get(field.name, field.default)
        if field.default_factory is not dataclasses.MISSING:
            given = None
        names[field.name] = option
        parameters.append(_parameter(field.name, hints[field.name], given, option, told.get(field.name, "")))
    given_here = list(inspect.signature(run, eval_str=True).parameters.values())[1:]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in given_here]

    def command(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in names}
        run({name: _frozen(value) for name, value in chosen.items() if value is not None}, **values)

    needed = [p for p in (*parameters, *own) if p.default is inspect.Parameter.empty]
    optional = [p for p in (*parameters, *own) if p.default is not inspect.Parameter.empty]
    command.__signature__ = inspect.Signature([*needed, *optional])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (*needed, *optional)}
    command.__doc__, command.__name__, command.__module__ = run.__doc__, run.__name__, run.__module__
    return command


def descriptions(settings: type) -> dict[str, str]:
    """Attribute → what the `Attributes:` section of a class's docstring says of it, as a sentence."""
    text = inspect.getdoc(settings) or ""
    found = {}
    section = text.partition("Attributes:\n")[2]
    for names, words in re.findall(r"^    ([a-z_0-9, ]+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
        sentence = re.sub(r"\s+", " ", words).replace("`", "").strip()
        for name in names.split(", "):
            is_word = sentence.partition(" ")[0].isalpha()  # not the name of a file or of an architecture
            found[name] = sentence[:1].upper() + sentence[1:] if is_word else sentence
    return found


def _parameter(name: str, kind: Any, default: object, option: str, told: str) -> inspect.Parameter:
    repeated = typing.get_origin(kind) is tuple
    shown: Any = list[typing.get_args(kind)[0]] | None if repeated else kind  # type: ignore[misc]
    if repeated:
        told = f"{told.rstrip('.')}; may be repeated."
        default = None if default in (None, ()) else list(default)  # type: ignore[call-overload]
    annotation = Annotated[shown, typer.Option(option, help=told)]
    empty = inspect.Parameter.empty
    given = empty if default is dataclasses.MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=given, annotation=annotation)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
