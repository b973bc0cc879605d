"""The generated corpus, which is written by a grammar and needs no download."""
