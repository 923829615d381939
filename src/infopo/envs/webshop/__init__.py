"""Shopping for a product that fits a wish: the reward so far, as pure functions; no environment yet."""
