"""Cost of loading the settings: pydantic, as used, against msgspec, on the real model.

Every field of `hemato_edge.settings.model` is translated to a msgspec struct, with its numeric bounds; our own
validators are omitted on that side, so its figures are a lower limit. Each child process imports one of the two, makes
the default settings, and reports its time and resident memory; the two take turns.

    pip install msgspec  # nothing else here needs it
    python benchmarks/settings_library.py --rounds 15
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from hemato_edge.settings.model import Settings

_CHILD = """
import sys, time, pathlib, typing
def resident():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
before, began = resident(), time.perf_counter()
{work}
print((time.perf_counter() - began) * 1e3, resident() - before)
"""
_WORK = {
    "pydantic": "from hemato_edge.settings.model import Settings; Settings()",
    "msgspec": "import mirrored, msgspec; msgspec.json.decode(b'{{}}', type=mirrored.Settings)",
}


def mirrored(model: type[BaseModel], done: dict[str, str]) -> str:
    """Source of a msgspec struct with the fields of a model; nested ones come before it in `done`."""
    lines = [f"class {model.__name__}(msgspec.Struct, frozen=True, forbid_unknown_fields=True):"]
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind.__name__ not in done:
                done[kind.__name__] = mirrored(kind, done)
            lines.append(f"    {name}: {kind.__name__} = msgspec.field(default_factory={kind.__name__})")
            continue
        named = ((one, key) for one in field.metadata for key in ("ge", "gt", "le", "lt"))
        bounds = {key: getattr(one, key) for one, key in named if hasattr(one, key)}
        text = _type(kind, bounds)
        default = field.default if not field.is_required() and field.default_factory is None else None
        plain = default if isinstance(default, (str, int, float, bool, type(None), tuple)) else str(default)
        lines.append(f"    {name}: {text} | None = {plain!r}" if plain is None else f"    {name}: {text} = {plain!r}")
    return "\n".join(lines)


def _type(kind: Any, bounds: dict[str, float]) -> str:
    """An annotation as source, with the bounds of its numbers."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _type(get_args(kind)[0], bounds)
    if origin is Literal:
        return repr(kind)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(_type(one, bounds) for one in get_args(kind)))
    if origin is tuple:
        return f"tuple[{', '.join(_type(one, {}) for one in get_args(kind))}]"
    if kind in (int, float) and bounds:
        meta = ", ".join(f"{key}={value!r}" for key, value in bounds.items())
        return f"typing.Annotated[{kind.__name__}, msgspec.Meta({meta})]"
    return {int: "int", float: "float", bool: "bool", type(None): "None"}.get(kind, "str")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    sections: dict[str, str] = {}
    whole = mirrored(Settings, sections)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _WORK}
    with tempfile.TemporaryDirectory() as folder:
        source = "\n\n".join(["import typing\n\nimport msgspec", *sections.values(), whole, ""])
        Path(folder, "mirrored.py").write_text(source, encoding="utf-8")
        for _ in range(rounds + 1):  # the first one writes the compiled files
            for name, work in _WORK.items():
                code = f"import sys; sys.path.insert(0, {folder!r})\n" + _CHILD.format(work=work.format())
                done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
                ms, mb = map(float, done.stdout.split())
                found[name].append((ms, mb))
    for name, samples in found.items():
        times, memory = zip(*samples[1:], strict=True)
        print(f"{name:9} {statistics.median(times):6.1f} ms  {statistics.median(memory):5.1f} MB")
    first, second = (statistics.median(ms for ms, _ in found[name][1:]) for name in _WORK)
    print(f"pydantic takes {first / second:.1f} times as long")


if __name__ == "__main__":
    main()
