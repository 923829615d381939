"""The user gyms: conversations with a simulated user who knows what the policy does not."""
