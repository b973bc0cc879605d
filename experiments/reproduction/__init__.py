"""The reproduction of the paper's tables and figures: their runs, their training, and the report."""
