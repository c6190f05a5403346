package render

import (
	"strings"
	"testing"
	"time"

	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/event"
)

// TestNothingWaitsBetweenInAnEmergency: the last question before a click does not
// promise a pause that an emergency has not.
func TestNothingWaitsBetweenInAnEmergency(t *testing.T) {
	r := leaked(providers.Overlap, true)
	r.Traits.UndoOfEnd = true
	if got := sure(r).Text.Text; strings.Contains(got, "can be undone, and after") || !strings.Contains(got, "This cannot be undone") || !strings.Contains(got, "without a pause, deleted") {
		t.Errorf("it asks %q", got)
	}
}

// TestNoWatchIsPromisedInAnEmergency: what the end is said to be is what it is then.
func TestNoWatchIsPromisedInAnEmergency(t *testing.T) {
	r := leaked(providers.Overlap, true)
	r.Traits.UndoOfEnd, r.Traits.EndIs = true, "switched off first, which can be undone, and deleted after one more watch, which cannot"
	first := *r
	first.Cell.RevokeFirst = true
	for name, m := range map[string]Message{"card": Card(r, cardEvent, team), "revoke first": cardRevoke(&first, cardEvent, team)} {
		if all := m.Text + string(asSent(t, m)); strings.Contains(all, "one more watch") || !strings.Contains(all, "right after that ended for good") {
			t.Errorf("%s: %s", name, all)
		}
	}
	r.Cell.Mode = rotation.Routine
	holds(t, "a routine one", Card(r, cardEvent, team), "one more watch")
}

// TestReportNamesWhoApprovedTheEnd, and beside them who spoke of the vault: they
// are asked different things.
func TestReportNamesWhoApprovedTheEnd(t *testing.T) {
	r := leaked(providers.Overlap, true)
	r.Cell.RevokeFirst, r.State = true, rotation.Succeeded
	cara := rotation.Person{ID: "T1/U0CARA"}
	r.Allowed = &rotation.Card{Number: 1, State: rotation.CardApproved, Evidence: strings.Repeat("beef", 16), Approved: []rotation.Vote{{Person: ben, Path: "emoji"}}}
	r.Card = &rotation.Card{Number: 2, About: rotation.AboutVault, State: rotation.CardApproved, Evidence: strings.Repeat("cafe", 16), Approved: []rotation.Vote{{Person: cara, Path: "button"}}}
	if got := approvers(r); !strings.Contains(got, "U0BEN") || strings.Contains(got, "U0CARA") {
		t.Errorf("approved by %s", got)
	}
	m := Report(r, event.Event{Kind: event.Reported})
	holds(t, "the report", m, "The vault is closed, said <@U0CARA>", "beefbeef")
}

// TestAnOlderNewKeyIsOnTheCard: who approves reads that what the application runs
// on was made before the alarm.
func TestAnOlderNewKeyIsOnTheCard(t *testing.T) {
	r := leaked(providers.Overlap, true)
	const warned = "this does not contain it"
	if m := Card(r, cardEvent, team); strings.Contains(string(asSent(t, m)), warned) {
		t.Error("it is said of a key that the emergency made")
	}
	r.Plan = r.Plan[2:] // what makes one was done before
	holds(t, "the card", Card(r, cardEvent, team), warned)
}

// TestAnExpiredRequestSaysWhatWasEnded: nothing is called untouched that an earlier
// request had switched off.
func TestAnExpiredRequestSaysWhatWasEnded(t *testing.T) {
	r := closedAs(rotation.CardExpired)
	holds(t, "expired", Closed(r, 1), "Nothing was revoked")
	r.Ends = map[string]rotation.Ending{"": {ID: "0ldkey", Sent: time.Now(), Disabled: true}}
	if m := Closed(r, 1); strings.Contains(m.Text, "Nothing was revoked") {
		t.Error(m.Text)
	}
}
