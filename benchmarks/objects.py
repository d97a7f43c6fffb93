"""How long many small objects of a store take that is some milliseconds away: moto behind a proxy that waits.

    python benchmarks/objects.py [--objects 2000] [--lines 5] [--latency-ms 20] [--mb-per-s 0]

prints seconds on the clock and CPU seconds of `engagectl sync` into an empty DuckDB file. `--mb-per-s` is what each
connection gives at most (0: all that it can).
"""

import argparse
import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
from contender import ENGAGECTL
from house import write_project
from measure import measure
from messages import messages

KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_DEFAULT_REGION": "us-east-1"}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--objects", type=int, default=2000)
    asked.add_argument("--lines", type=int, default=5)
    asked.add_argument("--latency-ms", type=float, default=20)
    asked.add_argument("--mb-per-s", type=float, default=0)
    said = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="engagectl-objects-") as folder:
        work = Path(folder)
        log = work / "moto.log"
        serve = "from moto.server import main; main(['-H', '127.0.0.1', '-p', '0'])"
        with log.open("wb") as out:
            server = subprocess.Popen([sys.executable, "-c", serve], stdout=out, stderr=out)
        ports: multiprocessing.Queue[int] = multiprocessing.Queue()
        waits = multiprocessing.Process(
            target=proxy, args=(_port(log), said.latency_ms / 1000, said.mb_per_s, ports), daemon=True
        )
        try:
            waits.start()
            fill(f"http://127.0.0.1:{_port(log)}", said.objects, said.lines)
            project = work / "project"
            write_project(project, warehouse="{type: duckdb, path: ./bench.duckdb}", feeds=2)
            root = project / "engagectl.yaml"
            root.write_text(root.read_text().replace("data/*.jsonl", "s3://bench/data/*"))
            env = KEYS | {"PATH": "/usr/bin:/bin", "HOME": folder, "AWS_EC2_METADATA_DISABLED": "true"}
            env["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{ports.get(timeout=60)}"
            measure([ENGAGECTL, "apply", "--yes"], folder=project, env=env)
            taken = measure([ENGAGECTL, "sync"], folder=project, env=env)
            print(
                f"{said.objects:,} objects of {said.lines:,} messages, {said.latency_ms:g} ms away:"
                f" {taken.wall_s:.1f} s, {taken.cpu_s:.1f} CPU s, {taken.peak_mb:.0f} MB"
            )
        finally:
            waits.terminate()
            server.kill()
            server.wait()


def fill(url: str, objects: int, per_object: int) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id="bench",
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="bench")
    lines = messages(objects * per_object, seed=7, users=objects, dirty=False)
    for number in range(objects):
        content = "".join(next(lines) for _ in range(per_object))
        client.put_object(Bucket="bench", Key=f"data/{number:06d}.jsonl", Body=content.encode())


def proxy(port: int, latency_s: float, mb_per_s: float, ports: "multiprocessing.Queue[int]") -> None:
    """Pass bytes on to a port of this machine, each so much later than it came."""

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
        while data := await reader.read(1 << 20):
            await asyncio.sleep(delay_s if delay_s or not mb_per_s else len(data) / mb_per_s / 1e6)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            passed(reader, there_writer, latency_s), passed(there_reader, writer, 0), return_exceptions=True
        )

    async def serve() -> None:
        server = await asyncio.start_server(taken, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def _port(log: Path) -> int:
    for _ in range(1200):
        if (found := re.search(rb"Running on http://127\.0\.0\.1:(\d+)", log.read_bytes())) is not None:
            return int(found[1])
        time.sleep(0.05)
    raise SystemExit(log.read_text())


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    main()
