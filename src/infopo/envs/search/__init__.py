"""Questions answered with the help of a search: `search/qa`, and its rewards as pure functions."""
