"""A sample city with two months behind it, for looking at the product: what its people said, and what became of it."""
