"""Questions answered with the help of a search: the rewards so far, as pure functions; no environment yet."""
