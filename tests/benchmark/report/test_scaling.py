"""The table and the picture of a scaling study."""

from __future__ import annotations

from pathlib import Path

from benchmark.report.scaling import COLUMNS, PICTURES, draw_scaling, scaling_notes, scaling_rows

SUMMARY = {
    "rung": "stemdl_smoke",
    "global_batch_size": 8,
    "cores": 2,
    "points": [
        {
            "ranks": 1,
            "oversubscribed": False,
            "runs": 3,
            "reached": 3,
            "seconds": 10.5,
            "seconds_of_runs": [9.0, 10.5, 12.0],
            "epochs": 6.0,
            "samples_per_second": 100.0,
            "steps_per_second": 12.5,
            "speedup": 1.0,
            "efficiency": 1.0,
            "throughput_speedup": 1.0,
            "throughput_efficiency": 1.0,
        },
        {
            "ranks": 4,
            "oversubscribed": True,
            "runs": 3,
            "reached": 0,
            "seconds": None,
            "seconds_of_runs": [],
            "epochs": None,
            "samples_per_second": 120.0,
            "steps_per_second": 15.0,
            "speedup": None,
            "efficiency": None,
            "throughput_speedup": 1.2,
            "throughput_efficiency": 0.3,
        },
    ],
}


def test_rows_have_what_is_known_and_say_where_ranks_share_cores():
    assert scaling_rows(SUMMARY) == [
        ("1", "3 of 3", "10.50", "6.0", "1.00", "1.00", "100", "1.00", "1.00"),
        ("4*", "0 of 3", "", "", "", "", "120", "1.20", "0.30"),
    ]
    assert len(COLUMNS) == 9
    assert any("more ranks than the 2 cores" in note for note in scaling_notes(SUMMARY))


def test_the_pictures_are_the_same_for_the_same_study(tmp_path: Path):
    for name in ("one", "two"):
        assert draw_scaling(SUMMARY, tmp_path / name) == [tmp_path / name / picture for picture in PICTURES]
    png, svg = ((tmp_path / "one" / picture).read_bytes() for picture in PICTURES)
    assert (png, svg) == tuple((tmp_path / "two" / picture).read_bytes() for picture in PICTURES)
    assert png.startswith(b"\x89PNG") and b"</svg>" in svg


def test_a_study_in_which_nothing_reached_the_target_is_drawn(tmp_path: Path):
    nothing = [
        {
            **point,
            "seconds": None,
            "seconds_of_runs": [],
            "samples_per_second": None,
            "efficiency": None,
            "throughput_efficiency": None,
        }
        for point in SUMMARY["points"]
    ]
    assert all(path.stat().st_size for path in draw_scaling({**SUMMARY, "points": nothing}, tmp_path))
