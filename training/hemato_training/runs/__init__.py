"""Parts common to all training runs: files, checkpoints, schedule, progress."""
