"""A million rows of PostgreSQL: seconds, rows a second, memory, and the same hash each time.

The server is a real one on this machine. The seconds are those of the read alone; memory is the
whole process's.
"""

import json
import sys

from measure import PEERS, ROOT, Figure, Sample, options, peak, run, save

sys.path.insert(0, str(ROOT / "src" / "engine" / "tests"))  # whose servers these are

SECONDS = 30.0
MEMORY_MB = 1_000.0
Measured = tuple[list[Figure], dict[str, list[Sample]]]

_READ = """
import json, sys, time
from pathlib import Path
from pydantic import TypeAdapter
from tagship.config.sources import Source
from tagship.data.hashing import hash_table
from tagship.sources.read import identify_source
source = TypeAdapter(Source).validate_python(json.loads(sys.argv[1]))
begin = time.perf_counter()
frame, identity = identify_source(source, Path())
seconds = time.perf_counter() - begin
told = {"rows": len(frame), "seconds": seconds, "hash": hash_table(frame), "identity": identity}
print(json.dumps(told))
"""

_VISITS = """create table visits as select
  n as id, (random() * 80)::int as age, random() as share, random() * 10 as hours,
  (array['free', 'plus', 'pro'])[1 + n % 3] as plan, 'v' || n as visitor, n % 2 = 0 as member,
  timestamptz '2026-01-01 00:00+00' + n * interval '1 s' as seen,
  (random() * 1000)::numeric(10, 2) as paid, case when n % 4 > 0 then n end as referrer
from generate_series(1, {rows}) as n"""


def postgres(rows: int, repeats: int) -> Measured:
    """A table of ten columns in pages by its key; the peer is ``pandas.read_sql`` of the whole."""
    from databases import PASSWORD, postgres_server

    secret, query = {"DB_PASSWORD": PASSWORD}, "select * from visits"
    with postgres_server() as server:
        server.run(_VISITS.format(rows=rows), "alter table visits add primary key (id)", "analyze")
        source = {"kind": "sql", "url": server.url, "query": query, "key": "id"}
        whole = [sys.executable, str(PEERS / "plain_sql.py"), str(server.port), query]
        ours, peer = [], []
        for _ in range(repeats):
            ours.append(run([sys.executable, "-c", _READ, json.dumps(source)], extra=secret))
            peer.append(run(whole, extra=secret))
    return figures_of(f"PostgreSQL, {rows:,} x 10 rows", ours, peer), {"ours": ours, "peer": peer}


def figures_of(name: str, ours: list[Sample], peer: list[Sample]) -> list[Figure]:
    """What ``_READ`` and the peer printed, as figures."""
    told = [json.loads(sample.output.splitlines()[-1]) for sample in ours]
    theirs = [json.loads(sample.output.splitlines()[-1]) for sample in peer]
    seconds, plain = (sorted(t["seconds"] for t in each)[len(each) // 2] for each in (told, theirs))
    rows, memory, same = told[0]["rows"], peak(ours), len({each["hash"] for each in told}) == 1
    return [
        Figure(
            f"{name}: read",
            f"{seconds:.1f} s",
            f"{plain:.1f} s",
            seconds / plain,
            f"<= {SECONDS:g} s",
            seconds <= SECONDS,
        ),
        Figure(f"{name}: a second", f"{rows / seconds:,.0f}", "", None, "", None),
        Figure(
            f"{name}: peak memory",
            f"{memory:,.0f} MB",
            f"{peak(peer):,.0f} MB",
            memory / peak(peer),
            f"<= {MEMORY_MB:,.0f} MB",
            memory <= MEMORY_MB,
        ),
        Figure(f"{name}: hash", "the same" if same else "another", "", None, "the same", same),
    ]


def main() -> None:
    given = options(__doc__)
    figures, samples = postgres(*((1_000, 2) if given.quick else (1_000_000, 3)))
    save("postgres", given, figures, samples)


if __name__ == "__main__":
    main()
