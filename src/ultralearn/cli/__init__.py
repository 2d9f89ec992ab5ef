"""The command `ultralearn`, a module a group of commands; `lab` and `serve` are what make runs for learners."""
