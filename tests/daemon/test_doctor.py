"""What the doctor finds, and the cure it names."""

import os
import socket
from pathlib import Path

import pytest

from daemon import doctor, ports, state
from daemon.config import Config, Server
from daemon.doctor import Finding, Patient


def patient(folder: Path, port: int = 0) -> Patient:
    config = Config().model_copy(update={"server": Server().model_copy(update={"port": port})})
    return Patient(config, folder)


def of(subject: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.subject == subject]


def test_every_fault_and_hint_names_its_cure(tmp_path: Path) -> None:
    findings = list(doctor.examine(patient(tmp_path)))
    assert findings
    assert all(finding.cure for finding in findings if finding.level != "ok")
    assert {finding.subject for finding in findings} >= {"python", "clock", "broker", "state folder", "disk"}


def test_a_taken_port_names_its_owner(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        assert ports.owner(port) == (os.getpid(), Path("/proc/self/comm").read_text().strip())
        (finding,) = of("server port", list(doctor.listening(patient(tmp_path, port))))
        assert finding.level == "fault"
        assert f"(pid {os.getpid()})" in finding.text
        with state.lock(state.prepare(tmp_path)):
            (finding,) = of("server port", list(doctor.listening(patient(tmp_path, port))))
            assert finding.level == "ok"
    assert ports.owner(port) is None
    assert of("server port", list(doctor.listening(patient(tmp_path, port))))[0].level == "ok"


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    config = Config().model_copy(update={"server": Server().model_copy(update={"host": "192.0.2.1"})})
    (finding, _) = doctor.listening(Patient(config, tmp_path))
    assert finding.level == "fault"
    assert "192.0.2.1:8000 cannot be listened on" in finding.text


def test_a_folder_that_others_can_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (finding,) = doctor.folder(patient(tmp_path))
    assert (finding.level, finding.cure) == ("fault", f"chmod 700 {tmp_path}")
    tmp_path.chmod(0o700)
    (finding,) = doctor.folder(patient(tmp_path))
    assert finding.level == "ok"


def test_a_folder_in_memory(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("this machine has no /dev/shm")
    findings = of("disk", list(doctor.disk(patient(shared / "sereno"))))
    assert any("restart of the machine empties it" in finding.text for finding in findings)


@pytest.mark.parametrize(
    ("flags", "levels"),
    [(0, ["ok"]), (0x50005, ["fault", "fault", "hint", "hint"]), (0x50000, ["hint", "hint"]), (0x8, ["ok"])],
)
def test_what_the_firmware_says_of_the_supply(flags: int, levels: list[str]) -> None:
    assert [finding.level for finding in doctor.throttled(flags)] == levels


def test_two_owners_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "packages_distributions", lambda: {"daemon": ["python-daemon", "sereno"]})
    (finding,) = doctor.package(patient(tmp_path))
    assert "`daemon` belongs to python-daemon too" in finding.text
    assert "pip uninstall python-daemon" in finding.cure


def test_a_configured_port_that_is_not_there(tmp_path: Path) -> None:
    from drivers import load

    serial = load("serial").Settings.model_validate({"name": "bench", "type": "serial", "port": str(tmp_path / "tty")})
    config = Config().model_copy(update={"drivers": [serial]})
    findings = [finding for finding in doctor.serial_ports(Patient(config, tmp_path)) if "bench" in finding.text]
    assert [finding.level for finding in findings] == ["fault"]
    assert "plug it in" in findings[0].cure
