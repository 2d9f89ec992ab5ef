"""The command `ultralearn`: gates, and what your log says."""

import typer

from ultralearn.cli import gate, progress

app = typer.Typer(
    name="ultralearn",
    help="The Ultralearning Plan for ML Engineers: gates for your own work, and a look at your log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(gate.app, name="gate")
app.command("progress")(progress.show_progress)


def main() -> None:
    """The entry point."""
    app()
