"""What the system misses is installed where nobody has to be asked; otherwise one line says what to type."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.support import tree

APT = """#!/bin/sh
echo "$@" >>"$LOG"
[ -z "$BROKEN" ] || { echo "E: Unable to locate package some-server" >&2; exit 100; }
case "$*" in *install*) printf '#!/bin/sh\\n' >"$BIN/some-server" && chmod +x "$BIN/some-server" ;; esac
"""


class System:
    """A machine with this apt-get, this user, and the plain tools of any system."""

    def __init__(self, folder):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.log = folder / "apt.log"
        self.log.touch()
        for tool in ("sh", "sort", "tr", "mktemp", "tail", "rm", "chmod", "env", "true", "dirname"):
            self.program(tool, f'#!/bin/sh\nexec {shutil.which(tool)} "$@"\n')

    def program(self, name, text):
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def user(self, number):
        self.program("id", f"#!/bin/sh\necho {number}\n")

    def need(self, *names, broken=""):
        env = {"PATH": str(self.bin), "LOG": str(self.log), "BIN": str(self.bin), "BROKEN": broken}
        env["UMBEL_POLICY"] = str(self.bin / "policy-rc.d")
        command = ["/bin/sh", str(tree.TOP / "scripts" / "need"), *names]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def system(tmp_path):
    return System(tmp_path)


def test_what_is_there_is_left_alone(system):
    system.program("some-server", "#!/bin/sh\n")
    done = system.need("some-server")
    assert (done.returncode, done.stdout, done.stderr, system.log.read_text()) == (0, "", "", "")


def test_root_gets_it_installed_and_no_daemon_is_started(system):
    system.program("apt-get", APT + f'[ -x "{system.bin}/policy-rc.d" ] && echo "policy in force" >>"$LOG"\ntrue\n')
    system.user(0)
    done = system.need("some-server")
    assert done.returncode == 0, done.stderr
    assert "install -y -qq --no-install-recommends some-server\npolicy in force" in system.log.read_text()
    assert not (system.bin / "policy-rc.d").exists()


def test_sudo_without_a_password_will_do(system):
    system.program("apt-get", APT)
    system.program("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift && exec "$@"\n')
    system.user(1000)
    assert system.need("some-server").returncode == 0


def test_who_may_not_install_is_told_what_to_type(system):
    system.program("apt-get", APT)
    system.program("sudo", "#!/bin/sh\necho a password is required >&2\nexit 1\n")
    system.user(1000)
    done = system.need("some-server", "other-server")
    assert done.returncode == 1
    assert "Type this, then try again:  sudo apt-get install other-server some-server" in done.stderr
    assert "installing" not in done.stderr
    assert system.log.read_text() == ""


def test_a_failing_apt_is_shown_with_the_line_to_type(system):
    system.program("apt-get", APT)
    system.user(0)
    done = system.need("some-server", broken="1")
    assert done.returncode == 1
    assert "Unable to locate package some-server" in done.stderr
    assert "sudo apt-get install some-server" in done.stderr


def test_without_apt_the_missing_thing_is_named(system):
    system.user(0)
    done = system.need("some-server")
    assert done.returncode == 1
    assert "The system misses: some-server" in done.stderr


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (
            '#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2\nexit 1\n',
            "umbel needs Python 3.11 or newer, and python3 is Python 3.9.2.",
        ),
        (None, "there is no python3 here. Type:  sudo apt-get install python3 python3-venv"),
    ],
)
def test_a_python_that_is_too_old_or_missing_is_one_sentence(system, python, sentence):
    if python:
        system.program("python3", python)
    command = ["/bin/sh", str(tree.TOP / "scripts" / "venv")]
    done = subprocess.run(
        command, env={"PATH": str(system.bin)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_python_without_venv_names_the_package(system, tmp_path):
    system.program("python3", '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\nexit 0\n')
    system.program("apt-get", APT)
    system.user(1000)
    shutil.copytree(tree.TOP / "scripts", tmp_path / "clone" / "scripts")
    command = ["/bin/sh", str(tmp_path / "clone" / "scripts" / "venv")]
    done = subprocess.run(
        command, env={"PATH": str(system.bin)}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "sudo apt-get install python3-venv" in done.stderr
