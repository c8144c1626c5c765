"""The commands by name: the module of each, loaded when the command is asked for, and its line in the list of commands.

`hemato-edge run` builds no other command's options, and `--help` none at all: all of them take half a second of
processor time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandSource:
    """Where a command comes from.

    Attributes:
        name: what a person types.
        module: its `register(app)` adds the command to a `typer.Typer`, and may add others.
        summary: the line in the list of commands; a group's own help, too.
    """

    name: str
    module: str
    summary: str


_HERE = "hemato_edge.cli"
DEVICE_COMMANDS: tuple[CommandSource, ...] = (
    CommandSource("run", f"{_HERE}.counting.run", "Read frames, count each cell once, record the counts."),
    CommandSource("analyze", f"{_HERE}.counting.images", "Find and name the cells of whole fields of view."),
    CommandSource("classify", f"{_HERE}.counting.images", "Name the cell in pictures of one cell each."),
    CommandSource("reanalyze", f"{_HERE}.records.reanalyze", "Analyse archives and old sessions; compare two models."),
    CommandSource("sessions", f"{_HERE}.records.report", "List what is recorded."),
    CommandSource("report", f"{_HERE}.records.report", "The differential with its intervals, counts and warnings."),
    CommandSource("export", f"{_HERE}.records.report", "Write all cells or all fields of a session."),
    CommandSource("doctor", f"{_HERE}.device.doctor", "Examine this device: what is wrong, and what to do about it."),
    CommandSource("bench", f"{_HERE}.device.bench", "Measure this device: start, models, frames, memory."),
    CommandSource("web", f"{_HERE}.device.web", "A page for the phone beside the microscope."),
    CommandSource("door", f"{_HERE}.device.door", "Ask a run of this machine, and tell it what to do."),
    CommandSource(
        "calibrate", f"{_HERE}.microscope.calibrate", "Scale, flat field and exposure, as a profile per objective."
    ),
    CommandSource(
        "site", f"{_HERE}.microscope.site", "How right the program is on this microscope, from reviewed cells."
    ),
    CommandSource("review", f"{_HERE}.records.review", "Relabel cells in doubt; the differential follows."),
    CommandSource("tally", f"{_HERE}.records.teaching", "Count by one key a cell, as at a laboratory counter."),
    CommandSource("quiz", f"{_HERE}.records.teaching", "Name reviewed cells, and see how far you agree."),
    CommandSource("session", f"{_HERE}.records.session", "Rename or delete a session, comment, mark a control slide."),
    CommandSource(
        "qc", f"{_HERE}.records.quality", "Quality over time: control slides, drift, agreement of reviewers."
    ),
    CommandSource("db", f"{_HERE}.records.database", "Look after the database."),
    CommandSource("mqtt", f"{_HERE}.sending.mqtt", "Counts for an MQTT broker."),
    CommandSource("hl7", f"{_HERE}.sending.hl7", "Reports to a laboratory's system as HL7 v2 messages."),
    CommandSource("metrics", f"{_HERE}.sending.metrics", "Files for Prometheus and Grafana."),
    CommandSource("model", f"{_HERE}.device.models", "The models: their cards, the golden check."),
    CommandSource("update", f"{_HERE}.device.update", "A new version from a signed file, without a network."),
    CommandSource("config", f"{_HERE}.device.config", "The settings and where each came from."),
    CommandSource("service", f"{_HERE}.device.service", "Run unattended as a systemd service."),
)
