"""The committed results as the book shows them, a class a suite."""
