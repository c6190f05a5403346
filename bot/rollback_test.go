package main

import (
	"slices"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/rotation"
)

// wentBack waits until a rotation has turned around by itself, and holds the
// world's own records against what the report says: every environment and the
// application are on the old key, the new one is ended, and nobody who used the
// application noticed.
func (s *scene) wentBack() {
	s.Helper()
	s.wentBackIn(sandbox.Staging, sandbox.Production)
}

// wentBackIn is wentBack for a rotation that had written only there.
func (s *scene) wentBackIn(written ...string) {
	s.Helper()
	s.shows(s.says("*Rolling back.*"), "by itself, as the policy of this secret says", "Old key still valid.")
	s.shows(s.says("Rolled back in"), "The application runs on", "was ended", "is not rotated")
	old, _ := s.world.Fal.Key(s.world.OldKey())
	for _, env := range []string{sandbox.Staging, sandbox.Production} {
		held, _ := s.world.Infisical.Read(s.world.Place(env), app.FalKey)
		want := 1 // never written
		if slices.Contains(written, env) {
			want = 3
		}
		if held.Value != old.Value || held.Version != want {
			s.Errorf("%s is at version %d; it is the old value: %t", env, held.Version, held.Value == old.Value)
		}
	}
	r := s.last()
	if r.Cell.Mode != rotation.Rollback || !s.keyLives(s.world.OldKey()) || s.keyLives(string(r.New().ID)) {
		s.Errorf("mode %s; the old key lives: %t, the new one: %t", r.Cell.Mode, s.keyLives(s.world.OldKey()), s.keyLives(string(r.New().ID)))
	}
	if seen := s.world.Report(); seen.Failed > 0 || seen.Requests == 0 {
		s.Errorf("%d of %d requests of the application failed", seen.Failed, seen.Requests)
	}
}
