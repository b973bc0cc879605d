"""Analyses of a system's predictions: slices, intervals, calibration and confusions."""
