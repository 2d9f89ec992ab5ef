"""`ultralearn gate MONTH`: each month brings its own options; here is only which months there are."""

from typing import Any

import typer
from typer.core import TyperGroup

from ultralearn.gates.command import EPILOG
from ultralearn.gates.month_03 import command as month_03


class Months(TyperGroup):
    """The gates by their months. One that is not there is told apart from one that is not written yet."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # click's types, which typer brings in some versions
        """As usual, but for what is said of another month. Raises UsageError."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(_why_not(args[0], sorted(self.commands)))
        return super().resolve_command(ctx, args)


def _why_not(month: str, written: list[str]) -> str:
    from ultralearn.plan.year import load_plan

    months = [str(gate.month) for gate in load_plan().gates]
    if month in months:
        return f"the gate of month {month} is not written yet; {', '.join(written)} is"
    return f"there are gates at months {', '.join(months)}, not {month}"


app = typer.Typer(
    cls=Months,
    help="Test your own work at the end of a quarter, by the gate's month. 3 is written so far.",
    no_args_is_help=True,
    subcommand_metavar="MONTH ...",
    epilog=EPILOG,
)
app.command("3", epilog=f"{EPILOG} Example: ultralearn gate 3 --url http://127.0.0.1:8000")(month_03.gate)
