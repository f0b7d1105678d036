"""Measurements: ratios against a stated baseline, taken in one run."""
