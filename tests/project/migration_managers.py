"""Managers that a migration takes with it (`use_in_migrations`)."""

from __future__ import annotations

from django.db import models


class TagManager(models.Manager):
    use_in_migrations = True

    def make_tag(self, word: str) -> None:
        self.model(word=word).save()

    def purge(self) -> None:
        self.get_queryset().filter(word="y").delete()


class GaugeManager(models.Manager):
    use_in_migrations = True

    def purge(self) -> None:
        self.get_queryset().filter(low=1).delete()
