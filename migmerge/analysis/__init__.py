"""Trees of git, read as migrations: what only git can say of them."""
