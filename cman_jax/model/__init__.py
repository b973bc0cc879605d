"""The networks: Linen modules and pure functions, one equation in one place."""
