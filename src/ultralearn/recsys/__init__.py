"""Project 1: a recommender, from the ratings to the models that predict them."""
