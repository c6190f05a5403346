package anthropic_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
)

// report answers as the usage report does: whole buckets of what was used.
func (w world) report(used map[time.Time]string) {
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/organizations/usage_report/messages" {
			return false
		}
		q := r.URL.Query()
		w.asked = append(w.asked, r.URL.RawQuery)
		each := map[string]time.Duration{"1m": time.Minute, "1h": time.Hour, "1d": 24 * time.Hour}[q.Get("bucket_width")]
		start, _ := time.Parse(time.RFC3339, q.Get("starting_at"))
		end, _ := time.Parse(time.RFC3339, q.Get("ending_at"))
		data := []any{}
		for at := start; at.Before(end); at = at.Add(each) {
			results := []any{}
			for when, model := range used {
				if !when.Before(at) && when.Before(at.Add(each)) {
					results = append(results, map[string]any{"api_key_id": w.production.ID, "model": model, "uncached_input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1})
				}
			}
			data = append(data, map[string]any{"starting_at": at.Format(time.RFC3339), "ending_at": at.Add(each).Format(time.RFC3339), "results": results})
		}
		answer(rw, http.StatusOK, map[string]any{"data": data, "has_more": false, "next_page": nil})
		return true
	}
}

// TestUsesAreAsFineAsTheReport: minutes of the last day, hours of a week, days
// before, and none of them twice.
func TestUsesAreAsFineAsTheReport(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	to := time.Now().UTC().Truncate(time.Second)
	w.report(map[time.Time]string{
		to.Add(-10 * time.Minute): "claude-x", to.Add(-48 * time.Hour): "claude-x", to.Add(-30 * 24 * time.Hour): "claude-y",
		to.Add(-23 * time.Hour): "claude-x", to.Add(-24*time.Hour - time.Minute): "claude-x",
	})
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(w.production.ID), trail.Window{From: to.Add(-40 * 24 * time.Hour), To: to, Most: 100})
	if err != nil || len(trails) != 2 {
		t.Fatal(trails, err)
	}
	var got []string
	tokens := int64(0)
	for _, u := range trails[0].Uses {
		got = append(got, fmt.Sprint(u.Last.Sub(u.First), " ", u.What.Masked(secret.New("not in any of it"))))
		tokens += u.Amount
	}
	slices.Sort(got)
	if len(got) != 5 || tokens != 30 || trails[0].Completeness != trail.Complete {
		t.Errorf("%d tokens, %s: %q", tokens, trails[0].Completeness, got)
	}
	if n := strings.Count(strings.Join(got, ","), "24h0m0s requests to claude-y"); n != 1 {
		t.Errorf("%q", got)
	}
	end := ""
	for _, raw := range w.asked {
		q, _ := url.ParseQuery(raw)
		if end != "" && q.Get("ending_at") != end {
			t.Errorf("a question ends at %s, the finer one began at %s", q.Get("ending_at"), end)
		}
		end = q.Get("starting_at")
	}
	if trails[1].Completeness != trail.Unavailable {
		t.Errorf("the activity feed is %s", trails[1].Completeness)
	}
}

func TestUsesOfAnOldKey(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	w.report(nil)
	to := time.Now().UTC()
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(w.production.ID), trail.Window{From: to.Add(-500 * 24 * time.Hour), To: to, Most: 100})
	if err != nil || trails[0].Completeness != trail.Partial || !strings.Contains(trails[0].Why, "nothing is kept") {
		t.Errorf("%+v, %v", trails, err)
	}
	_, err = kind.(providers.Auditor).Uses(t.Context(), "not an id", trail.Window{From: to.Add(-time.Hour), To: to, Most: 100})
	failed(t, w, err, fault.Never, fault.Invalid)
}
