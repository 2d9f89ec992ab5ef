"""`python -m ultralearn.cli`."""

from ultralearn.cli.main import main

main()
