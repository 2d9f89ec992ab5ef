"""`python -m ultralearn.cli`."""

from ultralearn.cli import main

main()
