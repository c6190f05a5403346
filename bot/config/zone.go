package config

import (
	"time"
	_ "time/tzdata" // an image without files of its own knows the zones, too
)

// zone objects to what is no name of the zone database. "Local" is none: what
// it means differs from host to host.
func zone(text string) string {
	if text == "Local" {
		return "the zone of the machine differs from host to host"
	}
	if _, err := time.LoadLocation(text); err != nil || text == "" {
		return shown(text) + " is not a time zone"
	}
	return ""
}

// date objects to what is no day.
func date(text string) string {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return shown(text) + " is not a day"
	}
	return ""
}
