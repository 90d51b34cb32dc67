"""Tagship: Git tags ship models. The engine that projects pin."""

__version__ = "0.2.0"
