"""What the information gain costs: back-ends against each other, and against the scheme of the released code."""
