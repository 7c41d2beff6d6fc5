"""`verify` and `replay`: prove the data and rebuild them."""

from pathlib import Path

import click

from cloud.cli.shared import ask, config_option, json_option, read, tell


@click.command()
@config_option
@json_option
def verify(config: Path, *, as_json: bool) -> None:
    """Hash every chain again, rebuild every read model, and compare."""
    answer = ask(read(config), {"command": "verify"})
    lines = [f"{answer.get('facts')} facts in {len(answer.get('lanes', {}))} lanes"]
    lines += [f"{found['seq']}: {found['what']}" for found in answer.get("findings", [])]
    lines += [f"{name}: {'as rebuilt' if same else 'DIFFERS'}" for name, same in answer.get("projections", {}).items()]
    tell(answer, as_json=as_json, text="\n".join(lines))


@click.command()
@config_option
@click.option("--parked", is_flag=True, help="Only try the parked facts again.")
@json_option
def replay(config: Path, *, parked: bool, as_json: bool) -> None:
    """Rebuild every read model from the facts."""
    answer = ask(read(config), {"command": "replay", "parked": parked})
    said = f"{answer.get('understood')} of {answer.get('tried')} parked facts are understood now"
    tell(answer, as_json=as_json, text=said if parked else f"{answer.get('facts')} facts read")
