"""`engagectl validate`: every problem of the YAML, at once."""

from pathlib import Path

import typer

from engagectl.cli.outcome import terminal_of, variables_of, write_document


def validate(ctx: typer.Context) -> None:
    from engagectl import api
    from engagectl.cli.failure import show_diagnostics
    from engagectl.show.envelope import envelope

    state = ctx.obj
    terminal = terminal_of(state)
    found = api.validate(
        Path(state.project_dir),
        target=state.target,
        variables=variables_of(state),
        var_files=tuple(Path(name) for name in state.var_file),
    )
    counts = {kind: sum(one.severity == kind for one in found) for kind in ("error", "warning", "info")}
    if state.json or state.report:
        write_document(state, terminal, envelope("validate", ok=not counts["error"], summary=counts, diagnostics=found))
    if not state.json:
        show_diagnostics(state, terminal, found)
        told = [f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in counts.items() if number]
        terminal.result(f"{'Not valid' if counts['error'] else 'Valid'}{': ' if told else ''}{', '.join(told)}.")
    if counts["error"]:
        raise typer.Exit(3)
