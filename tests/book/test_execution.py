from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

import rflib
from rflib.book.execution import execute
from rflib.errors import RflibError, UsageError

REPORT = (
    "import os, sys, rflib\nprint(sys.executable, rflib.__file__, os.getcwd(), repr(profile), repr(rates), sep='|')"
)


def test_a_chapter_runs_in_this_python_with_typed_values(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "odd {name}" / "sample.ipynb"
    lines: list[str] = []
    execution = execute(
        write_chapter(REPORT),
        {"profile": 'a "quoted" \\ {name}', "rates": [1e-3, 1]},
        output,
        working_directory=tmp_path,
        on_progress=lines.append,
    )
    notebook = nbformat.read(output, 4)
    printed = notebook.cells[-1].outputs[0].text.strip().split("|")
    expected = [sys.executable, rflib.__file__, str(tmp_path), repr('a "quoted" \\ {name}'), "[0.001, 1.0]"]
    assert printed == expected
    assert execution.parameters == {"profile": 'a "quoted" \\ {name}', "rates": [0.001, 1.0]}
    assert 0 < execution.seconds < 60
    assert [path.name for path in output.parent.iterdir()] == ["sample.ipynb"]
    assert lines == [f"sample-chapter: executed in {execution.seconds:.0f} s"]


def test_a_failing_cell_is_named_and_the_partial_notebook_kept(
    write_chapter: Callable[..., Path], tmp_path: Path
) -> None:
    chapter = write_chapter("x = 1", "# comment\nraise ValueError('\\x1b[31mno pixels\\x1b[0m left')", "never = 1")
    output = tmp_path / "sample.ipynb"
    with pytest.raises(RflibError) as caught:
        execute(chapter, {}, output, working_directory=tmp_path)
    message = str(caught.value)
    assert message.startswith("chapter 'sample-chapter' stopped in code cell 3 (`raise ValueError(")
    assert "ValueError: no pixels left" in message
    assert "Traceback" not in message
    assert not isinstance(caught.value, UsageError)
    partial = tmp_path / "sample.partial.ipynb"
    assert str(partial) in message
    assert not output.exists()
    assert any("outputs" in cell and cell.outputs for cell in nbformat.read(partial, 4).cells)


def test_a_usage_error_of_a_cell_stays_one(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    code = "from rflib.errors import unknown\nraise unknown('profile', 'digit', ['digits'])"
    with pytest.raises(UsageError, match=r"code cell 2.*unknown profile 'digit'.*Did you mean 'digits'") as caught:
        execute(write_chapter(code), {}, tmp_path / "sample.ipynb", working_directory=tmp_path)
    assert caught.value.exit_code == 2


def test_leaving_with_status_zero_is_a_failure(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    chapter = write_chapter("import sys; sys.exit(0)", "print('the rest of the chapter')")
    with pytest.raises(RflibError, match=r"stopped in code cell 2 .*SystemExit: 0"):
        execute(chapter, {}, tmp_path / "sample.ipynb", working_directory=tmp_path)
    assert not (tmp_path / "sample.ipynb").exists()


def test_a_dying_process_is_reported(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    chapter = write_chapter("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(RflibError, match="its Python process died before the last cell"):
        execute(chapter, {}, tmp_path / "sample.ipynb", working_directory=tmp_path)


def test_wrong_parameters_stop_before_any_cell_runs(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    chapter = write_chapter("open('ran', 'w')")
    with pytest.raises(UsageError, match=r"unknown parameter 'rate'.*Did you mean 'rates'"):
        execute(chapter, {"rate": [0.1]}, tmp_path / "sample.ipynb", working_directory=tmp_path)
    with pytest.raises(UsageError, match=r"parameter 'rates': expected list\[float\], found 'x'"):
        execute(chapter, {"rates": "x"}, tmp_path / "sample.ipynb", working_directory=tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_many_processes_at_once_do_not_compete_for_ports(write_chapter: Callable[..., Path], tmp_path: Path) -> None:
    chapter = write_chapter("print(rates)")
    program = (
        "import sys; from pathlib import Path; from rflib.book.execution import execute\n"
        "chapter, output, rate = sys.argv[1:]\n"
        "execute(Path(chapter), {'rates': [float(rate)]}, Path(output), working_directory=Path(output).parent)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(chapter), str(tmp_path / f"{rate}.ipynb"), str(rate)])
        for rate in range(8)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * 8
    for rate in range(8):
        assert f"[{float(rate)}]" in (tmp_path / f"{rate}.ipynb").read_text()
