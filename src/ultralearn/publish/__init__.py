"""What maintainers publish with: run the notebooks, compare them with what is published, accept them, build the site."""
