"""One reader of every table: files and URLs, databases, functions, bundled tables."""
