package finding

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
)

func TestFailed(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.7: refused")
	for reason, want := range map[fault.Reason]Verdict{
		fault.Unreachable: Wrong, fault.Unauthorized: Wrong, fault.TimedOut: Wrong, fault.Managed: Wrong,
		fault.RateLimited: Unclear, fault.ServerError: Unclear, fault.Interrupted: Unclear,
	} {
		f := Failed("Vault", &fault.Error{Op: "asking", Reason: reason, Status: 418, Detail: "a pot", Err: cause}, "Look.")
		if f.Verdict != want || !strings.HasSuffix(f.Found, "(status 418); a pot.") || strings.Contains(f.Found, "10.0.0.7") {
			t.Errorf("%s: %+v", reason, f)
		}
	}
	if f := Failed("Vault", cause, "Look."); f.Verdict != Wrong || !strings.Contains(f.Found, "something unexpected happened") {
		t.Errorf("an error nobody classified: %+v", f)
	}
}

// TestWords: every reason that a look can end with has words of its own.
func TestWords(t *testing.T) {
	seen := map[string]fault.Reason{}
	for reason, text := range reasons {
		if other, twice := seen[text]; twice {
			t.Errorf("%s and %s read alike", reason, other)
		}
		seen[text] = reason
	}
	if got := Words(&fault.Error{Op: "asking", Reason: "new"}); got != "asking: something unexpected happened." {
		t.Errorf("a reason without words: %q", got)
	}
}

// TestSkewed: a server's time comes in whole seconds, which are not held
// against it.
func TestSkewed(t *testing.T) {
	now := time.Now()
	for off, want := range map[time.Duration]Verdict{
		0: OK, 30 * time.Second: OK, -31 * time.Second: OK, 32 * time.Second: Wrong, -time.Hour: Wrong,
	} {
		if f := Skewed("Clock", now.Add(off), now, 30*time.Second); f.Verdict != want {
			t.Errorf("%s: %+v", off, f)
		}
	}
	if f := Skewed("Clock", time.Time{}, now, 30*time.Second); f.Verdict != Unclear {
		t.Errorf("no time: %+v", f)
	}
}
