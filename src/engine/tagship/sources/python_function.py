"""A table that a function of the project's own code returns.

``python -m tagship.sources.python_function SOURCE OUT`` calls it with the code of the working
directory: ``SOURCE`` is the source as JSON, ``OUT`` the Arrow file to write.
"""

import inspect
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from tagship.config.root import offer_own_code
from tagship.config.sources import PythonSource
from tagship.errors import TagshipError
from tagship.project_functions import load_function
from tagship.sources.tables import with_index_columns
from tagship.subprocesses import run_program

_HOME = "src/sources/"
_NO_TABLE = "return a pandas or Arrow table"


def read_python(source: PythonSource, root: Path) -> pd.DataFrame:
    """What the function returns; an index that has a name is a column.

    Where ``root`` is a work tree of another commit, the function is that commit's, in a process of
    its own that does not see this one's secrets.

    Raises:
        TagshipError: it cannot be called so, raises, or returns no table.
    """
    code = (root / "src").resolve()
    if any(Path(place).resolve() == code for place in sys.path):
        return call_source(source)
    with tempfile.TemporaryDirectory(prefix="tagship-") as folder:
        out = Path(folder) / "table.arrow"
        module = (sys.executable, "-P", "-m", "tagship.sources.python_function")
        run_program(root, (*module, source.model_dump_json(), str(out)), ("PYTHONPATH",))
        with pa.OSFile(str(out)) as file:
            frame: pd.DataFrame = pa.ipc.open_file(file).read_all().to_pandas()
    return frame


def call_source(source: PythonSource) -> pd.DataFrame:
    """Call the function in this process.

    Raises:
        TagshipError: as ``read_python``.
    """
    function = load_source_function(source)
    try:
        with redirect_stdout(sys.stderr):  # what a command itself prints may be JSON
            table = function(**source.arguments)
    except TagshipError:
        raise
    except (Exception, SystemExit) as error:  # whatever a person's function may raise
        raise TagshipError(
            f"source.function: {source.function} raised {type(error).__name__}: {error}",
            f"mend it in {_HOME}",
            quotes=str(error),
        ) from error
    if isinstance(table, pd.DataFrame):
        return with_index_columns(table)
    if not hasattr(table, "__arrow_c_stream__"):  # Arrow has it, and Polars, DuckDB and others
        kind = "nothing" if table is None else type(table).__name__
        raise TagshipError(
            f"source.function: {source.function} must return a table, not {kind}", _NO_TABLE
        )
    try:
        return with_index_columns(pa.table(table).to_pandas())
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TagshipError(
            f"source.function: {source.function}: {type(table).__name__} is no table: {error}",
            _NO_TABLE,
        ) from None


def load_source_function(source: PythonSource) -> Callable[..., Any]:
    """The function that a source names, to be called with its ``arguments``.

    Raises:
        TagshipError: no such module or function, or it does not take these arguments.
    """
    function = load_function(source.function, "source.function", _HOME)
    try:
        parameters = inspect.signature(function)
    except (ValueError, TypeError):  # one of C may say nothing of its parameters
        return function
    try:
        parameters.bind(**source.arguments)
    except TypeError as error:
        raise TagshipError(
            f"source.arguments: {source.function}: {error}", f"it takes {parameters}"
        ) from None
    return function


def main(source: str, out: str) -> None:
    """Write what the function of the working directory returns.

    Raises:
        TagshipError: as ``read_python``, or a column holds values of several types.
    """
    offer_own_code(Path.cwd())
    declared = PythonSource.model_validate_json(source)
    frame = call_source(declared)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TagshipError(
            f"source.function: {declared.function}: {error}", "give each column one type"
        ) from None
    with pa.OSFile(out, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except TagshipError as refusal:
        # The reason may become an issue: what a function's own error says may be data.
        print(refusal.without_data(), file=sys.stderr)
        sys.exit(1)
