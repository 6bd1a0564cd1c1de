"""Training: recipes, and the loop that trains every family from them."""
