"""The house's own rules, where import-linter does not reach: what imports what, and that everything is documented."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel

import cli
from daemon.config import Config, load
from daemon.resources import resource
from drivers import DRIVERS
from drivers import load as load_driver

ROOT = Path(__file__).parent.parent
SAMPLE = (ROOT / "config.yaml").read_text()

LIGHT = {"os", "sys", "collections.abc", "contextlib", "pathlib", "typing", "typer", "daemon.errors"}
"""What ``cli.py`` may import before it knows which command is wanted."""
HEAVY = {"sqlalchemy", "alembic", "numpy", "sklearn", "fastapi", "websockets", "yaml", "paho", "serial"}


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def test_the_command_line_is_thin() -> None:
    tree = ast.parse((ROOT / "cli.py").read_text())
    at_import = {
        name for statement in tree.body if not isinstance(statement, ast.FunctionDef) for name in imports(statement)
    }
    assert at_import <= LIGHT | {"daemon.client"}  # the client for type checkers alone
    inside = set(imports(tree)) - at_import
    assert all(name in ("daemon", "daemon.client") or name.startswith("daemon.commands") for name in inside)


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import contextlib, io, sys\nimport cli\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        f"    cli.main({arguments})\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert HEAVY & set(loaded.split()) == set()


def commands(group: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    group = group or typer.main.get_command(cli.app)
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")


def test_every_command_and_option_says_what_it_does() -> None:
    for name, command in commands():
        assert command.help, name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, f"{name} {parameter.name}"


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = [name for name, command in commands() if f"sereno {name}" not in readme]
    assert not missing, f"the README does not mention: {', '.join(missing)}"


def keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def block(begins: str) -> str:
    """The lines of the sample from one that begins so to the next that is no deeper."""
    lines = SAMPLE.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(begins))
    rest = lines[first + 1 :]
    end = next((number for number, line in enumerate(rest) if line and not line.startswith((" ", "#"))), len(rest))
    return "\n".join(rest[:end])


def test_the_guide_names_only_what_is_there() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    paths = {name for name in re.findall(r"`([\w./]+)`", guide) if "/" in name or name.endswith((".py", ".toml"))}
    places = (ROOT, ROOT / "daemon", ROOT / "daemon" / "api")
    assert [path for path in sorted(paths) if not any((place / path).exists() for place in places)] == []
    modules = re.findall(r"`(\w+)`", "".join(line for line in guide.splitlines() if line.startswith("| ")))
    assert [name for name in modules if not (ROOT / "daemon" / f"{name}.py").is_file()] == []


@pytest.mark.parametrize("section", [name for name in Config.model_fields if name != "drivers"])
def test_the_sample_documents_every_key(section: str) -> None:
    model = Config.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    # A secret stands there by its file alone.
    wanted = [key for key in keys(model) if f"{key}_file" not in model.model_fields]
    assert [key for key in wanted if f"{key}:" not in block(f"{section}:")] == []


@pytest.mark.parametrize("kind", DRIVERS)
def test_the_sample_documents_every_key_of_a_driver(kind: str) -> None:
    settings = load_driver(kind).Settings
    wanted = [key for key in keys(settings) if f"{key}_file" not in settings.model_fields]
    common = SAMPLE[SAMPLE.index("Every driver also takes") : SAMPLE.index("\ndrivers:")]
    entry = common + "".join(part for part in block("drivers:").split("- name:") if f"type: {kind}" in part)
    assert [key for key in wanted if f"{key}:" not in entry and key != "name"] == []
    assert f"type: {kind}" in settings.SAMPLE


def test_every_driver_of_the_sample_can_be_switched_on(tmp_path: Path) -> None:
    lines = block("drivers:").splitlines()
    on, uncommenting = ["drivers:"], False
    for line in lines:
        uncommenting = line.startswith("  # - name:") or (uncommenting and line.startswith("  # "))
        on.append(line.replace("# ", "", 1) if uncommenting else line)
    path = tmp_path / "config.yaml"
    path.write_text("\n".join(on))
    assert [driver.type for driver in load(path, {}).drivers] == list(DRIVERS)


def test_every_literal_of_a_key_stands_in_its_comment() -> None:
    for section, field in Config.model_fields.items():
        for key, inner in getattr(field.annotation, "model_fields", {}).items():
            choices = [choice for choice in get_args(inner.annotation) if isinstance(choice, str)]
            line = next((line for line in block(f"{section}:").splitlines() if f" {key}:" in line), "")
            assert [choice for choice in choices if choice not in line] == [], f"{section}.{key}"


def test_types_travel_with_the_packages() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    assert [package for package in packages if not (ROOT / package / "py.typed").is_file()] == []


@pytest.mark.parametrize("name", ["config.yaml", "systemd/sereno.service"])
def test_what_comes_with_sereno_is_found(name: str) -> None:
    assert resource(name).read_text()


def test_a_wheel_carries_it_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in packed["force-include"].items():
        place = tmp_path / target
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(ROOT / source)
    monkeypatch.setattr("daemon.resources.files", lambda package: tmp_path / package)
    for name in ("config.yaml", "systemd/sereno.service"):
        assert Path(str(resource(name))).is_relative_to(tmp_path)


def test_a_resource_that_is_missing_is_told() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.yaml is missing in this installation"):
        resource("nothing.yaml")


def test_the_import_rules_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
