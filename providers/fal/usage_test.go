package fal_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

func lastUsed(t *testing.T, w world, since time.Time) time.Time {
	t.Helper()
	last, err := w.kind(t).(providers.Usage).LastUsed(t.Context(), providers.ID(w.production.ID), since)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestLastUsedLooksThroughAllPages(t *testing.T) {
	w := newWorld(t)
	now := time.Now().Truncate(time.Second)
	newest := now.Add(-time.Minute)
	for i := range 9 { // the newest stands in the middle: no order is promised
		w.events = append(w.events, event(w.production.ID, newest.Add(-time.Duration((i+5)%9)*time.Minute)))
	}
	w.events = append(w.events, event(w.staging.ID, now)) // somebody else's
	if got := lastUsed(t, w, now.Add(-time.Hour)); !got.Equal(newest) {
		t.Errorf("last used %v, want %v", got, newest)
	}
	for _, query := range w.query {
		q, err := url.ParseQuery(query)
		if err != nil || q.Get("start") == "" || q.Get("end") == "" || q.Get("api_key_id") != w.production.ID {
			t.Errorf("asked %s: without both ends the answer is about the last day only", query)
		}
	}
}

func TestLastUsedNowCounts(t *testing.T) {
	w := newWorld(t)
	now := time.Now().Truncate(time.Second) // the end that is asked for is exclusive
	w.events = append(w.events, event(w.production.ID, now))
	if got := lastUsed(t, w, now); !got.Equal(now) {
		t.Errorf("last used %v, want %v", got, now)
	}
}

func TestLastUsedBeforeSinceIsNotUse(t *testing.T) {
	w := newWorld(t)
	second := time.Now().Truncate(time.Second).Add(-time.Minute)
	w.events = append(w.events, event(w.production.ID, second))
	if got := lastUsed(t, w, second.Add(time.Millisecond)); !got.IsZero() {
		t.Errorf("a use before the time asked about counts: %v", got)
	}
}

func TestLastUsedGoesBackWindowByWindow(t *testing.T) {
	w := newWorld(t)
	day := 24 * time.Hour
	at := time.Now().Truncate(time.Second).Add(-200 * day)
	w.events = append(w.events, event(w.production.ID, at))
	if got := lastUsed(t, w, at.Add(-day)); !got.Equal(at) {
		t.Errorf("last used %v, want %v", got, at)
	}
	if len(w.query) != 3 {
		t.Errorf("%d questions for 201 days, want 3 of at most 90", len(w.query))
	}
}

func TestLastUsedIsBounded(t *testing.T) {
	w := newWorld(t)
	usage := w.kind(t).(providers.Usage)
	before := len(w.seen())
	for since, id := range map[time.Time]string{
		{}:                                    w.production.ID,
		time.Now().AddDate(-3, 0, 0):          w.production.ID,
		time.Now().Add(-time.Hour):            "",
		time.Now().Add(-2 * time.Hour):        "not an id",
		time.Now().Add(-721 * 24 * time.Hour): w.staging.ID,
	} {
		_, err := usage.LastUsed(t.Context(), providers.ID(id), since)
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	if len(w.seen()) != before {
		t.Error("something was asked")
	}
}

func TestLastUsedRefusesWhatItCannotRead(t *testing.T) {
	for _, body := range []string{
		`{"has_more":false,"next_cursor":null}`,
		`{"billing_events":[{"timestamp":"yesterday"}],"has_more":false,"next_cursor":null}`,
		`{"billing_events":[],"next_cursor":null}`,
	} {
		w := newWorld(t)
		usage := w.kind(t).(providers.Usage)
		w.override = func(rw http.ResponseWriter, _ *http.Request) bool { _, _ = io.WriteString(rw, body); return true }
		_, err := usage.LastUsed(t.Context(), providers.ID(w.production.ID), time.Now().Add(-time.Hour))
		failed(t, w, err, fault.Ask, fault.Garbled)
	}
}
