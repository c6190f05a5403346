package infisical_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/deploy/deploytest"
	"rekey/deploy/infisical"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/internal/trail"
)

const botID = "b07b07b0-0000-4000-8000-000000000001"

// logged is an entry of the audit log; key is "" for a reading of a whole folder.
type logged struct {
	at              time.Time
	place           infisical.Place
	event, key      string
	identity, agent string
}

// audit answers from the log as the server does: from last midnight unless told,
// three months at most, newest first, and without a licence as if nothing had
// ever happened.
func (s *server) audit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	start, err1 := time.Parse(time.RFC3339, q.Get("startDate"))
	end, err2 := time.Parse(time.RFC3339, q.Get("endDate"))
	offset, _ := strconv.Atoi(q.Get("offset"))
	limit, _ := strconv.Atoi(q.Get("limit"))
	switch {
	case s.blinded:
		refuse(w, http.StatusForbidden, "PermissionDenied", "You are not allowed to read on audit-logs")
		return
	case err1 != nil || err2 != nil || end.Sub(start) > 92*24*time.Hour || limit > 1000 || q.Get("projectId") != projectID:
		refuse(w, http.StatusUnprocessableEntity, "ValidationFailure", "no")
		return
	}
	fit := []any{}
	for _, e := range slices.Backward(s.log) {
		at := infisical.Place{Environment: q.Get("environment"), Path: q.Get("secretPath")} == e.place
		events := strings.Split(q.Get("eventType"), ",")
		if s.muted || !at || !slices.Contains(events, e.event) || q.Get("secretKey") != "" && q.Get("secretKey") != e.key || e.at.Before(start) || e.at.After(end) {
			continue
		}
		fit = append(fit, map[string]any{
			"id": "l", "createdAt": e.at.UTC().Format("2006-01-02T15:04:05.000Z"), "ipAddress": "203.0.113.66", "userAgent": e.agent, "userAgentType": "other",
			"event": map[string]any{"type": e.event, "metadata": map[string]any{}},
			"actor": map[string]any{"type": "identity", "metadata": map[string]any{"identityId": e.identity, "name": "name-of-" + e.identity}},
		})
	}
	answer(w, map[string]any{"auditLogs": append([]any{}, fit[min(offset, len(fit)):min(offset+limit, len(fit))]...)})
}

func readings(t *testing.T, b *bench, back time.Duration) (trail.Trail, []string) {
	t.Helper()
	to := time.Now().UTC()
	trails, err := b.vault.Readings(t.Context(), "production", []string{"R2_ACCESS_KEY_ID"}, trail.Window{From: to.Add(-back), To: to, Most: 100})
	if err != nil || len(trails) != 1 {
		t.Fatal(trails, err)
	}
	var lines []string
	for _, u := range trails[0].Uses {
		plain := secret.New("not in any of it")
		lines = append(lines, fmt.Sprint(u.What.Masked(plain), " by ", u.Who.Masked(plain), " ", u.Own))
	}
	return trails[0], lines
}

var _ deploy.Auditor = (*infisical.Vault)(nil)

// Who lists the folder has read the value, and the log does not name it there.
func TestReadingsFindWhoReadTheFolder(t *testing.T) {
	b := newBench(t)
	now := time.Now()
	b.set(func() {
		b.log = []logged{
			{now.Add(-100 * 24 * time.Hour), production, "get-secret", "OTHER", "ci", "x"},
			{now.Add(-30 * time.Minute), production, "get-secret", "R2_ACCESS_KEY_ID", botID, "rekey"},
			{now.Add(-20 * time.Minute), production, "get-secrets", "", "laptop", "curl"},
			{now.Add(-19 * time.Minute), production, "get-secret", "UNRELATED", "laptop", "curl"},
			{now.Add(-18 * time.Minute), staging, "get-secrets", "", "laptop", "curl"},
			{now.Add(-10 * time.Minute), production, "reveal-secret", "R2_ACCESS_KEY_ID", "laptop", "browser"},
		}
	})
	got, lines := readings(t, b, 90*24*time.Hour)
	want := []string{"read by name by name-of-" + botID + " (" + botID + ") true", "read with its whole folder by name-of-laptop (laptop) false", "shown in the console by name-of-laptop (laptop) false"}
	if !slices.Equal(lines, want) || got.Completeness != trail.Complete {
		t.Errorf("%s (%s): %q", got.Completeness, got.Why, lines)
	}
	secrettest.NoLeak(t, []secret.Value{secret.New(firstID), secret.New(firstSecret), secret.New(clientSecret)}, got, &got)
}

// An empty answer is no proof of anything, and neither is one without our own.
func TestReadingsAreNotBelievedBlindly(t *testing.T) {
	now := time.Now()
	own := logged{now.Add(-30 * time.Minute), production, "get-secret", "R2_ACCESS_KEY_ID", botID, "rekey"}
	other := logged{now.Add(-20 * time.Minute), production, "get-secrets", "", "laptop", "curl"}
	before := logged{now.Add(-26 * time.Hour), production, "get-secrets", "", "laptop", "curl"}
	for name, c := range map[string]struct {
		change func(*server)
		want   trail.Completeness
		why    string
	}{
		"no licence":          {func(s *server) { s.muted, s.log = true, []logged{before, own, other} }, trail.Unavailable, "Cannot audit"},
		"not our own":         {func(s *server) { s.log = []logged{before, other} }, trail.Partial, "What Rekey itself has read is not in it"},
		"nothing before":      {func(s *server) { s.log = []logged{own, other} }, trail.Partial, "may not keep them"},
		"a token that hides":  {func(s *server) { s.claims, s.log = "opaque", []logged{before, own, other} }, trail.Partial, "cannot be told"},
		"whole, and believed": {func(s *server) { s.log = []logged{before, own, other} }, trail.Complete, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.set(func() { c.change(b.server) })
			got, _ := readings(t, b, 24*time.Hour)
			if got.Completeness != c.want || !strings.Contains(got.Why, c.why) {
				t.Errorf("%s: %s", got.Completeness, got.Why)
			}
		})
	}
}

func TestReadingsWithoutTheRight(t *testing.T) {
	b := newBench(t)
	b.set(func() { b.blinded = true })
	trails, err := b.vault.Readings(t.Context(), "production", []string{"R2_ACCESS_KEY_ID"}, trail.Window{From: time.Now().Add(-time.Hour), To: time.Now(), Most: 10})
	if f := fault.Of(err); err == nil || f.Reason != fault.Forbidden || len(trails) != 0 {
		t.Errorf("%+v, %v", trails, err)
	}
}

// A long window is asked in parts of three months, and every page is read.
func TestReadingsOfALongTime(t *testing.T) {
	b := newBench(t)
	now := time.Now()
	b.set(func() {
		for i := range 2300 {
			b.log = append(b.log, logged{now.Add(-time.Duration(2300-i) * time.Hour / 10), production, "get-secrets", "", "app", "app"})
		}
		b.log = append([]logged{{now.Add(-200 * 24 * time.Hour), production, "get-secrets", "", "laptop", "curl"}}, b.log...)
		b.log = append(b.log, logged{now.Add(-time.Minute), production, "get-secret", "R2_ACCESS_KEY_ID", botID, "rekey"})
	})
	got, _ := readings(t, b, 250*24*time.Hour)
	total, odd := 0, 0
	for _, u := range got.Uses {
		if total += u.Count; strings.Contains(u.Who.Masked(secret.New("not in any of it")), "laptop") {
			odd++
		}
	}
	if total != 2302 || odd != 1 {
		t.Errorf("%d readings, %d of them the laptop's", total, odd)
	}
}

func TestAuditorContract(t *testing.T) {
	deploytest.Auditor(t, func(t *testing.T) deploytest.AuditorBed {
		b := newBench(t)
		notes := func(event, key, who string) func() {
			return func() {
				b.set(func() { b.log = append(b.log, logged{time.Now(), production, event, key, who, "agent"}) })
			}
		}
		return deploytest.AuditorBed{
			Auditor: b.vault, Environment: "production", Names: []string{"R2_ACCESS_KEY_ID"},
			Own: notes("get-secret", "R2_ACCESS_KEY_ID", botID), Other: notes("get-secrets", "", "laptop"),
			Mute:    func() { b.set(func() { b.muted = true }) },
			Blind:   func() { b.set(func() { b.blinded = true }) },
			Secrets: []secret.Value{secret.New(firstID), secret.New(firstSecret), secret.New(clientSecret)},
		}
	})
}
