"""One statement over lists where DuckDB would run one a row: 2,000 rows cost 0.01 CPU s so, and 0.5 to 1.0 else."""


def over_lists(sql: str, width: int) -> str | None:
    """Return an INSERT or DELETE of one row as a statement whose parameters are columns; None for another shape.

    The journal writes two shapes: INSERT ... VALUES (?, ?), and DELETE ... WHERE a = ? AND b = ?
    """
    columns = [f"unnest(?) AS v{number}" for number in range(width)]
    values = f" VALUES ({', '.join('?' * width)})"
    if sql.count("?") != width:
        return None
    if sql.startswith("INSERT ") and sql.endswith(values):
        return f"{sql.removesuffix(values)} SELECT {', '.join(columns)}"
    head, where, condition = sql.partition(" WHERE ")
    if sql.startswith("DELETE ") and "?" not in head and where:
        first, *rest = condition.split("?")
        told = first + "".join(f"gone.v{number}{text}" for number, text in enumerate(rest))
        return f"{head} USING (SELECT {', '.join(columns)}) AS gone WHERE {told}"
    return None
