"""Ultralearn: the Ultralearning Plan for ML Engineers as an executable book."""
