package rest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"1.5":                           0,
		"soon":                          0,
		"86401":                         24 * time.Hour,
		"9223372036854775807":           24 * time.Hour,
		"Sun, 22 Nov 2026 10:01:30 GMT": 90 * time.Second,
		"Sun, 22 Nov 2026 09:59:59 GMT": 0,
		"Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q gives %v, want %v", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"7", "-1", "99999999999999999999", "Sun, 22 Nov 2026 10:01:30 GMT", "\x00"} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got < 0 || got > longestPause {
			t.Errorf("%q gives %v", text, got)
		}
	})
}

// FuzzDecode: whatever an accepted answer holds, the caller has a whole value
// or a classified error, and a write that cannot be read is Lost.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"name":"x"}`, `{"name":1}`, `null`, ` null `, `<html>`, ``, `{"name":"x"} {}`, `{"name":"` + strings.Repeat("x", 200)} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	c := &Client{maxBody: 64}
	f.Fuzz(func(t *testing.T, body string, write bool) {
		var out struct {
			Name string `json:"name"`
		}
		resp := &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}
		err := c.decode(Call{Op: "fuzzing", Write: write}, resp, &out)
		if len(body) > 64 && !fault.Is(err, fault.TooLarge) {
			t.Fatalf("%d bytes were read: %v", len(body), err)
		}
		if err == nil {
			return
		}
		want := fault.Ask
		if write {
			want = fault.Lost
		}
		if got := fault.Of(err); got.Class != want || got.Err != nil {
			t.Errorf("%v with cause %v, want class %v and no cause", got.Class, got.Err, want)
		}
	})
}
