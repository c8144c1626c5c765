"""The tables.

Writes are small, for SD cards: the keys are the tables' own order (no index beside them), and one
field of view touches one page of each table. Its link of the chain stands in its own row, which costs no page more.
"""

from __future__ import annotations

ADDED_IN_2 = """
CREATE TABLE portraits (            -- may be missing or removed; no count depends on them
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,
  cell INTEGER NOT NULL,
  jpeg BLOB NOT NULL,
  activation BLOB,                  -- rows x columns bytes, 255 where most speaks for cells.best
  activation_columns INTEGER,
  PRIMARY KEY (session, field, cell),
  FOREIGN KEY (session, field, cell) REFERENCES cells (session, field, number)
) STRICT;

CREATE TABLE relabels (             -- what people changed; rows are added and never altered
  id INTEGER PRIMARY KEY,
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,
  cell INTEGER NOT NULL,
  utc TEXT NOT NULL,
  who TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  relabelled TEXT,                  -- what cells.relabelled became
  undoes INTEGER REFERENCES relabels (id),
  FOREIGN KEY (session, field, cell) REFERENCES cells (session, field, number)
) STRICT;
"""
ADDED_IN_3 = """
CREATE TABLE joined (               -- two recorded cells that were found to be one; rows are added and never altered
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,           -- this cell counts no more,
  cell INTEGER NOT NULL,
  kept_field INTEGER NOT NULL,      -- since it is this one
  kept_cell INTEGER NOT NULL,
  utc TEXT NOT NULL,
  PRIMARY KEY (session, field, cell),
  FOREIGN KEY (session, field, cell) REFERENCES cells (session, field, number),
  FOREIGN KEY (session, kept_field, kept_cell) REFERENCES cells (session, field, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (               -- the links of a session's chain that are no fields; see chain.py
  session INTEGER NOT NULL REFERENCES sessions (id),
  entry INTEGER NOT NULL,
  event TEXT NOT NULL,
  said TEXT NOT NULL,
  marks BLOB NOT NULL,
  link BLOB NOT NULL,
  PRIMARY KEY (session, entry)
) STRICT, WITHOUT ROWID;

CREATE TABLE repairs (              -- what `db repair` saved and what was lost; rows are added and never altered
  id INTEGER PRIMARY KEY,
  utc TEXT NOT NULL,
  damaged TEXT NOT NULL,            -- name of the file that was kept
  report TEXT NOT NULL              -- JSON
) STRICT;
"""
ADDED_IN_5 = """
CREATE TABLE deletions (            -- sessions that a person deleted; rows are added and never altered
  id INTEGER PRIMARY KEY,           -- the session's number, which no other gets
  entry INTEGER NOT NULL,           -- the last entry of its chain, see deletions.py
  said TEXT NOT NULL,               -- JSON
  link BLOB NOT NULL
) STRICT;
"""
ADDED = {2: ADDED_IN_2, 3: ADDED_IN_3, 4: "", 5: ADDED_IN_5}
"""Version → the tables that came with it."""
NEW_COLUMNS: dict[int, tuple[tuple[str, str, str], ...]] = {
    2: (("sessions", "confusion", "TEXT"), ("cells", "relabelled", "TEXT")),
    3: (
        ("sessions", "ended_because", "TEXT"),
        ("fields", "entry", "INTEGER"),
        ("fields", "said", "TEXT"),
        ("fields", "marks", "BLOB"),
        ("fields", "link", "BLOB"),
    ),
    4: (("cells", "attributes", "TEXT"),),
    5: (),
}
"""Version → table, column and type of what came with it; always at the end of the table."""

LAYOUT = f"""
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted')),
  started_utc TEXT NOT NULL,
  started_monotonic_s REAL NOT NULL,
  boot_id TEXT NOT NULL,
  ended_utc TEXT,
  camera TEXT NOT NULL,
  label TEXT NOT NULL,
  target INTEGER,
  model_name TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  classifier_labels TEXT NOT NULL,  -- JSON list: the order of cells.probabilities
  settings TEXT NOT NULL,           -- JSON, canonical
  settings_sha256 TEXT NOT NULL,
  versions TEXT NOT NULL,           -- JSON
  red_cell_px REAL,
  stain TEXT,                       -- JSON
  confusion TEXT,                   -- JSON, of the model's card: rows truth, columns answer; or NULL
  ended_because TEXT                -- in words; NULL while it runs, and where nobody could say
) STRICT;

CREATE TABLE fields (
  session INTEGER NOT NULL REFERENCES sessions (id),
  number INTEGER NOT NULL,          -- from 0 within the session
  frame_index INTEGER NOT NULL,
  utc TEXT NOT NULL,
  monotonic_s REAL NOT NULL,
  source TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  region INTEGER,                   -- these four are the pose, or all NULL
  x_px REAL,
  y_px REAL,
  pose_confidence REAL,
  seen_wbc INTEGER NOT NULL,
  seen_rbc INTEGER NOT NULL,
  seen_platelet INTEGER NOT NULL,
  new_rbc INTEGER NOT NULL CHECK (new_rbc >= 0),
  new_platelet INTEGER NOT NULL CHECK (new_platelet >= 0),
  quality TEXT NOT NULL,            -- JSON
  latency_ms TEXT NOT NULL,         -- JSON
  entry INTEGER,                    -- these four are its link of the session's chain, see chain.py: its place in it,
  said TEXT,                        -- JSON, the tallies that changed with it,
  marks BLOB,                       -- the marks of its row and of its cells' rows,
  link BLOB,                        -- and the hash; NULL in fields that were recorded before version 3
  PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE cells (
  session INTEGER NOT NULL,
  field INTEGER NOT NULL,
  number INTEGER NOT NULL,          -- from 0 within the field
  x_px REAL NOT NULL,
  y_px REAL NOT NULL,
  x0 REAL NOT NULL,
  y0 REAL NOT NULL,
  x1 REAL NOT NULL,
  y1 REAL NOT NULL,
  diameter_px REAL NOT NULL,
  score REAL NOT NULL,
  label TEXT NOT NULL,
  best TEXT NOT NULL,
  confidence REAL NOT NULL,
  probabilities BLOB NOT NULL,      -- little-endian float32, in the order of sessions.classifier_labels
  relabelled TEXT,                  -- what a person called it last; NULL while the machine's answer stands
  attributes TEXT,                  -- JSON, attribute -> [value, probability], those that the model is sure of; or NULL
  PRIMARY KEY (session, field, number),
  FOREIGN KEY (session, field) REFERENCES fields (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
  session INTEGER NOT NULL REFERENCES sessions (id),
  name TEXT NOT NULL,               -- "frames", "dropped", "rejected:out_of_focus", "skipped:unreadable", …
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (session, name)
) STRICT, WITHOUT ROWID;
{ADDED_IN_2}{ADDED_IN_3}{ADDED_IN_5}"""
