"""The service: extraction for programs by JSON, and for people by a page, over HTTP."""
