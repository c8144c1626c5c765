"""What reads frames: one module a source. `kinds` says which of them a person can name, and how."""
