"""Week 4: second solutions, misconceptions written another way, and mutants that change nothing."""

SECOND = {}
VARIANTS = {}
EQUIVALENT = {}
