"""``python -m tagship``: the same as the ``tagship`` command."""

from tagship.cli import main

main()
