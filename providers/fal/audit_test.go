package fal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/trail"
	"rekey/providers"
)

func over(back time.Duration) trail.Window {
	to := time.Now().UTC().Truncate(time.Second)
	return trail.Window{From: to.Add(-back), To: to, Most: 1000}
}

func uses(t *testing.T, w world, over trail.Window) (trail.Trail, error) {
	t.Helper()
	trails, err := w.kind(t).(providers.Auditor).Uses(t.Context(), providers.ID(w.production.ID), over)
	if len(trails) == 0 {
		return trail.Trail{}, err
	}
	return trails[0], err
}

// TestUsesOfAWholeLife: a question covers 90 days at most, both ends are named,
// other keys do not count and nothing is told twice.
func TestUsesOfAWholeLife(t *testing.T) {
	w := newWorld(t)
	now := time.Now().UTC().Truncate(time.Second)
	day := 24 * time.Hour
	for _, back := range []time.Duration{time.Second, time.Minute, day, day + time.Second, 100 * day, 399 * day} {
		w.events = append(w.events, event(w.production.ID, now.Add(-back)))
	}
	w.events = append(w.events, event(w.staging.ID, now.Add(-time.Minute)), event(w.production.ID, now.Add(-401*day)))
	got, err := uses(t, w, over(400*day))
	total := 0
	for _, u := range got.Uses {
		total += u.Count
	}
	if err != nil || total != 6 || got.Completeness != trail.Complete {
		t.Errorf("%d uses, %s, %v", total, got.Completeness, err)
	}
	for _, query := range w.query {
		q, err := url.ParseQuery(query)
		if err != nil || q.Get("start") == "" || q.Get("end") == "" || q.Get("api_key_id") != w.production.ID {
			t.Errorf("asked %s", query)
		}
	}
	if len(w.query) > 20 {
		t.Errorf("%d questions for a key that is used little", len(w.query))
	}
	if got, err := uses(t, w, over(800*day)); err != nil || got.Completeness != trail.Partial || !strings.Contains(got.Why, "720 days") {
		t.Errorf("%s: %s, %v", got.Completeness, got.Why, err)
	}
}

// TestUsesThatStop: what was told until then is kept, and is partial.
func TestUsesThatStop(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.events = append(w.events, event(w.production.ID, time.Now().Add(-time.Hour)))
	asked := 0
	w.override = func(rw http.ResponseWriter, _ *http.Request) bool {
		if asked++; asked == 2 {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(w.production.ID), over(72*time.Hour))
	failed(t, w, err, fault.Again, fault.ServerError)
	if len(trails) != 1 || trails[0].Completeness != trail.Partial || len(trails[0].Uses) != 1 {
		t.Errorf("%+v", trails)
	}
}

// TestMoreUsesThanCanBeRead: a list that does not end costs the oldest part.
func TestMoreUsesThanCanBeRead(t *testing.T) {
	w := newWorld(t)
	w.page = 1
	for i := range 250 {
		w.events = append(w.events, event(w.production.ID, time.Now().Add(-time.Hour-time.Duration(i)*time.Second)))
	}
	got, err := uses(t, w, over(72*time.Hour))
	if err != nil || got.Completeness != trail.Partial || len(got.Uses) == 0 || !strings.Contains(got.Why, "more than can be read") {
		t.Errorf("%s: %s, %d uses, %v", got.Completeness, got.Why, len(got.Uses), err)
	}
}
