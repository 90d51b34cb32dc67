"""Watching every model where it runs: `tagship monitor`."""
