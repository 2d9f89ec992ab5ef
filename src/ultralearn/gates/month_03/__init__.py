"""Month 3: the recommender's API."""
