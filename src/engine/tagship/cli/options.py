"""The options that several commands have."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check all, push and change nothing.")]
Sign = Annotated[bool, typer.Option("--sign", help="Sign the tag with your key.")]
Registry = Annotated[str, typer.Option(help="How images are looked for: http, skopeo or none.")]
