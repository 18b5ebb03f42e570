"""The demo's files are believable, the same for the same seed, and tell what must become of them."""

from __future__ import annotations

from decimal import Decimal

from cli.demo_files import COLUMNS, expected, first_wave, second_wave


def test_the_same_seed_makes_the_same_files() -> None:
    assert first_wave(7) == first_wave(7)
    assert first_wave(7) != first_wave(8)


def test_every_row_and_every_cent_of_the_files_is_accounted_for() -> None:
    files = (*first_wave(), *second_wave())
    counts, _ = expected(files)
    for file, count in zip(files, counts, strict=True):
        assert count.rows == count.merged + count.superseded + count.duplicate + count.quarantined
        if file.ends == "applied":
            assert count.rows == len(file.content.decode().splitlines()) - 1
            assert count.file_amount == sum(row.amount or Decimal(0) for row in file.rows)


def test_the_story_shows_every_fate_a_row_can_have() -> None:
    counts, table = expected((*first_wave(), *second_wave()))
    assert sum(each.superseded for each in counts) == 40
    assert sum(each.duplicate for each in counts) == 1
    assert sum(each.quarantined for each in counts) == 7
    assert len(table) == 250 + 243


def test_ibans_have_right_check_digits() -> None:
    row = first_wave()[0].rows[0].cells
    iban = row[COLUMNS.index("debtor_iban")]
    rearranged = iban[4:] + "".join(str(int(letter, 36)) for letter in iban[:4])
    assert int(rearranged) % 97 == 1
