"""The exercises of each week: references, probes, properties and misconceptions."""
