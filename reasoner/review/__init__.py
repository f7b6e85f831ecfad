"""What solutions say of one another: agreement, repairs, proposed error classes, gold answers in doubt."""
