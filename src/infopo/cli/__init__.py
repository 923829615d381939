"""The command line: thin commands over the public pieces. A command imports what it needs when it runs."""
