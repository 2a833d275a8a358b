"""Commands about reports that lie there already, and about what they are held to."""

from __future__ import annotations

import click

from leakgauge.policy import SHIPPED, shipped


@click.command()
@click.argument("name", type=click.Choice(SHIPPED))
def policy(name: str) -> None:
    """Print the policy NAME that comes along, to be kept as a file and changed.

    For example: leakgauge policy edpb-strict > policy.yaml
    """
    click.echo(shipped(name), nl=False)
