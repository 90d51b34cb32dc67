"""Bentos: building one, those that were built here, and the image of one."""
