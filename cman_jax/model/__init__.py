"""The networks as Linen modules and pure functions, with each equation in one place."""
