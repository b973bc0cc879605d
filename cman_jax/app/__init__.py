"""The installed command `cman` and its programs: the only place in the library with flags."""
