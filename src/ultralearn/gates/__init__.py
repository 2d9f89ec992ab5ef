"""Gates: checks of the learner's own work, which fail closed. What they look at stands with its subject."""
