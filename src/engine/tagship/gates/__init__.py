"""The gates of thresholds.yaml, and the verdict of them all."""
