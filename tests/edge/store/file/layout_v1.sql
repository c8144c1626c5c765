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
  stain TEXT                        -- JSON
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
  PRIMARY KEY (session, field, number),
  FOREIGN KEY (session, field) REFERENCES fields (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
  session INTEGER NOT NULL REFERENCES sessions (id),
  name TEXT NOT NULL,               -- "frames", "dropped", "rejected:out_of_focus", "skipped:unreadable", …
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (session, name)
) STRICT, WITHOUT ROWID;
