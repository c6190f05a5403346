//go:build !release

package main

import "testing"

// TestDemoAnthropic is the rotation with a person at a console, one key for
// each environment.
func TestDemoAnthropic(t *testing.T) {
	t.Parallel()
	r, err := play(t, sandboxOptions{}, script{secret: "ANTHROPIC_API_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.ApprovedBy != "T0SANDBOX/U0BEN" || len(r.Steps) != 20 || r.AppRequests < 100 {
		t.Errorf("result: %+v", r)
	}
}
