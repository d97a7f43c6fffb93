"""The only list of commands. Nothing is imported here: help, completion and did-you-mean read these lines."""

COMMANDS: dict[str, tuple[str, str, str]] = {  # name -> (module:function, one line, group)
    "plan": ("engagectl.cli.commands.plan:plan", "Show what apply would change. Never writes.", "Daily"),
    "apply": ("engagectl.cli.commands.apply:apply", "Change the warehouse as planned.", "Daily"),
    "sync": ("engagectl.cli.commands.sync:sync", "Load Engage messages into the tables.", "Daily"),
    "drift": ("engagectl.cli.commands.drift:drift", "Show what somebody changed since the last apply.", "Daily"),
    "status": ("engagectl.cli.commands.status:status", "Show each feed's last load and what waits for what.", "Daily"),
    "history": ("engagectl.cli.commands.history:history", "List applies and syncs.", "Daily"),
    "init": ("engagectl.cli.commands.init:init", "Make a project in a folder.", "Start"),
    "demo": ("engagectl.cli.commands.demo:demo", "Run the main job on sample data, in a temporary folder.", "Start"),
    "inspect": ("engagectl.cli.commands.inspect:inspect", "Look at an existing warehouse. Never writes.", "Start"),
    "doctor": ("engagectl.cli.commands.doctor:doctor", "Check connections, grants and versions.", "Start"),
    "show": ("engagectl.cli.commands.show:show", "Show one declared thing whole, or a plan file.", "Look"),
    "sql": ("engagectl.cli.commands.sql:sql", "Print the SQL that makes the tables of an address.", "Look"),
    "schema": ("engagectl.cli.commands.schema:schema", "Print the JSON Schema of the YAML, for editors.", "Look"),
    "explain": ("engagectl.cli.commands.explain:explain", "Explain an error code, with examples.", "Look"),
    "quarantine": (
        "engagectl.cli.commands.quarantine:quarantine",
        "List or show messages that could not be stored.",
        "Repair",
    ),
    "validate": ("engagectl.cli.commands.validate:validate", "Check the YAML. Connects to nothing.", "In CI"),
    "fmt": ("engagectl.cli.commands.fmt:fmt", "Write the YAML in one layout, comments kept.", "In CI"),
    "ci": ("engagectl.cli.commands.ci:ci", "Comment, keep an issue, or fetch approved plans, in a job.", "In CI"),
    "completion": ("engagectl.cli.commands.completion:completion", "Print the completion script of a shell.", "Other"),
    "version": ("engagectl.cli.commands.version:version", "Print the version.", "Other"),
}
