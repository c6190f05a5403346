package config

import (
	"fmt"
	"strconv"
	"strings"
)

// cronField is one of the five fields of a time of the calendar.
type cronField struct {
	name        string
	least, most int
	words       string // names of values, from the least on, in capitals
}

var cronFields = [...]cronField{
	{name: "minute", least: 0, most: 59},
	{name: "hour", least: 0, most: 23},
	{name: "day of the month", least: 1, most: 31},
	{name: "month", least: 1, most: 12, words: "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"},
	{name: "day of the week", least: 0, most: 6, words: "SUN MON TUE WED THU FRI SAT"},
}

// cron objects to what is no time of the calendar, or one that never comes.
// It takes what the five fields of crontab(5) take, and no more: the calendar
// itself is kept elsewhere, and understands each of them.
func cron(text string) string {
	words := strings.Fields(text)
	if len(words) != len(cronFields) {
		return fmt.Sprintf("a time of the calendar has five fields, and these are %d", len(words))
	}
	var days, months map[int]bool
	for i, f := range cronFields {
		values, why := f.read(words[i])
		if why != "" {
			return "the " + f.name + " " + why
		}
		switch f.name {
		case "day of the month":
			days = values
		case "month":
			months = values
		}
	}
	if words[4] == "*" && !comes(days, months) {
		return "there is no such day in any year, so it would never come"
	}
	return ""
}

// comes reports whether one of the days exists in one of the months.
func comes(days, months map[int]bool) bool {
	longest := [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	for m := range months {
		for d := range days {
			if d <= longest[m] {
				return true
			}
		}
	}
	return false
}

// read gives the values of a field: a list of ranges, each with its step.
func (f cronField) read(text string) (map[int]bool, string) {
	values := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		by := 1
		if stepped {
			var err error
			if by, err = strconv.Atoi(step); err != nil || by < 1 || by > f.most {
				return nil, fmt.Sprintf("has a step that is no number from 1 to %d", f.most)
			}
		}
		from, to, why := f.span(span, stepped)
		if why != "" {
			return nil, why
		}
		for v := from; v <= to; v += by {
			values[v] = true
		}
	}
	return values, ""
}

// span reads "*", a value, or two with a hyphen. One value with a step goes
// on to the end.
func (f cronField) span(text string, stepped bool) (from, to int, why string) {
	if text == "*" {
		return f.least, f.most, ""
	}
	first, last, ranged := strings.Cut(text, "-")
	from, ok := f.value(first)
	to = from
	if ok && ranged {
		to, ok = f.value(last)
	} else if stepped {
		to = f.most
	}
	switch {
	case !ok && f.words != "":
		return 0, 0, fmt.Sprintf("must be *, numbers from %d to %d, or names such as %s", f.least, f.most, f.words[:3])
	case !ok:
		return 0, 0, fmt.Sprintf("must be * or numbers from %d to %d", f.least, f.most)
	case from > to:
		return 0, 0, "has a range that ends before it begins"
	}
	return from, to, ""
}

func (f cronField) value(text string) (int, bool) {
	for i, name := range strings.Fields(f.words) {
		if strings.EqualFold(name, text) {
			return f.least + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && len(text) <= 2 && text[0] != '+' && text[0] != '-' && n >= f.least && n <= f.most
}
