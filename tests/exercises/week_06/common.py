"""What several answers of week 6 are made with."""

EITHER = "the smaller or larger of two numbers, whichever is named first"
