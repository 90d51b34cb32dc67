"""Queries, on a real PostgreSQL: one snapshot, in pages, and a lock that names its rows."""

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
import sqlalchemy

from databases import PASSWORD, Database, postgres_server
from projects import ROWS, Project, make_table
from tagship.config.sources import SqlSource
from tagship.data.table import load_table
from tagship.errors import TagshipError
from tagship.sources.read import identify_source, read_source
from tagship.training.lock import read_lock

ALL = {"rows": f"{ROWS}", "first": "v00000", "last": f"v{ROWS - 1:05d}"}
TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'"


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    with postgres_server() as database:
        yield database


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagship.sources.sql.PAGE_ROWS", 100)
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)


@pytest.fixture
def shop(server: Database, project: Project) -> Database:
    """The project's table in the database, which the project reads by its key."""
    fill(server.owner.replace("postgresql:", "postgresql+psycopg:"))
    declare(project, server.url)
    return server


def fill(url: str) -> None:
    engine = sqlalchemy.create_engine(url)
    make_table().to_sql("visits", engine, index=False, if_exists="replace")
    engine.dispose()


def declare(
    project: Project, url: str, query: str = "select * from visits", key: str | None = "visitor"
) -> None:
    text = project.path("data").read_text(encoding="utf-8").partition("target:")
    keyed = f", key: {key}" if key else ""
    source = f'source: {{kind: sql, url: "{url}", query: "{query}"{keyed}}}\n'
    project.write("data", source + text[1] + text[2])


def ask(server: Database, query: str, key: str | None = None) -> SqlSource:
    return SqlSource(kind="sql", url=server.url, query=query, key=key)


@contextlib.contextmanager
def between_pages(action: Callable[[], object]) -> Iterator[list[str]]:
    """Act once, right before the second page is asked for; gives the statements of pages."""
    pages: list[str] = []

    def notice(_: object, cursor: object, statement: str, *others: object) -> None:
        if " > " in statement:
            if not pages:
                action()
            pages.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", notice)
    try:
        yield pages
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", notice)


@pytest.mark.parametrize(
    ("end", "key"), [("", "visitor"), (" ; ", "visitor"), (" -- all", "visitor"), (";", None)]
)
def test_a_query_gives_what_the_csv_file_gives(
    project: Project, server: Database, end: str, key: str | None
) -> None:
    expected = load_table(project.files).sha256
    fill(server.owner.replace("postgresql:", "postgresql+psycopg:"))
    declare(project, server.url, f"select * from visits order by visitor{end}", key)
    table = load_table(project.files)
    assert (table.sha256, table.identity) == (expected, ALL if key else {})


def test_a_table_that_changes_in_mid_read_is_read_as_it_was(
    project: Project, shop: Database
) -> None:
    before = load_table(project.files).sha256
    changes = (
        "delete from visits where visitor >= 'v00250'",
        "update visits set age = 99 where visitor < 'v00250'",
        "insert into visits values ('v00150x', 30, 3, 'free', 'no')",
    )
    with between_pages(lambda: shop.run(*changes)) as pages:
        table = load_table(project.files)
    assert len(pages) == 3
    assert (table.sha256, table.identity) == (before, ALL)
    assert load_table(project.files).identity["rows"] == "251"


def test_sqlite_gives_one_snapshot_too(project: Project) -> None:
    fill(f"sqlite:///{project.root / 'shop.db'}")
    declare(project, "sqlite:///shop.db")
    before = load_table(project.files).sha256
    with contextlib.closing(sqlite3.connect(project.root / "shop.db")) as other:
        other.execute("pragma journal_mode = wal")

        def change() -> None:
            with other:
                other.execute("delete from visits where visitor > 'v00120'")

        with between_pages(change):
            table = load_table(project.files)
        assert (table.sha256, table.identity) == (before, ALL)
        assert load_table(project.files).identity["rows"] == "121"


def test_a_connection_that_breaks_in_mid_read_leaves_nothing(
    project: Project, shop: Database
) -> None:
    with between_pages(lambda: shop.run(TERMINATE)):
        message = project.refused(
            "train", "tiny", says=("terminating connection", "nothing was written: run it again")
        )
    assert "s3cret" not in message
    assert project.tagship("train", "tiny").code == 0


def test_so_does_the_connection_of_a_query_without_a_key(project: Project, shop: Database) -> None:
    end = "case when visitor = 'v00250' then pg_terminate_backend(pg_backend_pid()) end"
    declare(project, shop.url, f"select *, {end} as gone from visits", None)
    project.refused("train", "tiny", says=("terminating connection", "run it again"))


def test_rows_that_are_appended_leave_the_lock_true_and_others_do_not(
    project: Project, shop: Database
) -> None:
    project.relock()
    assert read_lock(project.lock).data.identity == ALL
    shop.run("insert into visits select 'w' || visitor, age, visits, plan, bought from visits")
    for command in (("lock", "verify"), ("gate",), ("lock", "check")):
        assert project.tagship(*command, "tiny").code == 0, command
    assert "600" in project.tagship("describe", "tiny").out
    shop.run("update visits set visits = 49 where visitor = 'v00005'")
    project.refused(
        "lock", "verify", "tiny", says="(other values in first v00000, last v00299, rows 300)"
    )
    shop.run("delete from visits where visitor in ('v00005', 'v00299')")
    project.refused(
        "lock",
        "verify",
        "tiny",
        says=("it changed since the lock: last v00299 → v00298; rows 300 → 298", "train again"),
    )


@pytest.mark.parametrize(
    "key",
    [
        "n",
        "n + 5000000000",
        "n::numeric / 3",
        "'k' || n",
        "md5(n::text)::uuid",
        "date '2020-01-01' + n",
        "timestamp '2020-01-01' + n * interval '1 ms'",
        "timestamptz '2020-01-01 00:00 Europe/Berlin' + n * interval '1 h'",
    ],
)
def test_keys_of_every_type_are_read_again_by_the_lock(server: Database, key: str) -> None:
    """Each page begins after the key of the last one, and the lock holds keys as text."""
    source = ask(server, f"select {key} as at, n from generate_series(1, 250) as n", "at")
    frame, identity = identify_source(source, ".")
    assert identity["rows"] == "250"
    assert sorted(frame["n"]) == list(range(1, 251))
    half = {"rows": "125", "first": identity["first"], "last": str(_python_key(server, source))}
    again, named = identify_source(source, ".", expected={**half, "until": "of a window"})
    assert named == half
    pd.testing.assert_frame_equal(again, frame.head(125))


def _python_key(server: Database, source: SqlSource) -> object:
    """The 125th key, as the driver gives it in UTC."""
    with server.connect() as connection:
        connection.execute("set time zone 'UTC'")
        query = f"select at from ({source.query}) as t order by at offset 124 limit 1"
        return connection.execute(query.encode()).fetchone()[0]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("nullif(n, 7)", "'at' is null in 1 of 250 rows"),
        ("n / 2", "'at' is another in only 126 of 250 rows"),
        ("n::float", "'at' is a float"),
    ],
)
def test_a_key_that_would_lose_rows_is_refused(server: Database, column: str, reason: str) -> None:
    with pytest.raises(TagshipError, match=f"source.key: {reason}"):
        read_source(ask(server, f"select {column} as at from generate_series(1, 250) n", "at"), ".")


def test_a_query_that_gives_other_rows_each_time_is_refused(server: Database) -> None:
    times = "coalesce(nullif(current_setting('shop.times', true), ''), '0')::int + 1"
    query = (
        "select n from generate_series(1, 250) as n"
        f" where set_config('shop.times', ({times})::text, false)::int < 400"
    )
    with pytest.raises(TagshipError, match=r"counts 149 rows and gives 0\n.*the same rows"):
        read_source(ask(server, query, "n"), ".")


def test_pages_are_for_databases_that_are_known_to_give_one_snapshot() -> None:
    source = SqlSource(kind="sql", url="mysql+pymysql://ann@host/shop", query="select 1", key="n")
    with pytest.raises(TagshipError, match=r"PostgreSQL and SQLite\n.*leave `key` out"):
        read_source(source, ".")


def test_the_types_of_columns_do_not_depend_on_pages(server: Database) -> None:
    """Each column is null on all of the first page."""
    columns = {
        "number": ("n", "float64"),
        "real": ("n / 7.0::float", "float64"),
        "money": ("n::numeric(20, 3)", "float64"),
        "flag": ("n % 2 = 0", "object"),
        "word": ("'w' || n", "str"),
        "uuid": ("md5(n::text)::uuid", "str"),
        "naive": ("timestamp '2020-01-01' + n * interval '1 h'", "datetime64[us]"),
        "zoned": ("timestamptz '2020-01-01 00:00+02' + n * interval '1 h'", "datetime64[us, UTC]"),
    }
    parts = [f"case when n > 150 then {code} end as {name}" for name, (code, _) in columns.items()]
    query = f"select n, n::numeric as whole, {', '.join(parts)} from generate_series(1, 250) n"
    paged, streamed = (read_source(ask(server, query, key), ".") for key in ("n", None))
    assert {name: str(paged[name].dtype) for name in columns} == {
        name: dtype for name, (_, dtype) in columns.items()
    }
    assert (str(paged["n"].dtype), str(paged["whole"].dtype)) == ("int64", "float64")
    assert paged["zoned"].iloc[-1] == pd.Timestamp("2020-01-11 08:00", tz="UTC")
    pd.testing.assert_frame_equal(paged, streamed)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("array[n]", "'it' holds lists or objects"),
        ("jsonb_build_object('a', n)", "'it' holds lists or objects"),
        ("case when n > 150 then '{}'::json end", "'it' holds lists or objects"),
        ("inet '10.0.0.1'", "'it' holds values of the type IPv4Address"),
    ],
)
def test_a_column_that_is_no_column_of_a_table_is_refused_by_name(
    server: Database, column: str, reason: str
) -> None:
    with pytest.raises(TagshipError, match=f"{reason}\n.*cast it in the query"):
        read_source(ask(server, f"select n, {column} as it from generate_series(1, 250) n"), ".")


def test_a_column_of_several_types_is_refused_on_one_page_and_on_two(project: Project) -> None:
    with contextlib.closing(sqlite3.connect(project.root / "shop.db")) as database, database:
        database.execute("create table mixed (n, near, far)")
        rows = [(n, "a" if n == 5 else n, "a" if n > 99 else n) for n in range(200)]
        database.executemany("insert into mixed values (?, ?, ?)", rows)
    for column, reason in (("near", "'near' holds .* int and str"), ("far", "far has incompat")):
        query = f"select n, {column} from mixed"
        source = SqlSource(kind="sql", url="sqlite:///shop.db", query=query, key="n")
        with pytest.raises(TagshipError, match=f"{reason}.*\n.*cast it in the query"):
            read_source(source, project.root)


def test_a_server_that_refuses_is_explained_without_the_password(
    project: Project, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOLE", f"postgresql://reader:{PASSWORD}@127.0.0.1:{shop.port}/shop")
    monkeypatch.setenv("DB_HOST", "private.invalid")
    url, up = shop.url, "is the server up"
    slow = f"{url}?options=-c%20statement_timeout%3D50"
    asked = "select * from visits"
    for address, query, reason, hint in (
        (url.replace(f":{shop.port}", ":1"), asked, "Connection refused", up),
        (url.replace("reader", "nobody"), asked, "authentication failed", up),
        (url.replace("/shop", "/none"), asked, 'database "none" does not exist', up),
        (url.replace("127.0.0.1", "${DB_HOST}"), asked, "failed to resolve host '…'", up),
        (url, "select * from none", 'relation "none" does not exist', "the query"),
        (url, "select plan from visits", "visitor does not exist", "the query"),
        (url, "delete from visits returning visitor", "syntax error", "the query"),
        (slow, "select *, pg_sleep(0.01) from visits", "statement timeout", "statement_timeout"),
        ("${WHOLE}", asked, "no URL of a database", "write it as postgresql://"),
    ):
        declare(project, address, query)
        message = project.refused("train", "tiny", says=(reason, "→", hint))
        assert "s3cret" not in message
        assert "private" not in message
    declare(project, url, "insert into visits default values returning visitor", None)
    project.refused("train", "tiny", says="insert")
    monkeypatch.setenv("DB_PASSWORD", "another one")
    declare(project, url)
    message = project.refused("train", "tiny", says=("password authentication failed", up))
    assert "another one" not in message
    monkeypatch.delenv("DB_PASSWORD")
    project.refused("train", "tiny", says="the environment variable DB_PASSWORD is not set")


def test_a_missing_driver_is_named_with_its_extra(
    project: Project, shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    project.refused("train", "tiny", says=("its driver is missing", 'uv add "tagship[postgres]"'))


@pytest.mark.slow
def test_neither_the_password_nor_personal_data_is_in_anything_that_a_run_leaves(
    project: Project, shop: Database
) -> None:
    shop.run("alter table visits add email text", "update visits set email = visitor || '@corp.io'")
    project.edit("data", "columns:\n", "columns:\n  email: {dtype: string, pii: drop}\n")
    said = [project.tagship(*words, "tiny") for words in (("run",), ("describe", "--html"))]
    assert [ran.code for ran in said] == [0, 0]
    texts = [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    texts += [(ran.out + ran.err).encode() for ran in said]
    for secret in (b"s3cret", b"p@ss", b"w0rd", b"@corp.io"):
        assert not [text for text in texts if secret in text], secret
