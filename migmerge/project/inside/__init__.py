"""Texts that run in the project's own interpreter: `python -c`, or `manage.py shell -c`.

They import nothing of migmerge, keep to what Python 3.8 and Django 4.2 understand, and are one
module there: start.py first, then those that a question needs. REQUEST comes on standard input;
the answer is the last line of standard output.
"""
