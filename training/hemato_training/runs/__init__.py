"""What every training run shares: files, checkpoints, schedule, progress."""
