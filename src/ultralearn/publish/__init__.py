"""What maintainers publish with: run the notebooks, compare them with what is published, accept, build the site."""
