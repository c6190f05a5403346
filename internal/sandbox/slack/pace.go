package slack

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"

	"rekey/internal/sandbox/wire"
)

// tooFast is a call over the limit; it becomes 429 with Retry-After.
type tooFast struct{ after time.Duration }

func (t *tooFast) Error() string { return fmt.Sprintf("ratelimited, retry after %s", t.after) }

// paceLocked counts a call against its method and, for chat.postMessage, also
// against its channel. Calls refused do not count, so that an app that waits as
// long as Retry-After says gets through.
func (s *Server) paceLocked(name string, m method, c call) error {
	if err := s.takeLocked(name, m.rate(s.lim)); err != nil {
		return err
	}
	if name == "chat.postMessage" {
		return s.takeLocked(name+" "+c.Get("channel"), s.lim.Channel)
	}
	return nil
}

func (s *Server) takeLocked(key string, r Rate) error {
	l, ok := s.limiters[key]
	if !ok {
		l = rate.NewLimiter(rate.Limit(float64(r.Events)/r.Per.Seconds()), max(r.Burst, 1))
		s.limiters[key] = l
	}
	turn := l.Reserve()
	if wait := turn.Delay(); wait > 0 {
		turn.Cancel()
		return &tooFast{after: wait}
	}
	return nil
}

// RateLimit makes the next calls of a method, as many as times says, fail with
// 429 and this Retry-After (whole seconds, rounded up). Zero times means until
// the fault "ratelimit <method>" is cleared.
func (s *Server) RateLimit(method string, times int, after time.Duration) {
	s.Faults.Inject("ratelimit "+method, wire.Fault{
		Match: wire.Match{Path: "/api/" + method},
		Limit: times,
		Do:    wire.TooMany(after, `{"ok":false,"error":"ratelimited"}`),
	})
}

// Refuse makes the next calls of a method, as many as times says, fail with an
// error code of Slack's. Zero times means until the fault "refuse <method>" is
// cleared.
func (s *Server) Refuse(method string, times int, code string) {
	s.Faults.Inject("refuse "+method, wire.Fault{
		Match: wire.Match{Path: "/api/" + method},
		Limit: times,
		Do: func(t wire.Turn) {
			wire.JSON(t.W, http.StatusOK, (&Refusal{Code: code}).body())
		},
	})
}
