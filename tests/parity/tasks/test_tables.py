"""Questions about tables are answered as by the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import automodel_core
from automodel_core.cli import main
from automodel_core.errors import FailedInputsError, InputError
from parity.tasks.comparing import Call, Pipelines, assert_same

pytestmark = pytest.mark.filterwarnings("ignore:Series.__getitem__ treating keys as positions")
TABLE = {
    "who": ["anna", "the cat", "dog", "walk"],
    "where": ["berlin", "mat", "in berlin , mat", "this"],
    "news": ["sport", "politics", "talk", "sport"],
}
LONG = {name: column * 5 for name, column in TABLE.items()}
ONE, OTHER = "who lives in berlin", "where is the cat sat"


def frame(table: dict[str, list[str]]) -> pd.DataFrame:
    """Return a frame whose columns are as the last reference of version 4 can write them."""
    return pd.DataFrame(table, dtype=object)


def asked(*args: Any, checkpoint: str = "sums-of-cells", **options: Any) -> Call:
    return Call("table-question-answering", checkpoint, args, options)


def pairs(*queries: Any, table: Any = TABLE) -> list[dict[str, Any]]:
    return [{"table": frame(table), "query": query} for query in queries]


CALLS = {
    "one question": asked(frame(TABLE), ONE),
    "cells alone": asked(frame(TABLE), ONE, checkpoint="cells"),
    "questions": asked(frame(TABLE), [ONE, OTHER, "who"]),
    "by name": asked(table=frame(TABLE), query=ONE),
    "a dict": asked({"table": frame(TABLE), "query": [ONE, "where"]}),
    "dicts": asked(pairs(ONE, OTHER, ["who", "where"])),
    "one dict in a list": asked(pairs(OTHER)),
    "one after the other": asked(frame(TABLE), [ONE, OTHER, "who", ONE], sequential=True),
    "cells one after the other": asked(
        frame(TABLE), [ONE, OTHER, ONE, "dog ran"], sequential=True, checkpoint="cells"
    ),
    "lists one after the other": asked(pairs([ONE, OTHER], [OTHER, "who"]), sequential=True),
    "a long table": asked(frame(LONG), [ONE, "who is where"]),
    "a long table by name": asked(frame(LONG), ONE, truncation="drop_rows_to_fit"),
    "padded": asked(frame(TABLE), ONE, padding="max_length"),
}


@pytest.mark.parametrize("name", CALLS)
def test_answers(pipelines: Pipelines, name: str) -> None:
    found, expected = pipelines.both(CALLS[name])
    assert_same(found, expected)


def test_batches_answer_each_as_alone(pipelines: Pipelines) -> None:
    """The reference puts no tables into batches."""
    ours = pipelines.of(automodel_core, CALLS["questions"])
    inputs = pairs(ONE, OTHER, ["who", "where"], ONE, table=LONG) + pairs("dog ran", OTHER)
    expected = [ours(item) for item in inputs]
    for size in (None, 1, 2, 5):
        assert ours(inputs, batch_size=size) == expected


def test_answers_differ(pipelines: Pipelines) -> None:
    """Questions have other answers, and some of several cells, or the others would show nothing."""
    ours = pipelines.of(automodel_core, CALLS["questions"])
    answers = ours(TABLE, [ONE, OTHER, "who", "where", "dog ran", "talk about news"])
    assert len({str(answer["coordinates"]) for answer in answers}) > 2
    assert any(len(answer["cells"]) > 1 for answer in answers)
    assert {answer["aggregator"] for answer in answers} <= {"NONE", "SUM", "AVERAGE", "COUNT"}
    alone = ours(TABLE, OTHER)
    after = ours(TABLE, [ONE, OTHER], sequential=True)
    assert after[0] == answers[0]
    assert after[1] != answers[1]
    assert alone == answers[1]


def test_tables_of_all_kinds_and_many_inputs(pipelines: Pipelines, tmp_path: Path) -> None:
    ours = pipelines.of(automodel_core, CALLS["questions"])
    expected = ours(TABLE, ONE)
    rows = [list(TABLE), *map(list, zip(*TABLE.values(), strict=True))]
    assert ours(rows, ONE) == expected
    assert ours([dict(zip(rows[0], row, strict=True)) for row in rows[1:]], ONE) == expected
    path = tmp_path / "table.csv"
    frame(TABLE).to_csv(path, index=False)
    assert ours(str(path), ONE) == expected
    frame(TABLE).to_csv(path, index=False, sep="\t")
    assert ours({"table": str(path), "query": ONE}) == expected
    lazy = ours({"table": TABLE, "query": query} for query in (ONE, OTHER))
    assert list(lazy) == [expected, ours(TABLE, OTHER)]


def test_wrong_inputs_are_named(pipelines: Pipelines) -> None:
    ours = pipelines.of(automodel_core, CALLS["questions"])
    for table, query, message in (
        ({}, ONE, "the table is empty"),
        (TABLE, " ", "must not be empty"),
        (TABLE, [ONE, 3], "a query is a text"),
        ("nothing.csv", ONE, r"nothing.csv.* cannot be read as a table"),
    ):
        with pytest.raises(InputError, match=message):
            ours(table, query)
    with pytest.raises(InputError, match="give a table and a query"):
        ours()
    with pytest.raises(InputError, match="an input is"):
        ours(TABLE)
    with pytest.raises(InputError, match="writes nothing: leave out num_beams"):
        ours(TABLE, ONE, num_beams=2)
    with pytest.raises(FailedInputsError) as failed:
        ours([{"table": TABLE, "query": ONE}, {"table": TABLE}])
    assert list(failed.value.errors) == [1]
    assert failed.value.results[0] == ours(TABLE, ONE)


def test_the_command_line(
    pipelines: Pipelines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = pipelines.of(automodel_core, CALLS["questions"])
    path = tmp_path / "table.csv"
    frame(TABLE).to_csv(path, index=False)
    call = [
        "run",
        "table-question-answering",
        ours.model.name_or_path,
        str(path),
        "--device",
        "cpu",
    ]
    assert main([*call, "--question", ONE, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["answers"]
    expected = ours(TABLE, ONE)
    assert told["result"]["answer"] == expected["answer"]
    assert told["result"]["coordinates"] == [list(cell) for cell in expected["coordinates"]]
    assert main([*call, "--question", ONE, "--quiet"]) == 0
    assert capsys.readouterr().out.startswith(expected["answer"])
    assert main([*call]) == 1
    assert "give --question" in capsys.readouterr().err
    assert main([*call[:3], "nothing.csv", "--question", ONE]) == 1
    assert "cannot be read as a table" in capsys.readouterr().err
