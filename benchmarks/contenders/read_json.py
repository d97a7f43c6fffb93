"""The limit on DuckDB: read_json of the whole file into one table, nothing checked. Usage: FILE DATABASE"""

import sys

import duckdb

COLUMNS = """{type: 'VARCHAR', messageId: 'VARCHAR', userId: 'VARCHAR', anonymousId: 'VARCHAR', event: 'VARCHAR',
  "originalTimestamp": 'TIMESTAMPTZ', "timestamp": 'TIMESTAMPTZ', "sentAt": 'TIMESTAMPTZ', "receivedAt": 'TIMESTAMPTZ',
  context: 'JSON', integrations: 'JSON', traits: 'JSON', properties: 'JSON'}"""

with duckdb.connect(sys.argv[2], config={"threads": 2}) as database:
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET preserve_insertion_order = false")
    database.execute(
        f"CREATE TABLE messages AS SELECT * FROM read_json(?, format='newline_delimited', columns={COLUMNS}) LIMIT 0",
        sys.argv[1:2],
    )
    database.execute(
        f"INSERT INTO messages SELECT * FROM read_json(?, format='newline_delimited', columns={COLUMNS})", sys.argv[1:2]
    )
