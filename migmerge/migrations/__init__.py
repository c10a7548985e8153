"""What a migration is, from its source text alone: no git, no disk, no Django."""
