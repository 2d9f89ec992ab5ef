"""`ultralearn gate 3`."""

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

# What takes seconds to import (torch, by way of practice) is imported when the gate runs: --help is quick.
from ultralearn.gates.address import AddressError, base_url
from ultralearn.gates.command import FAILED, folder_for_reports, parsed_header, show_and_keep

if TYPE_CHECKING:
    from ultralearn.recsys.data import Ratings

WEEKS = range(3, 7)  # what this gate closes


def gate(
    url: Annotated[str, typer.Option(help="Where your service answers, such as https://films.example.com")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
    seed: Annotated[
        int | None, typer.Option(help="Ask the same again as the report with this seed.", min=0, show_default=False)
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="Send this with each request, as 'X-API-Key: secret'; not in the report. Can be repeated."),
    ] = None,
) -> None:
    """Test your recommender's API, whatever it is built with.

    It takes about a minute and about 600 requests. The report is kept beside your log.
    """
    from ultralearn.gates.from_memory import measure
    from ultralearn.gates.month_03.checks import run_gate
    from ultralearn.practice import progress
    from ultralearn.recsys.data import DataUnavailableError

    try:
        address = base_url(url)
    except AddressError as error:
        raise typer.BadParameter(str(error)) from error
    headers = dict(parsed_header(text) for text in header or [])
    folder = folder_for_reports()

    errors = Console(stderr=True)
    try:
        ratings = _ratings()
    except DataUnavailableError as error:
        errors.print(f"The gate needs the ratings to ask with, and nothing was checked.\n{error}", markup=False)
        raise typer.Exit(FAILED) from error
    with errors.status("Asking ...") as status:
        report = asyncio.run(
            run_gate(
                address,
                ratings,
                headers,
                seed,
                measured=[measure("from memory", progress.events(), WEEKS)],
                announce=lambda check: status.update(f"{check.name}: {check.claim[0].lower()}{check.claim[1:]} ..."),
            )
        )
    raise typer.Exit(show_and_keep(report, folder, as_json))


def _ratings() -> "Ratings":
    """MovieLens 100K; what loading says of its source goes to stderr, for stdout is the report's."""
    from ultralearn.recsys.data import load_movielens

    with contextlib.redirect_stdout(sys.stderr):
        return load_movielens()
