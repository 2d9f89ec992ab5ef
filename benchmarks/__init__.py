"""Our models beside the libraries one would pick instead: `make bench` runs it, book/benchmarks.md shows what came out.

Runs from the repository's root, on Linux. The parent process lives in the project's own environment; each contestant
lives in a process, and each peer in an environment, of its own.
"""
