"""The gates of thresholds.yaml, the champion that they compare with, and the proof of a lock."""
