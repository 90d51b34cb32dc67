"""From a validated table to one locked artifact."""

TRAINING_NUMBER = 2
"""Stands in every lock. Raise it in a commit that may change what any config trains: the bytes of
an artifact, the folds, or the winner. tests/training/test_training_number.py says when."""
