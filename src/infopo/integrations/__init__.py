"""Adapters to other libraries, one folder each; a folder imports its library, and nothing else imports the folder."""
