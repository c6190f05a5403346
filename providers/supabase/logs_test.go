package supabase_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

func lastUsed(t *testing.T, kind providers.Kind, id string, since time.Time) time.Time {
	t.Helper()
	last, err := kind.(providers.Usage).LastUsed(t.Context(), providers.ID(id), since)
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// TestLastUsedGoesBackDayByDay: a question covers 24 hours at most, both ends
// are named, and other keys do not count.
func TestLastUsedGoesBackDayByDay(t *testing.T) {
	w := newWorld(t)
	at := time.Now().UTC().Truncate(time.Second).Add(-60 * time.Hour)
	w.uses = []use{{ref: productionRef, prefix: w.production.Prefix, at: at}, {ref: productionRef, prefix: w.production.Prefix, at: at.Add(-time.Minute)},
		{ref: productionRef, prefix: w.keyOf(productionRef, "worker").Prefix, at: at.Add(time.Hour)}}
	kind := w.kind(t)
	if got := lastUsed(t, kind, w.production.ID, at.Add(-100*time.Hour)); !got.Equal(at) {
		t.Errorf("last used %v, want %v", got, at)
	}
	if len(w.queries) != 4 { // the column, and three days
		t.Errorf("%d questions", len(w.queries))
	}
	for _, query := range w.queries {
		q, err := url.ParseQuery(query)
		if err != nil || q.Get("iso_timestamp_start") == "" || q.Get("iso_timestamp_end") == "" {
			t.Errorf("asked %s: without both ends the answer is about the last minute only", query)
		}
	}
	if got := lastUsed(t, kind, w.production.ID, at.Add(time.Minute)); !got.IsZero() {
		t.Errorf("a use before the time asked about counts: %v", got)
	}
}

// TestNameOfTheColumn: it was announced as source_name and is documented as
// source; what answered is remembered.
func TestNameOfTheColumn(t *testing.T) {
	for _, name := range []string{"source", "source_name"} {
		w := newWorld(t)
		w.column = name
		at := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
		w.uses = []use{{ref: stagingRef, prefix: w.staging.Prefix, at: at}}
		kind := w.kind(t)
		for range 2 {
			if got := lastUsed(t, kind, w.staging.ID, at.Add(-time.Hour)); !got.Equal(at) {
				t.Errorf("%s: last used %v", name, got)
			}
		}
		looked := 0
		for _, q := range w.queries {
			if strings.Contains(q, "select+source") {
				looked++
			}
		}
		if want := map[string]int{"source": 1, "source_name": 2}[name]; looked != want {
			t.Errorf("%s: looked for the name %d times, want %d", name, looked, want)
		}
	}
	w := newWorld(t)
	w.column = "origin"
	_, err := w.kind(t).(providers.Usage).LastUsed(t.Context(), providers.ID(w.staging.ID), time.Now().Add(-time.Hour))
	failed(t, w, err, fault.Never, fault.Invalid)
}

func TestLastUsedIsBounded(t *testing.T) {
	w := newWorld(t)
	usage := w.kind(t).(providers.Usage)
	before := len(w.seen())
	for since, id := range map[time.Time]string{
		{}:                                   w.staging.ID,
		time.Now().Add(-29 * 24 * time.Hour): w.production.ID,
		time.Now().Add(-time.Hour):           "",
		time.Now().Add(-2 * time.Hour):       "x' or 1=1 --",
	} {
		_, err := usage.LastUsed(t.Context(), providers.ID(id), since)
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	_, err := usage.LastUsed(t.Context(), "11111111-aaaa-4bbb-8ccc-222222222222", time.Now().Add(-time.Hour))
	failed(t, w, err, fault.Ask, fault.NotFound)
	if len(w.seen()) != before {
		t.Error("something was asked")
	}
}

// TestAPrefixIsNotSQL: what the list calls a prefix goes into a question only
// if it is one.
func TestAPrefixIsNotSQL(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	for i := range w.keys {
		w.keys[i].Prefix += "' or 1=1 --"
	}
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := kind.(providers.Usage).LastUsed(t.Context(), providers.ID(w.staging.ID), time.Now().Add(-time.Hour))
	failed(t, w, err, fault.Ask, fault.NotFound)
}

func TestLastUsedRefusesWhatItCannotRead(t *testing.T) {
	for _, body := range []string{
		`{}`,
		`{"result":[]}`,
		`{"result":[{"last":"2026-11-22 10:00:00"}]}`,
		`{"result":[{"requests":3,"last":"yesterday"}]}`,
		`{"result":null,"error":null}`,
	} {
		w := newWorld(t)
		usage := w.kind(t).(providers.Usage)
		w.override = func(rw http.ResponseWriter, r *http.Request) bool {
			mine := strings.Contains(r.URL.Query().Get("sql"), "count(")
			if mine {
				_, _ = io.WriteString(rw, body)
			}
			return mine
		}
		_, err := usage.LastUsed(t.Context(), providers.ID(w.staging.ID), time.Now().Add(-time.Hour))
		failed(t, w, err, fault.Ask, fault.Garbled)
	}
}
