package config

import "testing"

func TestCron(t *testing.T) {
	const five = "a time of the calendar has five fields, and these are "
	for text, why := range map[string]string{
		"0 9 * * MON-FRI":       "",
		"*/15 8-18 * * *":       "",
		"5/20 0 1,15 jan-jun 1": "",
		"0 0 29 2 *":            "",
		"0 0 31 1-12/1 *":       "",
		"0 0 30 2 MON":          "", // a Monday in February comes
		"0 0 30 2 *":            "there is no such day in any year, so it would never come",
		"0 0 31 APR,JUN *":      "there is no such day in any year, so it would never come",
		"":                      five + "0",
		"@daily":                five + "1",
		"0 0 9 * * MON-FRI":     five + "6",
		"60 9 * * *":            "the minute must be * or numbers from 0 to 59",
		"-1 9 * * *":            "the minute must be * or numbers from 0 to 59",
		"0 24 * * *":            "the hour must be * or numbers from 0 to 23",
		"0 9 0 * *":             "the day of the month must be * or numbers from 1 to 31",
		"0 9 * 13 *":            "the month must be *, numbers from 1 to 12, or names such as JAN",
		"0 9 * * 7":             "the day of the week must be *, numbers from 0 to 6, or names such as SUN",
		"0 9 * * MO-FR":         "the day of the week must be *, numbers from 0 to 6, or names such as SUN",
		"0 9 * * FRI-MON":       "the day of the week has a range that ends before it begins",
		"*/0 9 * * *":           "the minute has a step that is no number from 1 to 59",
		"*/x 9 * * *":           "the minute has a step that is no number from 1 to 59",
		"1,,2 9 * * *":          "the minute must be * or numbers from 0 to 59",
		"1- 9 * * *":            "the minute must be * or numbers from 0 to 59",
		"CRON_TZ=UTC 0 9 * * *": five + "6",
	} {
		if got := cron(text); got != why {
			t.Errorf("%q: %q, want %q", text, got, why)
		}
	}
}

func TestZone(t *testing.T) {
	for name, fine := range map[string]bool{"UTC": true, "Europe/Berlin": true, "America/Sao_Paulo": true, "Local": false, "": false, "Berlin": false, "../etc/passwd": false, "MESZ": false} {
		if why := zone(name); (why == "") != fine {
			t.Errorf("%q: %q", name, why)
		}
	}
}
