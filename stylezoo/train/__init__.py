"""Recipes, and the one loop that trains every family from them."""
