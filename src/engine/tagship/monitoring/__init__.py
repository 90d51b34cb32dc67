"""Watching what runs: drift and performance of a release, from what it logged."""
