"""What must not get through: one test for each class of attack, see README.md."""
