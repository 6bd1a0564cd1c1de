"""Evaluation: quality, speed and temporal stability of models, and verification of their weights."""
