"""What a database has applied, and how it is brought in line with the files."""
