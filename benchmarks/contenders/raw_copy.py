"""The limit on PostgreSQL: a CSV file made before goes into one table by COPY. Usage: FILE DSN"""

import sys
from pathlib import Path

import psycopg

with (
    Path(sys.argv[1]).open("rb") as file,
    psycopg.connect(sys.argv[2]) as connection,
    connection.cursor() as cursor,
    cursor.copy("COPY messages FROM STDIN (FORMAT csv)") as copy,
):
    while piece := file.read(1 << 20):
        copy.write(piece)
