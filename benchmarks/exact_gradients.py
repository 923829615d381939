"""Print the tables of docs/methods.md: every method's expected update beside the exact policy gradient.

python benchmarks/exact_gradients.py
"""

from infopo.testing.exact_gradient_table import tables

if __name__ == "__main__":
    print("\n\n".join(tables()))
