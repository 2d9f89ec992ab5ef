"""What subjects and claims share: statistics, tuning, curves."""
