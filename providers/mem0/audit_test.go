package mem0_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/internal/trail"
	"rekey/providers"
)

func window(d time.Duration) trail.Window {
	to := time.Now().UTC().Truncate(time.Second)
	return trail.Window{From: to.Add(-d), To: to, Most: 100}
}

func uses(t *testing.T, w world, kind providers.Kind, id providers.ID, over trail.Window) trail.Trail {
	t.Helper()
	trails, err := kind.(providers.Auditor).Uses(t.Context(), id, over)
	if err != nil || len(trails) != 2 || trails[1].Completeness != trail.Unavailable {
		t.Fatalf("%+v, %v", trails, err)
	}
	secrettest.NoLeak(t, w.issued(), trails)
	return trails[0]
}

// TestPlatformAudit: the events of each project in use, page by page, and no
// further back than asked; and they are never called whole.
func TestPlatformAudit(t *testing.T) {
	w := newPlatform(t)
	kind := w.kind(t)
	now := time.Now()
	for i := range 3 {
		w.events = append(w.events, happening{productionProject, "SEARCH", now.Add(-time.Duration(i+1) * time.Minute)})
	}
	w.events = append(w.events, happening{stagingProject, "ADD", now.Add(-time.Minute)}, happening{"proj_other", "SEARCH", now.Add(-time.Minute)})
	for i := range 9 {
		w.events = append(w.events, happening{productionProject, "DELETE", now.Add(-time.Duration(i+3) * time.Hour)})
	}
	before := w.asked()
	got := uses(t, w, kind, name(secret.New(w.production.value)), window(time.Hour))
	total := 0
	for _, u := range got.Uses {
		total += u.Count
	}
	if total != 4 || got.Completeness != trail.Partial || !strings.Contains(got.Why, "by which key") {
		t.Errorf("%d events: %+v", total, got)
	}
	if n := w.asked() - before; n != 4 { // three pages of production's, the last of which is older, and one of staging's
		t.Errorf("asked %d times", n)
	}
	_, err := kind.(providers.Auditor).Uses(t.Context(), "", window(time.Hour))
	failed(t, w, err, fault.Never, fault.Invalid)
}

// TestServerAudit: the time of the last request tells of a window only what it
// can.
func TestServerAudit(t *testing.T) {
	for what, c := range map[string]struct {
		used    time.Duration // ago; 0 is never
		revoked bool
		want    trail.Completeness
		uses    int
	}{
		"never":         {0, false, trail.Complete, 0},
		"before":        {2 * time.Hour, false, trail.Complete, 0},
		"within":        {time.Minute, false, trail.Partial, 1},
		"revoked since": {time.Minute, true, trail.Unavailable, 0},
	} {
		w := newServer(t)
		kind := w.kind(t)
		w.mu.Lock()
		w.production.used, w.production.revoked = time.Time{}, c.revoked
		if c.used > 0 {
			w.production.used = time.Now().UTC().Add(-c.used)
		}
		w.mu.Unlock()
		got := uses(t, w, kind, providers.ID(w.production.id), window(time.Hour))
		if got.Completeness != c.want || len(got.Uses) != c.uses || got.Why == "" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	w := newServer(t)
	_, err := w.kind(t).(providers.Auditor).Uses(t.Context(), "", window(time.Hour))
	failed(t, w, err, fault.Never, fault.Invalid)
}

// TestEventsThatLeadNowhere: pages that go in a circle, and events without a
// time, are no answer.
func TestEventsThatLeadNowhere(t *testing.T) {
	for what, body := range map[string]string{
		"a circle":     `{"count":9,"next":"/v1/events/?page=1","results":[{"created_at":%q}]}`,
		"no time":      `{"count":1,"next":null,"results":[{"event_type":"ADD"}]}`,
		"no results":   `{"count":0}`,
		"no next page": `{"count":9,"next":"nonsense","results":[{"created_at":%q}]}`,
	} {
		w := newPlatform(t)
		kind := w.kind(t)
		if strings.Contains(body, "%q") {
			body = fmt.Sprintf(body, time.Now().UTC().Format(time.RFC3339))
		}
		w.answers(body)
		_, err := kind.(providers.Auditor).Uses(t.Context(), "named", window(time.Hour))
		if err == nil {
			t.Errorf("%s: no error", what)
			continue
		}
		failed(t, w, err, fault.Ask, fault.Garbled)
	}
}
