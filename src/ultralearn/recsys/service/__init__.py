"""The recommender as a service: a release in, answers out. Imports no training library."""
