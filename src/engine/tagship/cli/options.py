"""The options that several commands have."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, and change nothing.")]
Sign = Annotated[bool, typer.Option("--sign", help="Sign the tag with your own key.")]
Registry = Annotated[str, typer.Option(help="How to look for the image: http, skopeo or none.")]
