"""The command that adds a source."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from devices.models import Source, Space

pytestmark = pytest.mark.django_db


def test_a_mapping_is_added_with_its_options(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("addsource", "mapping", "--space", space.slug, "--options", '{"preset": "wled"}')
    source = Source.objects.get()
    assert (source.prefix, source.options) == ("wled", {"preset": "wled"})
    assert json.loads(capsys.readouterr().out)["id"] == source.pk


@pytest.mark.parametrize(
    ("options", "problem"),
    [("[]", "not a JSON object"), ("{", "not a JSON object"), ('{"rules": []}', "needs a prefix")],
)
def test_options_that_cannot_work_are_refused(space: Space, options: str, problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        call_command("addsource", "mapping", "--space", space.slug, "--options", options)
    assert not Source.objects.exists()
