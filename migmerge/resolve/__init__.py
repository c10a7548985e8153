"""From a conflict to a fix plan or a refusal, and from a plan to written files."""
