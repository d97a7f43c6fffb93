"""Judges the statements that the contract sent to BigQuery, by GoogleSQL's own parser and analyzer.

Run by the Python that has `zetasql`, with the files that bqemulator_ddl.py wrote: a JSON text for each statement, in
order. What creates and changes tables keeps a catalog; every other statement is analyzed against it, types and all.
"""

import json
import re
import sys

from zetasql.api import Analyzer, CatalogBuilder, Parser, TableBuilder
from zetasql.types import AnalyzerOptions, LanguageOptions, ParameterMode, ZetaSQLBuiltinFunctionOptions

LANGUAGE = LanguageOptions.maximum_features()
NOT_ANALYZED = (
    "does not support ALTER COLUMN SET DATA TYPE",  # the analyzer's own gap: it parses it
    "Procedure not found: BQ.ABORT_SESSION",
    "Table not found: engagectl.lease",  # who holds the lock is asked of a project that has no journal yet, too
)
BY_HAND = re.compile(r"ALTER TABLE (\S+)\s+(RENAME|DROP|ALTER COLUMN \S+ SET DATA TYPE)")


def catalog(tables):
    """Build a catalog of datasets from (dataset, table) -> columns."""
    root = (
        CatalogBuilder("root").with_builtin_functions(ZetaSQLBuiltinFunctionOptions(language_options=LANGUAGE)).build()
    )
    datasets = {}
    for (dataset, table), columns in tables.items():
        built = TableBuilder(table)
        for name, kind in columns.items():
            built.add_column(name, kind)
        datasets.setdefault(dataset, []).append(built.build())
    root.catalog = []
    for dataset, members in datasets.items():
        made = CatalogBuilder(dataset)
        for member in members:
            made.add_table(member)
        root.catalog.append(made.build())
    return root


def judge(statements):
    """Yield each statement that is not accepted, with what was said of it."""
    options = AnalyzerOptions(language_options=LANGUAGE)
    options.parameter_mode = ParameterMode.PARAMETER_POSITIONAL
    options.allow_undeclared_parameters = True
    tables, judged, analyzer = {}, set(), None
    for sql in statements:
        shape = re.sub(r"rows_[0-9a-f]{32}", "rows", sql)
        changes = re.match(r"(CREATE TABLE|ALTER TABLE|DROP TABLE)", sql)
        if shape in judged and not changes:
            continue
        judged.add(shape)
        try:
            Parser.parse_statement_static(sql, LANGUAGE)
            analyzer = analyzer or Analyzer(options, catalog(tables))
            done = analyzer.analyze_statement(sql)
        except Exception as error:
            if not any(known in str(error) for known in NOT_ANALYZED):
                yield sql, str(error)
            continue
        if changes:
            analyzer = None if follow(tables, done) else analyzer
    print(f"{len(judged)} statements of different shapes", file=sys.stderr)


def follow(tables, done):
    """Keep what a statement made; tell whether the catalog is another one."""
    kind = type(done).__name__
    if kind in ("ResolvedCreateTableStmt", "ResolvedCreateTableAsSelectStmt"):
        key = tuple(done.name_path)
        if key in tables:
            return False
        tables[key] = {one.name: one.column.type for one in done.column_definition_list}
        return True
    if kind == "ResolvedAlterTableStmt":
        columns = tables[tuple(done.name_path)]
        for action in done.alter_action_list:
            match type(action).__name__:
                case "ResolvedAddColumnAction":
                    columns[action.column_definition.name] = action.column_definition.column.type
                case "ResolvedDropColumnAction":
                    columns.pop(action.name, None)
                case "ResolvedRenameColumnAction":
                    columns[action.new_name] = columns.pop(action.name)
                case "ResolvedRenameToAction":
                    tables[(done.name_path[0], action.new_path[-1])] = tables.pop(tuple(done.name_path))
        return True
    return False


if __name__ == "__main__":
    refused = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  this runs without our tools
            for sql, said in judge([json.loads(line) for line in file]):
                refused += 1
                print(f"{said}\n{sql}\n")
    sys.exit(1 if refused else 0)
