"""Builders of TensorFlow Datasets (TFDS), which prepare corpora in array_record files without TensorFlow."""
