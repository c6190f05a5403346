package statetest

import "rekey/state"

// testDecisions stores what people decide. Another replica sees it, a person's
// later word takes the place of the earlier one, and all of it goes with the
// record's closing.
func testDecisions(w world) {
	w.create("rotation/a")
	w.create("rotation/b")
	decide := func(key, name string, body []byte) {
		w.Helper()
		w.ok(w.s.Decide(w.ctx, key, name, body))
	}
	decided := func(key string, want map[string][]byte) {
		w.Helper()
		got, err := w.Open(w.T).Decisions(w.ctx, key)
		w.ok(err)
		w.same(got, want)
	}
	about := func(want ...string) {
		w.Helper()
		got, err := w.Open(w.T).Decided(w.ctx)
		w.ok(err)
		w.same(got, want)
	}
	w.create("rotation/c")
	about()
	decide("rotation/b", "T1/U1", []byte("of b"))
	about("rotation/b")
	decide("rotation/a", "T1/U1", []byte("yes"))
	about("rotation/a", "rotation/b")
	decide("rotation/a", "T1/U2", odd)
	decide("rotation/a", "T1/U1", []byte("no"))
	decided("rotation/a", map[string][]byte{"T1/U1": []byte("no"), "T1/U2": odd})
	decided("rotation/none", nil)

	w.is(w.s.Decide(w.ctx, "rotation/none", "T1/U1", nil), state.ErrNotFound)
	for _, names := range [][2]string{{"", "T1/U1"}, {"rotation/a", ""}, {"rotation/a", "T1\nU1"}} {
		if err := w.s.Decide(w.ctx, names[0], names[1], nil); err == nil {
			w.Errorf("key %q, name %q: accepted", names[0], names[1])
		}
	}
	w.change("rotation/a", state.Change{Body: []byte("on")}) // an ordinary commit leaves them
	decided("rotation/a", map[string][]byte{"T1/U1": []byte("no"), "T1/U2": odd})
	w.close("rotation/a")
	decided("rotation/a", nil)
	about("rotation/b")
	w.is(w.s.Decide(w.ctx, "rotation/a", "T1/U1", nil), state.ErrNotFound)
	decided("rotation/b", map[string][]byte{"T1/U1": []byte("of b")})
}
