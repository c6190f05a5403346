package sandbox

import (
	"encoding/json"
	"slices"
	"testing"

	"rekey/internal/sandbox/slack"
)

// TestRequestsThatStand: a later request of a rotation takes the place of an
// earlier one; one about several keys does not, because the next is about others,
// and one about the vault neither does nor is an approval of an end.
func TestRequestsThatStand(t *testing.T) {
	var r requests
	for _, m := range []struct{ ts, thread, text string }{
		{"1", "a", "Request 1 · evidence"}, {"2", "a", "Request 2 · evidence"}, {"3", "a", "Request 2 · evidence"},
		{"4", "b", "May 2 old keys end? Request 1 · evidence"}, {"5", "b", "May 1 old keys end? Request 2 · evidence"},
		{"6", "c", "May it end now? Request 1 · evidence"}, {"7", "c", "React ✅ if the vault is closed to whoever read the old key Request 2 · evidence"},
	} {
		r.note(slack.Message{TS: m.ts, Thread: m.thread, Blocks: json.RawMessage(`["` + m.text + `"]`)})
	}
	var stand []string
	for _, q := range r.newest() {
		stand = append(stand, q.ts)
	}
	if want := []string{"2", "3", "4", "5", "6"}; !slices.Equal(stand, want) {
		t.Errorf("%v stand, want %v", stand, want)
	}
}
