"""A whole query at once by pandas: ``plain_sql.py PORT QUERY``, the password in ``DB_PASSWORD``."""

import json
import os
import sys
import time

import pandas as pd
import sqlalchemy


def main(port: int, query: str) -> None:
    url = sqlalchemy.URL.create(
        "postgresql+psycopg", "reader", os.environ["DB_PASSWORD"], "127.0.0.1", port, "shop"
    )
    begin = time.perf_counter()
    with sqlalchemy.create_engine(url).connect() as connection:
        rows = len(pd.read_sql_query(query, connection))
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - begin}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
