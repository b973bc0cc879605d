"""A corpus that is made by rules, without a download."""
