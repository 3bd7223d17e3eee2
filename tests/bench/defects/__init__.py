"""What the bench of the reference's defects is made of."""
