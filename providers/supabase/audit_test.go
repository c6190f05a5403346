package supabase_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
)

// grouped answers with requests that are alike, the rarest first.
func (f *fake) grouped(ref, prefix, role string, start, end time.Time) []any {
	type alike struct{ ip, agent, path, status string }
	type seen struct {
		first, last time.Time
		n           int
	}
	all, order := map[alike]*seen{}, []alike{}
	for _, u := range f.uses {
		if u.ref != ref || u.prefix != prefix || u.role != role || u.at.Before(start) || !u.at.Before(end) {
			continue
		}
		k := alike{u.ip, u.agent, u.path, u.status}
		if all[k] == nil {
			all[k], order = &seen{first: u.at}, append(order, k)
		}
		all[k].last, all[k].n = u.at, all[k].n+1
	}
	rows := []any{}
	for n := 1; len(rows) < min(len(order), 1000); n++ {
		for _, k := range order {
			if s := all[k]; s.n == n && len(rows) < 1000 {
				rows = append(rows, map[string]any{
					"first": s.first.Format("2006-01-02 15:04:05.000"), "last": s.last.Format("2006-01-02 15:04:05.000"), "requests": s.n,
					"ip": k.ip, "agent": k.agent, "method": "GET", "path": k.path, "status": k.status,
				})
			}
		}
	}
	return rows
}

func audited(t *testing.T, kind providers.Kind, id string, over trail.Window) trail.Trail {
	t.Helper()
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(id), over)
	if err != nil || len(trails) != 2 {
		t.Fatalf("%d trails, %v", len(trails), err)
	}
	return trails[0]
}

func over(back time.Duration, marks ...time.Time) trail.Window {
	to := time.Now().UTC().Truncate(time.Second)
	return trail.Window{From: to.Add(-back), To: to, Marks: marks, Most: 2000}
}

func (w world) uses2(prefix, ip, agent string, at ...time.Time) {
	for _, a := range at {
		w.fake.uses = append(w.fake.uses, use{ref: productionRef, prefix: prefix, at: a, ip: ip, agent: agent, path: "/rest/v1/users", status: "200"})
	}
}

// TestUsesTellWhoCame: with address and agent, joined where they are alike, and
// cut at the moments that matter.
func TestUsesTellWhoCame(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	now := time.Now().UTC().Truncate(time.Second)
	moved := now.Add(-30 * time.Minute)
	w.uses2(w.production.Prefix, "198.51.100.10", "supabase-js", now.Add(-50*time.Hour), now.Add(-40*time.Minute), now.Add(-39*time.Minute), now.Add(-20*time.Minute))
	w.uses2(w.production.Prefix, "203.0.113.66", "curl/8.1", now.Add(-20*time.Minute))
	w.uses2(w.keyOf(productionRef, "worker").Prefix, "203.0.113.67", "curl/8.1", now.Add(-20*time.Minute))
	got := audited(t, kind, w.production.ID, over(51*time.Hour, moved))
	known := secret.New("not in any of it")
	var lines []string
	for _, u := range got.Uses {
		lines = append(lines, fmt.Sprint(u.From, " ", u.Agent.Masked(known), " ", u.What.Masked(known), " ", u.Count, " ", u.First.Before(moved)))
	}
	want := []string{
		"198.51.100.10 supabase-js GET /rest/v1/users 200 1 true", "198.51.100.10 supabase-js GET /rest/v1/users 200 2 true",
		"198.51.100.10 supabase-js GET /rest/v1/users 200 1 false", "203.0.113.66 curl/8.1 GET /rest/v1/users 200 1 false",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if got.Completeness != trail.Complete {
		t.Errorf("%s: %s", got.Completeness, got.Why)
	}
	for _, q := range w.queries {
		q, _ := url.ParseQuery(q)
		start, _ := time.Parse(time.RFC3339, q.Get("iso_timestamp_start"))
		end, _ := time.Parse(time.RFC3339, q.Get("iso_timestamp_end"))
		if start.Before(moved) && end.After(moved) && strings.Contains(q.Get("sql"), "group by") {
			t.Errorf("a question counts on both sides of the move: %s to %s", start, end)
		}
	}
}

// TestLogsThatReachNotSoFar: no request at all on the first day may mean that
// the plan forgot it.
func TestLogsThatReachNotSoFar(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.uses2(w.production.Prefix, "198.51.100.10", "supabase-js", time.Now().Add(-time.Hour))
	got := audited(t, kind, w.production.ID, over(72*time.Hour))
	if got.Completeness != trail.Partial || !strings.Contains(got.Why, "may not keep") || len(got.Uses) != 1 {
		t.Errorf("%s: %s, %d uses", got.Completeness, got.Why, len(got.Uses))
	}
	if got := audited(t, kind, w.production.ID, over(40*24*time.Hour)); got.Completeness != trail.Partial || !strings.Contains(got.Why, "28 days") {
		t.Errorf("%s: %s", got.Completeness, got.Why)
	}
}

// TestTheRarestAreKept: more requests that differ than one answer holds.
func TestTheRarestAreKept(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	now := time.Now().UTC().Truncate(time.Second)
	for i := range 1200 {
		w.fake.uses = append(w.fake.uses,
			use{ref: productionRef, prefix: w.production.Prefix, at: now.Add(-time.Minute), ip: "198.51.100.10", path: fmt.Sprint("/rest/v1/", i), status: "200"},
			use{ref: productionRef, prefix: w.production.Prefix, at: now.Add(-time.Minute), ip: "198.51.100.10", path: fmt.Sprint("/rest/v1/", i), status: "200"})
	}
	w.uses2(w.production.Prefix, "203.0.113.66", "curl/8.1", now.Add(-time.Minute))
	got := audited(t, kind, w.production.ID, over(time.Hour))
	thief := 0
	for _, u := range got.Uses {
		if u.From.String() == "203.0.113.66" {
			thief++
		}
	}
	if got.Completeness != trail.Partial || thief != 1 || !strings.Contains(got.Why, "rarest") {
		t.Errorf("%s: %s, the thief %d times", got.Completeness, got.Why, thief)
	}
}

// TestUsesAfterTheEnd: whoever tries a deleted key is refused, and is seen.
func TestUsesAfterTheEnd(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(w.production.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.fake.uses = append(w.fake.uses, use{ref: productionRef, prefix: w.production.Prefix, at: time.Now().Add(-time.Second), ip: "203.0.113.66", status: "401"})
	got := audited(t, kind, w.production.ID, over(time.Hour))
	if len(got.Uses) != 1 || got.Uses[0].From.String() != "203.0.113.66" {
		t.Errorf("%+v", got)
	}
	// Who starts anew after the end cannot know how the logs call it, and says so.
	_, err := w.provider(t).Survey(t.Context(), map[string]providers.Values{"staging": w.current()["staging"]})
	if err != nil {
		t.Fatal(err)
	}
	_, err = kind.(providers.Auditor).Uses(t.Context(), "00000000-0000-4000-8000-000000000000", over(time.Hour))
	failed(t, w, err, fault.Ask, fault.NotFound)
}

// TestUsesThatStop: what was told until then is kept, and is partial.
func TestUsesThatStop(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.uses2(w.production.Prefix, "203.0.113.66", "curl/8.1", time.Now().Add(-time.Hour))
	asked := 0
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/logs") || strings.Contains(r.URL.Query().Get("sql"), "limit 1") && !strings.Contains(r.URL.Query().Get("sql"), "group") {
			return false
		}
		if asked++; asked == 2 {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(w.production.ID), over(72*time.Hour))
	failed(t, w, err, fault.Again, fault.ServerError)
	if len(trails) != 2 || trails[0].Completeness != trail.Partial || len(trails[0].Uses) != 1 {
		t.Errorf("%+v", trails)
	}
}
