"""`enrol-store`, `approve`, `broker-files`, `revoke-key`: who belongs to the hub."""

from pathlib import Path

import click

from cloud.cli.shared import ask, config_option, fail, json_option, read, tell
from cloud.services import code_sheet


@click.command("enrol-store")
@click.argument("store")
@config_option
@click.option("--name-zh", help="The store's Chinese name; needed for a new store.")
@click.option("--name-en", help="The store's English name; needed for a new store.")
@click.option("--sheet", default="", help="Also draw the code sheet into this PNG file, or with - say its text.")
@json_option
def enrol_store(
    store: str, config: Path, name_zh: str | None, name_en: str | None, *, sheet: str, as_json: bool
) -> None:
    """Make a one-time code with which a node becomes STORE's; it lives 24 hours."""
    if (name_zh is None) != (name_en is None):
        raise click.UsageError("give the name in both languages, or in neither")
    request = {"command": "enrol-store", "store": store, "name_zh": name_zh, "name_en": name_en}
    settings = read(config)
    answer = ask(settings, request)
    text = f"{answer.get('code')}"
    if sheet and answer.get("ok"):
        line = str(ask(settings, {"command": "sheet", "store": store, "code": answer["code"]})["text"])
        if sheet == "-":
            answer, text = {**answer, "sheet": line}, line
        else:
            try:
                Path(sheet).write_bytes(code_sheet.png(line))
            except OSError as error:
                fail(f"{sheet}: {error.strerror}; give a file in a folder that may be written", 2)
    tell(answer, as_json=as_json, text=text)


@click.command()
@click.argument("store", required=False)
@click.option("--fingerprint", default="", help="The six groups as the node shows them; read them there.")
@click.option("--refuse", is_flag=True, help="Say no instead.")
@config_option
@json_option
def approve(store: str | None, fingerprint: str, config: Path, *, refuse: bool, as_json: bool) -> None:
    """Let the node in that asks for STORE, after comparing its fingerprint; without STORE, list who asks."""
    if store is None:
        answer = ask(read(config), {"command": "waiting"})
        lines = [f"{one['store']}  {one['fingerprint']}" for one in answer.get("waiting", [])]
        tell(answer, as_json=as_json, text="\n".join(lines) or "nobody waits")
    if not fingerprint:
        raise click.UsageError("give --fingerprint with the six groups that the node shows")
    deed = "refuse" if refuse else "approve"
    answer = ask(read(config), {"command": deed, "store": store, "fingerprint": fingerprint})
    tell(answer, as_json=as_json, text=f"the node for {store} is {'refused' if refuse else 'approved'}")


@click.command("broker-files")
@click.option("--host", "hosts", multiple=True, required=True, help="A name or address of the broker; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder to write.")
@config_option
@json_option
def broker_files(hosts: tuple[str, ...], out: Path, config: Path, *, as_json: bool) -> None:
    """Write what config/mosquitto/mosquitto-tls.conf needs: CA, the broker's certificate and key, revocation list."""
    answer = ask(read(config), {"command": "broker-files", "out": str(out.absolute()), "hosts": list(hosts)})
    tell(answer, as_json=as_json, text=f"{out} holds {', '.join(answer.get('files', []))}")


@click.command("revoke-key")
@click.argument("store")
@click.option("--epoch", type=click.IntRange(min=1), required=True, help="Which node of the store: its epoch.")
@config_option
@json_option
def revoke_key(store: str, epoch: int, config: Path, *, as_json: bool) -> None:
    """Let the key of a stolen or lost node count no longer; what it sends from now on is quarantined."""
    answer = ask(read(config), {"command": "revoke", "store": store, "epoch": epoch})
    tell(answer, as_json=as_json, text=f"the key of {store}, epoch {epoch}, counts no longer")
