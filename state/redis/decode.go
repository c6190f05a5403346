package redis

import (
	"fmt"
	"strconv"
	"strings"

	"rekey/state"
)

// decodeRecord reads revision, open, timer and body as stored under name.
func decodeRecord(name, k string, fields []string) (state.Record, error) {
	if len(fields) != 4 {
		return state.Record{}, badData(name, fmt.Sprintf("%d fields instead of 4", len(fields)))
	}
	revision, err := number(fields[0])
	if err != nil || revision < 1 {
		return state.Record{}, badData(name, "the revision is no number from 1")
	}
	if fields[1] != "0" && fields[1] != "1" {
		return state.Record{}, badData(name, "open is neither 0 nor 1")
	}
	timer, err := number(fields[2])
	if err != nil {
		return state.Record{}, badData(name, "the timer is no number")
	}
	return state.Record{
		Key:      k,
		Body:     []byte(fields[3]),
		Revision: revision,
		Open:     fields[1] == "1",
		Timer:    fromMillis(timer),
	}, nil
}

// decodeEvent reads an element of the journal stored under name.
func decodeEvent(name string, seq int64, stored string) (state.Event, error) {
	if stored == "" || (stored[0] != postedMark && stored[0] != quietMark) {
		return state.Event{}, badData(name, fmt.Sprintf("event %d has no mark", seq))
	}
	return state.Event{Seq: seq, Body: []byte(stored[1:]), Post: stored[0] == postedMark}, nil
}

// decodeRows reads sequence numbers and events in turn; name is the journal's.
func decodeRows(name string, pairs []string) ([]state.Row, error) {
	if len(pairs)%2 != 0 {
		return nil, badData(name, "a row without an event")
	}
	rows := make([]state.Row, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		seq, err := number(pairs[i])
		if err != nil {
			return nil, badData(name, "a row without a number")
		}
		e, err := decodeEvent(name, seq, pairs[i+1])
		if err != nil {
			return nil, err
		}
		rows = append(rows, state.Row{Seq: seq, Body: e.Body})
	}
	return rows, nil
}

// decodeWayBack reads the record and the name a reference stands for.
func decodeWayBack(name, stored string) (k, message string, err error) {
	k, message, found := strings.Cut(stored, "\n")
	if !found || k == "" || message == "" {
		return "", "", badData(name, "a reference without record or name")
	}
	return k, message, nil
}

// number reads what [strconv.FormatInt] writes, and nothing looser: signs,
// blanks and leading zeros would come back as another text.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < 0 || strconv.FormatInt(n, 10) != text) {
		err = strconv.ErrSyntax
	}
	return n, err
}
