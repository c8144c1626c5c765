"""`hemato-edge db`: check the database, copy it, put a copy back, and save what can be read of a damaged one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemato_edge.cli.records.report import AsJson, Database, chain_key, database_path
from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.store.recovery.check import CheckResult
    from hemato_edge.store.recovery.repair import Repair
    from hemato_edge.store.recovery.verify_chain import ChainState
    from hemato_edge.store.seal import SealKey

database_app = typer.Typer(no_args_is_help=True)
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the group `db`."""
    app.add_typer(database_app, name="db")


@database_app.command()
def check(
    db: Database = None,
    quick: Annotated[bool, typer.Option("--quick", help="SQLite's quick check alone.")] = False,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key of the chain; else that of the settings.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the file, the rows, the totals and the chain of every session; nothing is changed.

    The last link of each chain is shown: noted elsewhere, it also proves that nobody wrote the whole chain anew. With
    the key of the chain, the seal of every record is verified, and sessions without seals are named.
    Exit code 5 where anything is wrong.
    """
    from hemato_edge.errors import StoreError
    from hemato_edge.store.recovery.check import check as look

    known = None if quick else chain_key(key)
    result = look(_absolute(db), quick=quick, key=known)
    if as_json:
        typer.echo(json_text(_check_document(result), indent=1, ensure_ascii=False))
    else:
        _tell_check(result, known)
    if not result.good:
        file_is_sound = bool(result.steps) and result.steps[0].good
        count = sum(len(step.found) for step in result.steps)
        fix = (
            "Type `hemato-edge db restore COPY`, or keep it as it is: the counts that were not named are as they were "
            "recorded."
            if file_is_sound
            else "`hemato-edge db repair` keeps it aside and saves what can be read; `hemato-edge db restore COPY` "
            "puts a copy back."
        )
        raise StoreError(f"The database {result.path} is not as it was recorded ({count} findings).", fix)


@database_app.command()
def backup(
    db: Database = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A new file; else beside it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Copy the database, also while it is written to, and verify the copy; no file is ever written over."""
    from hemato_edge.store.file.backup import back_up

    source = _absolute(db)
    copy = back_up(source, None if out is None else out.absolute())
    size = copy.stat().st_size
    if as_json:
        typer.echo(json_text({"database": str(source), "backup": str(copy), "bytes": size, "verified": True}, indent=1))
    else:
        typer.echo(f"{copy}: {size / 1e6:.1f} MB, verified.")


@database_app.command()
def restore(
    copy: Annotated[Path, typer.Argument(help="What `db backup` made; it is verified first, and left as it is.")],
    db: Database = None,
    as_json: AsJson = False,
) -> None:
    """Put a copy in the database's place; the database that was there is kept beside it as NAME.replaced.

    Stop the run or service first. Do not copy the file over by hand: the log beside the old one would damage it.
    """
    from hemato_edge.store.reader import Reader
    from hemato_edge.store.recovery.restore import restore as put_back

    path = _absolute(db)
    kept = put_back(copy.absolute(), path)
    with Reader(path) as reader:
        count = sum(1 for _ in reader.sessions())
    if as_json:
        document = {
            "database": str(path),
            "copy": str(copy),
            "sessions": count,
            "kept": None if kept is None else str(kept),
        }
        typer.echo(json_text(document, indent=1))
        return
    typer.echo(f"{path} holds what {copy} holds: {count} session{'s' * (count != 1)}, verified.")
    if kept is not None:
        typer.echo(f"What was there before is kept as {kept}.")


@database_app.command()
def key(
    file: Annotated[Path, typer.Argument(help="A new file; only its owner can read it.", metavar="FILE")],
) -> None:
    """Make a key that seals every record from then on: name it in `store.chain_key_file`, or as systemd's credential.

    Who has the key can forge seals; who loses it can no longer verify them. Keep a copy away from the device.
    """
    from hemato_edge.store.seal import make_key

    made = make_key(file.absolute())
    typer.echo(f"{file}: the key {made.name}. Name it in store.chain_key_file, and keep a copy elsewhere.")


@database_app.command()
def repair(db: Database = None, as_json: AsJson = False) -> None:
    """Save what can be read of a damaged database into a new one; the damaged file is kept beside it.

    A sound file is left as it is. Exit code 5 where nothing of ours can be read.
    """
    from hemato_edge.store.recovery.repair import repair as mend

    path = _absolute(db)
    done = mend(path, chain_key())
    if as_json:
        typer.echo(json_text(_repair_document(path, done), indent=1, ensure_ascii=False))
    else:
        _tell_repair(path, done)


def _absolute(db: Path | None) -> Path:
    return database_path(db).resolve()


def _check_document(result: CheckResult) -> dict[str, Any]:
    return {
        "database": str(result.path),
        "schema_version": result.version,
        "ok": result.good,
        "checks": [{"name": step.name, "ok": step.good, "found": list(step.found)} for step in result.steps],
        "chains": [
            {
                "session": one.session,
                "entries": one.entries,
                "begun": one.begun,
                "head": one.head,
                "key": one.key or None,
                "unsealed": one.unsealed,
                "ok": not one.found,
            }
            for one in result.chains
        ],
        "deletions": [
            {"session": one.session, "utc": one.utc.isoformat(), "who": one.who, "why": one.why, "link": one.link.hex()}
            for one in result.deletions
        ],
        "repairs": result.repairs,
        "restorations": [{"utc": one.restored, "kept": one.kept} for one in result.restorations],
        "beginnings": [{"utc": one.begun, "sessions_before": one.sessions} for one in result.beginnings],
    }


def _sealed(one: ChainState, key: SealKey | None) -> str:
    """What there is to say of a chain's seals; nothing where there is neither a seal nor a key."""
    if not one.key:
        return ", not sealed" if key else ""
    verified = "sealed" if key and key.name == one.key else "sealed, not verified (--key)"
    later = f"; without the key: {', '.join(sorted(set(one.unsealed)))}" if one.unsealed else ""
    return f", {verified}{later}"


def _tell_check(result: CheckResult, key: SealKey | None) -> None:
    typer.echo(f"{result.path}, schema version {result.version}")
    for step in result.steps:
        typer.echo(f"{'PASS' if step.good else 'FAIL'}  {step.name}")
        for what in step.found[:_SHOWN]:
            typer.echo(f"      {what}")
        if len(step.found) > _SHOWN:
            typer.echo(f"      … {len(step.found) - _SHOWN} more: --json names them")
    for one in result.chains:
        begun = "" if one.begun == "start" else f", {one.begun}"
        typer.echo(f"session {one.session}: {one.entries} entries{begun}{_sealed(one, key)}, last link {one.head}")
    for gone in result.deletions:
        typer.echo(f"{gone}, last link {gone.link.hex()}")
    for row in result.repairs:
        typer.echo(f"repaired {row['utc'][:19].replace('T', ' ')} UTC; the damaged file was kept as {row['damaged']}")
    for noted in (*result.restorations, *result.beginnings):
        typer.echo(str(noted))
    if result.version is not None and result.version < 3 and not result.chains:
        typer.echo("Recorded by an older version, without chains: the next run copies it and brings it up to date.")


def _repair_document(path: Path, done: Repair | None) -> dict[str, Any]:
    from dataclasses import asdict

    if done is None:
        return {"database": str(path), "repaired": False}
    return {"database": str(path), "repaired": True, "damaged": str(done.damaged), **asdict(done.salvaged)}


def _tell_repair(path: Path, done: Repair | None) -> None:
    if done is None:
        typer.echo(f"{path} is sound: nothing was done.")
        return
    kept = done.salvaged
    typer.echo(f"The damaged file is kept as {done.damaged}.")
    typer.echo("Saved: " + ", ".join(f"{count} {table}" for table, count in kept.saved.items() if count))
    if kept.stand_ins:
        what = ", ".join(f"{count} {table}" for table, count in kept.stand_ins.items())
        typer.echo(f'Of these {what} were made anew and say "lost", since saved rows need them.')
    if kept.unplaced:
        what = ", ".join(f"{count} {table}" for table, count in kept.unplaced.items())
        typer.echo(f"Left out, since what they belong to is lost: {what}.")
    typer.echo(f"Pages of the file that cannot be read: {kept.unreadable_pages}.")
    for number in kept.sessions_lost:
        typer.echo(f"Lost: all of session {number}")
    for what in kept.lost[:_SHOWN]:
        typer.echo(f"Lost: {what}")
    if len(kept.lost) > _SHOWN:
        typer.echo(f"… {len(kept.lost) - _SHOWN} more: --json names them")
    if not kept.lost and not kept.sessions_lost:
        typer.echo("The chains of all sessions are whole: no record is lost.")
