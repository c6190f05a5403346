//go:build !release

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rekey/internal/sandbox/slack"
	"rekey/rotation"
	"rekey/rotation/event"
)

// mostEntries bounds the journal of one rotation that is read.
const mostEntries = 1000

// tellable are the entries of a rotation's journal that its thread has to tell, by
// number. That it began is the thread's root.
func (b *box) tellable(ctx context.Context, r *rotation.Rotation) (map[int]string, error) {
	_, store, err := b.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(quiet, "Redis", store)
	rows, err := store.Events(ctx, r.Key(), 0, mostEntries)
	if err != nil {
		return nil, err
	}
	all := map[int]string{}
	for _, row := range rows {
		e, err := event.Decode(row.Seq, row.Body)
		if err != nil {
			return nil, err
		}
		if e.Posted() && e.Kind != event.Started {
			all[int(row.Seq)] = string(e.Kind) + " " + e.Text
		}
	}
	return all, nil
}

// untold are the entries that none of these messages tells.
func untold(messages []slack.Message, wanted map[int]string) []string {
	left := maps.Clone(wanted)
	for _, m := range messages {
		if m.Metadata == nil {
			continue
		}
		first, last, err := entries(m)
		for seq := first; err == nil && seq <= last; seq++ {
			delete(left, seq)
		}
	}
	var all []string
	for _, seq := range slices.Sorted(maps.Keys(left)) {
		all = append(all, fmt.Sprintf("the thread does not tell entry %d: %s", seq, left[seq]))
	}
	return all
}

// entries are the part of the journal that a message tells, as the bot notes it
// on its posts.
func entries(m slack.Message) (first, last int, err error) {
	var mark struct {
		Payload struct{ First, Seq string } `json:"event_payload"`
	}
	if err = json.Unmarshal(m.Metadata, &mark); err == nil {
		first, err = strconv.Atoi(mark.Payload.First)
	}
	if err == nil {
		last, err = strconv.Atoi(mark.Payload.Seq)
	}
	if err != nil {
		err = fmt.Errorf("metadata %s: %w", m.Metadata, err)
	}
	return first, last, err
}

// disordered lists what threads do not tell in the order of their journals, or
// tell twice without saying so.
func disordered(messages []slack.Message) []string {
	var wrong []string
	told := map[string]int{} // up to which entry, by thread
	for _, m := range messages {
		if m.Thread == "" || m.Metadata == nil {
			continue
		}
		first, last, err := entries(m)
		switch before := told[m.Thread]; {
		case err != nil:
			wrong = append(wrong, err.Error())
		case last == 0: // not of the journal
		case last < before:
			wrong = append(wrong, fmt.Sprintf("the thread tells entry %d after entry %d: %s", last, before, m.Text))
		case first <= before && !copied(m) && m.Edits == 0: // a request that was answered has other words
			wrong = append(wrong, fmt.Sprintf("the thread tells entry %d twice, unmarked: %s", first, m.Text))
		default:
			told[m.Thread] = last
		}
	}
	return wrong
}

// copied are messages that say that they may have been posted before.
func copied(m slack.Message) bool {
	return strings.Contains(m.Text, "posted again after a lost answer")
}
