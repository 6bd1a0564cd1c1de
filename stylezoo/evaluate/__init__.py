"""Measuring: how good a net's pictures are, and whether its weights are what the registry says."""
