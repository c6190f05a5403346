package upstash_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
)

// auditLogs is the account's log, all of it, in whole seconds.
func (f *fake) auditLogs(w http.ResponseWriter, r *http.Request) {
	if who, key, _ := r.BasicAuth(); who != mail || key != f.key {
		answer(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	all := []any{}
	for _, back := range []time.Duration{time.Minute, 40 * time.Minute} {
		all = append(all, object{
			"log_id": "l", "customer_id": mail, "actor": "mallory@example.com", "timestamp": time.Now().Add(-back).Unix(), "action": 13,
			"action_string": "Reset Password", "source": "CONSOLE", "entity": "shop", "ip": "203.0.113.66", "ttl": 0,
		})
	}
	answer(w, http.StatusOK, all)
}

// TestUsesAreWhatWasDoneToDatabases, as far back as the log goes; commands are
// honestly not told of.
func TestUsesAreWhatWasDoneToDatabases(t *testing.T) {
	for back, want := range map[time.Duration]trail.Completeness{30 * time.Minute: trail.Complete, time.Hour: trail.Partial} {
		w := newWorld(t)
		kind := w.kind(t, w.asDefault())
		to := time.Now()
		trails, err := kind.(providers.Auditor).Uses(t.Context(), "some-id", trail.Window{From: to.Add(-back), To: to, Most: 10})
		if err != nil || len(trails) != 2 || trails[0].Completeness != want || trails[1].Completeness != trail.Unavailable {
			t.Fatalf("%s: %+v, %v", back, trails, err)
		}
		u := trails[0].Uses[len(trails[0].Uses)-1]
		if who := u.Who.Masked(secret.New("not in any of it")); u.From.String() != "203.0.113.66" || !strings.HasPrefix(who, "mallory@example.com") {
			t.Errorf("%s by %s", u.From, who)
		}
	}
}
