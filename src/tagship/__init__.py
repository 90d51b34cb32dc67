"""Tagship: Git tags ship models. The engine of this repository."""

__version__ = "0.1.0"
