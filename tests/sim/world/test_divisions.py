from songda.sim.world.divisions import divisions


def test_every_province_of_the_mainland_is_there_and_codes_are_unique():
    table = divisions()
    assert len(table.by_province) == 31
    assert len(set(table.codes)) == len(table.codes)
    assert all(len(code) == 6 and code.isdigit() for code in table.codes)
    assert all(table.towns)


def test_old_names_are_not_the_present_ones():
    table = divisions()
    renamed = [n for n, old in enumerate(table.old_names) if old]
    assert len(renamed) > 30
    assert all(table.old_names[n] != table.districts[n] for n in renamed)
