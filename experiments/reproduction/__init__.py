"""The paper's tables and figures: the runs they need, training what is missing, writing them down."""
