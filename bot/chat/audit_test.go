package chat

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/rotation/audit"
	"rekey/rotation/event"
)

// audits ends a rotation's audit as a commit does: record and event together.
func (w *world) audits() {
	now := time.Now()
	c := &audit.Case{Secret: "FAL_KEY", Credential: "key-old", From: now.Add(-time.Hour), Basis: "as somebody said", Closed: now, Sources: []audit.Source{{
		Name: "logs", Of: "key-old", Role: audit.Old, Completeness: audit.Complete, Lines: []audit.Line{{First: now, Last: now, Count: 1, IP: "203.0.113.66", Agent: "curl/8"}},
	}}}
	w.engine.set(key, func(r *rotation.Rotation) { r.Audit = c })
	w.store.tell(key, event.Event{Kind: event.Audited, Step: "audit", Text: c.Summary()})
}

// Both files follow their sentences, once, whatever goes wrong on their way.
func TestFilesOfAnAuditFollowItsSentences(t *testing.T) {
	cases := map[string]struct {
		method string
		faults []fault
		copied int
		none   bool
	}{
		"at once":            {},
		"limited":            {method: "files.getUploadURLExternal", faults: []fault{{status: 429, header: map[string]string{"Retry-After": "3"}}}},
		"down":               {method: "files.getUploadURLExternal", faults: []fault{{status: 503}, {lost: true}, {dial: true}}},
		"an answer was lost": {method: "files.completeUploadExternal", faults: []fault{{lost: true}}, copied: 1},
		"a scope is missing": {method: "files.getUploadURLExternal", faults: slices.Repeat([]fault{{word: "missing_scope", needed: "files:write"}}, 20), none: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.store.tell(key, event.Event{Kind: event.Started})
				pass(3 * time.Second)
				w.slack.fail(c.method, c.faults...)
				w.audits()
				pass(10 * time.Minute)
				var names []string
				copied := 0
				for _, m := range w.slack.pictures() {
					names = append(names, m.file.name)
					if m.text == render.Copied {
						copied++
					}
					if !strings.Contains(string(m.file.body), "203.0.113.66") || m.thread != w.ref("root") {
						t.Errorf("%s in %s: %s", m.file.name, m.thread, m.file.body)
					}
				}
				slices.Sort(names)
				want := []string{"audit-FAL_KEY-k3v9q2m7xa.csv", "audit-FAL_KEY-k3v9q2m7xa.md"}
				if c.none {
					want = nil
				}
				if got := slices.Compact(names); !slices.Equal(got, want) || copied != c.copied {
					t.Errorf("files %q, %d of them marked as copies", names, copied)
				}
				if len(w.store.hints) != 0 {
					t.Errorf("hints are left: %v", w.store.hints)
				}
				if thread := strings.Join(w.slack.thread(), "\n"); !strings.Contains(thread, "1 finding needs an answer") {
					t.Errorf("thread: %s", thread)
				}
			})
		})
	}
}

// The report comes last, after the audit's files, unless Slack takes too long.
func TestTheReportWaitsForTheFiles(t *testing.T) {
	for name, away := range map[string]bool{"in time": false, "not in time": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.store.tell(key, event.Event{Kind: event.Started})
				pass(3 * time.Second)
				if away {
					w.slack.fail("files.getUploadURLExternal", slices.Repeat([]fault{{status: 503}}, 100)...)
				}
				w.audits()
				w.store.tell(key, event.Event{Kind: event.Reported, Text: "Both certificates are there."})
				pass(30 * time.Second)
				report := w.slack.messages[len(w.slack.messages)-1]
				if !strings.Contains(report.text, "is rotated") || (len(w.slack.pictures()) == 0) != away {
					t.Errorf("the end of the thread: %q, %d files", report.text, len(w.slack.pictures()))
				}
			})
		})
	}
}
