package chat

import (
	"net/http"
	"testing"
	"time"
)

// Slack asking to slow down is no reason to send a person away: the question
// is put again after the pause, a few times.
func TestACommandOutlivesALimit(t *testing.T) {
	slow := fault{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": "5"}}
	for _, method := range []string{methodUser, methodGroup} {
		for name, c := range map[string]struct {
			faults []fault
			known  bool
			took   time.Duration
		}{
			"twice":     {[]fault{slow, slow}, true, 10 * time.Second},
			"for long":  {[]fault{slow, slow, slow, slow}, false, 10 * time.Second},
			"and fails": {[]fault{slow, {word: "internal_error"}}, false, 5 * time.Second},
		} {
			t.Run(method+" "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, w *world) {
					w.chat.people.config.Starters = People{Group: "S0SECOPS"}
					w.slack.fail(method, c.faults...)
					began := time.Now()
					_, may, err := w.chat.caller(t.Context(), "U0BEN", w.chat.people.recent)
					if known := err == nil; known != c.known || known != may.Starter || time.Since(began) != c.took {
						t.Errorf("after %s: %+v, %v", time.Since(began), may, err)
					}
				})
			})
		}
	}
}

// A rate above Slack's own does not raise what is sent at once.
func TestBursts(t *testing.T) {
	for _, c := range []struct{ rate, burst float64 }{{50, 10}, {500, 10}, {20, 4}, {1, 1}} {
		if got := newLimits(Rates{Tier3: c.rate}.withDefaults()).fresh(methodUpdate).Burst(); got != int(c.burst) {
			t.Errorf("at %v calls a minute %d at once, want %v", c.rate, got, c.burst)
		}
	}
}
